"""Findings of a disc weighed together: what the region network says of all of them, and what the masks show.

For each finding the network's own logits stay, and a linear correction is added to them: from its logits of every finding, from
features of the masks, and from the level. Fitted by a penalty on the correction, it is nothing where there is nothing to correct.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..base.anatomy import finding

_FARTHEST = 4.0  # logits, and standard deviations of a feature, beyond which an input says no more than "far"


class FindingWeights(nn.Module):
    """Logits of findings, corrected.

    :param findings: those of the region network, in the order of its outputs; each of classes that exclude one another.
    :param features: number of features from the masks.
    :param levels: number of disc levels.
    :raises ValueError: if a finding is unknown, or several of its classes can hold together.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, findings: Sequence[str], features: int, levels: int) -> None:
        super().__init__()
        try:
            infos = [finding(name) for name in findings]
        except KeyError as error:
            raise ValueError(f"there is no finding {error}") from error
        if not all(info.exclusive for info in infos):
            raise ValueError("classes of a finding can hold together")
        self.sizes = [len(info.classes) for info in infos]
        outputs = sum(self.sizes)
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.own = nn.Parameter(torch.ones(len(self.sizes)))
        self.correction = nn.Linear(outputs + features + levels, outputs)
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)

    def forward(self, logits: Tensor, features: Tensor, levels: Tensor) -> Tensor:
        """Corrected logits (N, outputs).

        :param logits: of the region network, (N, outputs).
        :param features: from the masks, (N, features); NaN where something could not be measured.
        :param levels: one-hot, (N, levels).
        """
        centred = self.centred(logits)
        own = centred * self.own.repeat_interleave(torch.tensor(self.sizes, device=logits.device))
        corrected: Tensor = own + self.correction(self.inputs(centred, features, levels))
        return corrected

    def centred(self, logits: Tensor) -> Tensor:
        """Logits whose mean over the classes of each finding is 0: what is added to all of them says nothing."""
        return torch.cat([part - part.mean(1, keepdim=True) for part in logits.split(self.sizes, 1)], 1)

    def inputs(self, centred: Tensor, features: Tensor, levels: Tensor) -> Tensor:
        """What the correction is linear in, (N, outputs + features + levels); what could not be measured counts as usual."""
        standard = ((features - self.centre) / self.scale).nan_to_num(0.0)
        return torch.cat([centred.clamp(-_FARTHEST, _FARTHEST), standard.clamp(-_FARTHEST, _FARTHEST), levels], 1)
