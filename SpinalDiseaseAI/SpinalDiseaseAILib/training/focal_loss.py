"""The focal loss of both published localizers."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def focal_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of each output, weighted by the square of its error, summed.

    In this form (Li et al., Generalized Focal Loss, NeurIPS 2020, eq. 2, β = 2) the target may be any number in 0 … 1, such as
    a value of a Gaussian or the quality of a box. CornerNet's form has only the peak pixel as a positive, which a short training
    of a map with 512 × 512 pixels hardly notices; this form learns from the whole Gaussian, and its minimum is the Gaussian
    itself, whose centre is known to a fraction of a pixel.

    :param logits: any shape.
    :param target: same shape.
    """
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return ((logits.sigmoid() - target).square() * entropy).sum()
