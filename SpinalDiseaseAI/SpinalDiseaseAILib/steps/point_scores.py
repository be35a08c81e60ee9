"""Scores of the published localizers in some planes, and the best position of each key point, found independently."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..models.arrays import array_of
from ..models.box_detector import BoxDetector
from ..models.vnet2d import VNet2d
from .heat_maps import centroid

FloatArray = npt.NDArray[np.float64]

_RADIUS = 8.0  # pixels around a peak whose centre of mass is the key point: most of a Gaussian with a sigma of 5 pixels


@dataclass(frozen=True)
class PointScores:
    """Scores of key points in some planes.

    :param scores: (S, K, H, W) in 0 … 1, of each key point at each cell of a grid.
    :param centres: (S, 2, H, W), the (column, row) in view pixels that each cell predicts, the centre of its box; None if the
        cells are the view pixels themselves.
    """

    scores: Tensor
    centres: Tensor | None

    @classmethod
    def together(cls, parts: list[PointScores]) -> PointScores:
        """The planes of several batches in one."""
        centres = [part.centres for part in parts if part.centres is not None]
        return cls(torch.cat([part.scores for part in parts]), torch.cat(centres) if centres else None)

    def peaks(self) -> Tensor:
        """The best score of each key point in each plane, (S, K)."""
        return self.scores.flatten(2).amax(2).float()

    def best(self, key_point: int, weights: Tensor) -> tuple[FloatArray, float, Tensor]:
        """The best position of a key point over all planes.

        :param weights: of the planes, summing to 1; (S,).
        :returns: (column, row) in view pixels, its score, and the scores of all key points in all planes there, (S, K).
        """
        maps = self.scores[:, key_point].float()  # (S, H, W)
        mean = torch.einsum("s,shw->hw", weights, maps)
        row, column = divmod(int(mean.argmax()), mean.shape[1])
        there = self.scores[:, :, row, column].float()
        score = float(mean[row, column])
        if self.centres is None:
            return centroid(array_of(mean), (column, row), _RADIUS), score, there
        share = weights * there[:, key_point]
        share = share / share.sum().clamp(min=1e-9)
        return array_of((share[:, None] * self.centres[:, :, row, column]).sum(0).double()), score, there


@torch.inference_mode()
def point_scores(network: VNet2d | BoxDetector, images: Tensor) -> PointScores:
    """Run a published network on a batch of views.

    :param images: (S, 1, side, side) on the network's device.
    """
    if isinstance(network, VNet2d):
        return PointScores(network(images).sigmoid().half().cpu(), None)  # 16 bits save memory: 15 slices have 165 maps
    logits, boxes = network(images)
    return PointScores(logits.sigmoid().cpu(), ((boxes[:, :2] + boxes[:, 2:]) / 2).cpu())
