"""The segmentation network: a U-Net with an ImageNet encoder; its input is a sagittal plane and its two neighbours."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .efficient_encoder import STAGE_CHANNELS, STAGE_STRIDES, EfficientEncoder

TISSUES = ("background", "vertebra", "disc", "canal")
"""Outputs in order; the key points distinguish the individual vertebrae and discs."""

PLANES = 3
"""Input channels: the plane itself, its neighbour to the right and its neighbour to the left."""

_STAGES = 5
_SKIPS = (0, 1, 2, 4)  # stages whose features the decoder uses: strides 2, 4, 8 and 16


class _Up(nn.Module):
    """Upsampled coarser features concatenated with the finer ones; two 3×3 convolutions with batch norm and ReLU."""

    def __init__(self, below: int, here: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(below + here, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )

    def forward(self, below: Tensor, here: Tensor) -> Tensor:
        """(N, below, H/2, W/2) and (N, here, H, W) to (N, outputs, H, W)."""
        doubled = functional.interpolate(below, size=here.shape[-2:], mode="bilinear", align_corners=False)
        features: Tensor = self.body(torch.cat([doubled, here], 1))
        return features


class SegmentationNetwork(nn.Module):
    """Logits of the tissues at every pixel of a plane.

    :param widths: channels of the decoder at strides 1, 2, 4 and 8.
    """

    def __init__(self, widths: tuple[int, ...] | list[int] = (16, 32, 48, 64)) -> None:
        super().__init__()
        self.multiple = STAGE_STRIDES[_SKIPS[-1]]
        self.encoder = EfficientEncoder(PLANES, _STAGES)
        # The encoder halves the resolution at once; this branch keeps the edges.
        self.detail = nn.Sequential(
            nn.Conv2d(PLANES, widths[0], 3, padding=1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)
        )
        finer = [widths[0], *(STAGE_CHANNELS[stage] for stage in _SKIPS[:-1])]
        coarser = [*widths[1:], STAGE_CHANNELS[_SKIPS[-1]]]
        self.up = nn.ModuleList(_Up(below, here, own) for below, here, own in zip(coarser, finer, widths, strict=True))
        self.head = nn.Conv2d(widths[0], len(TISSUES), 1)

    def forward(self, planes: Tensor) -> Tensor:
        """Logits of a batch.

        :param planes: (N, 3, H, W), H and W multiples of :attr:`multiple`, grey values of about 0 … 1.
        :returns: (N, 4, H, W).
        """
        stages = self.encoder(planes)
        finer = [self.detail(planes), *(stages[stage] for stage in _SKIPS[:-1])]
        features = stages[_SKIPS[-1]]
        for block, here in zip(reversed(self.up), reversed(finer), strict=True):
            features = block(features, here)
        logits: Tensor = self.head(features)
        return logits
