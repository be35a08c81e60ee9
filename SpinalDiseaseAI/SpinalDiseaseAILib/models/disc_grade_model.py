"""The model of disc degeneration: a few coefficients that combine the output of the region network with features of the masks.

It offers three ways to the same three grades, for comparison and so that one can replace another that is not available:

* ``region``: sums of the Pfirrmann probabilities of the region network, calibrated;
* ``masks``: a multinomial logistic regression on signal and height from the masks;
* ``both``: the product of the two, each raised to a weight (a logarithmic opinion pool;
  Genest and Zidek, Statistical Science 1986).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

VARIANTS = ("region", "masks", "both")


class DiscGradeModel(nn.Module):
    """Log-probabilities of grades.

    :param features: number of features from the masks.
    :param levels: number of disc levels; the brightness of a healthy disc depends on its level.
    :param classes: number of grades.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, features: int, levels: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.masks = nn.Linear(features + levels, classes)
        self.region_weight = nn.Parameter(torch.ones(1))
        self.region_bias = nn.Parameter(torch.zeros(classes))
        self.both_weights = nn.Parameter(torch.full((2,), 0.5))
        self.both_bias = nn.Parameter(torch.zeros(classes))

    def forward(self, region: Tensor, features: Tensor, levels: Tensor) -> dict[str, Tensor]:
        """Log-probabilities by variant, each (N, classes).

        :param region: logarithms of the summed Pfirrmann probabilities, (N, classes).
        :param features: from the masks, (N, features).
        :param levels: one-hot, (N, levels).
        """
        by_masks = self.by_masks(features, levels)
        return {"region": self.by_region(region), "masks": by_masks, "both": self.pool(region, by_masks)}

    def by_region(self, region: Tensor) -> Tensor:
        """Log-probabilities of ``region``."""
        return (self.region_weight * region + self.region_bias).log_softmax(1)

    def by_masks(self, features: Tensor, levels: Tensor) -> Tensor:
        """Log-probabilities of ``masks``."""
        result: Tensor = self.masks(torch.cat([(features - self.centre) / self.scale, levels], 1))
        return result.log_softmax(1)

    def pool(self, region: Tensor, by_masks: Tensor) -> Tensor:
        """Log-probabilities of ``both``, from those of ``region`` and ``masks``."""
        return (self.both_weights[0] * region + self.both_weights[1] * by_masks + self.both_bias).log_softmax(1)
