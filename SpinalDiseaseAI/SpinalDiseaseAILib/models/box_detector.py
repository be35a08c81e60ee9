"""The box detector of the Spinal Disease 2020 system: a single-stage detector without anchors.

Every cell of a grid predicts a score for each key point, which says how well the cell's box fits it, and the distances from the
cell's centre to the four sides of the box. Sources: Tian et al., FCOS, ICCV 2019, for the distances; Li et al., Generalized Focal
Loss, NeurIPS 2020, for a single score of class and box quality.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .efficient_encoder import STAGE_CHANNELS, STAGE_STRIDES, EfficientEncoder
from .rare_output import RareOutput

_FINE = 2  # encoder stage that sets the resolution of the grid
_LONGEST = 6.0  # largest logarithm of a distance in cells, so that an untrained layer does not overflow


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class BoxDetector(nn.Module):
    """Boxes of key points.

    :param key_points: number of box classes.
    :param encoder_stages: stages of the EfficientNet-Lite0 encoder, four or more.
    :param width: channels of the layers after the encoder.
    """

    STRIDE = STAGE_STRIDES[_FINE]
    """Image pixels per cell."""

    multiple = 32
    """The sides of an image must be multiples of this."""

    def __init__(self, key_points: int, encoder_stages: int = 5, width: int = 64) -> None:
        super().__init__()
        self.encoder = EfficientEncoder(1, encoder_stages, skipped=0.05)
        self.fine = _convolution(STAGE_CHANNELS[_FINE], width, 1)
        self.coarse = _convolution(STAGE_CHANNELS[encoder_stages - 1], width, 1)
        self.tower = nn.Sequential(_convolution(width, width, 3), _convolution(width, width, 3))
        self.score = RareOutput(width, key_points)
        self.distance = nn.Conv2d(width, 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and boxes of a batch.

        :param x: shape (N, 1, H, W), H and W multiples of :attr:`multiple`, grey values of about 0 … 1.
        :returns: logits of the scores (N, K, H/8, W/8), and boxes (N, 4, H/8, W/8) as left, top, right and bottom in image
            pixels, where (0, 0) is the centre of the first pixel.
        """
        stages = self.encoder(x)
        fine = self.fine(stages[_FINE])
        coarse = functional.interpolate(self.coarse(stages[-1]), size=fine.shape[-2:], mode="bilinear", align_corners=False)
        features = self.tower(fine + coarse)
        distance = self.distance(features).clamp(max=_LONGEST).exp() * self.STRIDE
        columns, rows = cell_middles(distance.shape[2], distance.shape[3], self.STRIDE, distance.device)
        left, top, right, bottom = distance.unbind(1)
        return self.score(features), torch.stack([columns - left, rows - top, columns + right, rows + bottom], 1)


def cell_middles(height: int, width: int, stride: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Columns (W,) and rows (H, 1) of the cell centres, in image pixels."""
    columns = (torch.arange(width, device=device) + 0.5) * stride - 0.5
    rows = (torch.arange(height, device=device) + 0.5) * stride - 0.5
    return columns, rows[:, None]
