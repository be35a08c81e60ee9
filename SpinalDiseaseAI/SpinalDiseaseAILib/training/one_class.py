"""The loss of the Spinal Disease 2020 system: one class per structure, by softmax, with all examples weighted equally."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from ..base.anatomy import Finding


def one_class(target: Tensor) -> Tensor:
    """The class to train for a structure: if it has several, the first in the order of the finding.

    In the data, only a Schmorl node (v5) occurs together with another class, and the disc is trained as that other class.

    :param target: (N, classes) ones and zeros, with at least one 1 per row.
    :returns: (N,) index of the class.
    """
    return target.argmax(1)


def one_class_loss(logits: Tensor, target: Tensor, findings: tuple[Finding, ...]) -> Tensor:
    """Sum of the findings' mean cross-entropies over known findings, without class weights.

    :param logits: (N, outputs) of ``RegionResNet``: scores of mutually exclusive classes, log-odds of others.
    :param target: (N, outputs) ones and zeros, NaN if a finding is unknown.
    """
    total = logits.new_zeros(())
    start = 0
    for item in findings:
        end = start + len(item.classes)
        known = ~target[:, start].isnan()
        part, truth = logits[known, start:end], target[known, start:end]
        start = end
        if len(part):
            # The sigmoid of a softmax's log-odds is that softmax.
            stated = part.log_softmax(1) if item.exclusive else functional.logsigmoid(part)
            total = total + functional.nll_loss(stated, one_class(truth))
    return total
