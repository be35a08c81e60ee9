"""Joint refinement of the findings of a disc, from the region network's outputs for all of them and from the masks.

The network's logits of each finding are scaled, and a linear function of its logits of all findings, features of the masks and
the level is added as a correction. The fit penalizes the correction, so it is close to zero where it does not help.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..base.anatomy import finding

_FARTHEST = 4.0  # inputs are clamped at this many logits, or standard deviations of a feature


class FindingWeights(nn.Module):
    """Corrects the logits of findings.

    :param findings: those of the region network, in the order of its outputs; the classes of each must exclude one another.
    :param features: number of features from the masks.
    :param levels: number of disc levels.
    :raises ValueError: if a finding is unknown, or several of its classes can apply at once.
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
        :param features: from the masks, (N, features); NaN where a feature could not be measured.
        :param levels: one-hot, (N, levels).
        """
        centred = self.centred(logits)
        own = centred * self.own.repeat_interleave(torch.tensor(self.sizes, device=logits.device))
        corrected: Tensor = own + self.correction(self.inputs(centred, features, levels))
        return corrected

    def centred(self, logits: Tensor) -> Tensor:
        """Logits shifted to a mean of 0 over the classes of each finding; a common offset carries no information."""
        return torch.cat([part - part.mean(1, keepdim=True) for part in logits.split(self.sizes, 1)], 1)

    def inputs(self, centred: Tensor, features: Tensor, levels: Tensor) -> Tensor:
        """Inputs of the linear correction, (N, outputs + features + levels); a feature that is NaN counts as average."""
        standard = ((features - self.centre) / self.scale).nan_to_num(0.0)
        return torch.cat([centred.clamp(-_FARTHEST, _FARTHEST), standard.clamp(-_FARTHEST, _FARTHEST), levels], 1)
