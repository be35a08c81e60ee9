"""The loss of the Spinal Disease 2020 system: a structure has one class, by softmax, and every example counts alike."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from ..base.anatomy import Finding


def one_class(target: Tensor) -> Tensor:
    """The class that a structure is trained as, where it bears several: the first of the finding's order.

    In the data only a Schmorl node (v5) stands beside another class of a disc, so that the disc is trained as that other class.

    :param target: (N, classes) ones and zeros, one of them at least.
    :returns: (N,) index of the class.
    """
    return target.argmax(1)


def one_class_loss(logits: Tensor, target: Tensor, findings: tuple[Finding, ...]) -> Tensor:
    """Sum of the findings' mean cross-entropies over what is known, without weights of classes.

    :param logits: (N, outputs) as ``RegionResNet`` gives them: scores where classes exclude each other, log-odds where not.
    :param target: (N, outputs) ones and zeros, NaN where a finding is not known.
    """
    total = logits.new_zeros(())
    start = 0
    for item in findings:
        end = start + len(item.classes)
        known = ~target[:, start].isnan()
        part, truth = logits[known, start:end], target[known, start:end]
        start = end
        if len(part):
            # The sigmoid of the log-odds of a softmax is that softmax.
            stated = part.log_softmax(1) if item.exclusive else functional.logsigmoid(part)
            total = total + functional.nll_loss(stated, one_class(truth))
    return total
