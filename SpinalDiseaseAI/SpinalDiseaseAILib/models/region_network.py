"""The grading network: classifiers of regions with logits for all findings, averaged over the members."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .efficient_encoder import STAGE_CHANNELS, EfficientEncoder
from .localizer_network import ConvolutionBlock


class RegionTrunk(nn.Module):
    """A small residual network that turns a region, and the structure that it shows, into logits.

    :param channels: contrasts (T2, T1); an absent one is all zero.
    :param structures: number of structures that a region can show.
    :param outputs: number of logits.
    :param widths: channels of the stages, each at half the resolution of the one before.
    :param dropout: fraction of features that training drops.
    """

    def __init__(
        self,
        channels: int,
        structures: int,
        outputs: int,
        widths: tuple[int, ...] = (24, 48, 96, 160),
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, widths[0], 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)
        )
        stages: list[nn.Module] = []
        for before, after in zip((widths[0], *widths[:-1]), widths, strict=True):
            stages += [ConvolutionBlock(before, after), nn.MaxPool2d(2)]
        self.stages = nn.Sequential(*stages[:-1])
        self.structure = nn.Linear(structures, 32, bias=False)
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(2 * widths[-1] + 32, 128),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(128, outputs),
        )

    def forward(self, regions: Tensor, structures: Tensor) -> Tensor:
        """Logits (N, outputs) of regions (N, C, S, S) and one-hot structures (N, K)."""
        features = self.stages(self.stem(regions))
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3)), self.structure(structures)], 1)
        logits: Tensor = self.head(pooled)
        return logits


class EfficientTrunk(nn.Module):
    """As :class:`RegionTrunk`, with an encoder that can be initialized with ImageNet weights.

    :param stages: stages of the encoder that are used.
    """

    def __init__(self, channels: int, structures: int, outputs: int, stages: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.encoder = EfficientEncoder(channels, stages, skipped=0.1)
        self.structure = nn.Linear(structures, 32, bias=False)
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(2 * STAGE_CHANNELS[stages - 1] + 32, 128),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(128, outputs),
        )

    def forward(self, regions: Tensor, structures: Tensor) -> Tensor:
        """Logits (N, outputs) of regions (N, C, S, S) and one-hot structures (N, K)."""
        features = self.encoder(regions)[-1]
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3)), self.structure(structures)], 1)
        logits: Tensor = self.head(pooled)
        return logits


class RegionNetwork(nn.Module):
    """Differently trained members, small ones and some with the ImageNet encoder; their logits are averaged.

    The two kinds make different errors: small trunks keep detail (bulging), the encoder is better at texture (grades, Modic).

    :param widths: channels of the small residual trunks.
    :param members: number of small residual trunks.
    :param encoder_members: number of trunks with the encoder; they come after the small ones.
    :param encoder_stages: stages of the encoder.
    :raises ValueError: if there are no members of either kind.
    """

    def __init__(
        self,
        channels: int,
        structures: int,
        outputs: int,
        widths: tuple[int, ...] | list[int] = (24, 48, 96, 160),
        members: int = 1,
        dropout: float = 0.3,
        encoder_members: int = 0,
        encoder_stages: int = 5,
    ) -> None:
        super().__init__()
        trunks: list[nn.Module] = [RegionTrunk(channels, structures, outputs, tuple(widths), dropout) for _ in range(members)]
        trunks += [EfficientTrunk(channels, structures, outputs, encoder_stages, dropout) for _ in range(encoder_members)]
        if not trunks:
            raise ValueError("it has no members")
        self.members = nn.ModuleList(trunks)

    def forward(self, regions: Tensor, structures: Tensor) -> Tensor:
        """Logits of a batch of regions.

        :param regions: (N, C, S, S), grey values of about 0 … 1.
        :param structures: (N, K) one-hot, or zero to ignore the structure.
        :returns: (N, outputs): the findings one after another.
        """
        return torch.stack([member(regions, structures) for member in self.members]).mean(0)
