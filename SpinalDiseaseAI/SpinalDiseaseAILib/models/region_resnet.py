"""The region classifier of the Spinal Disease 2020 system: one residual network for discs, one for vertebrae.

The residual network is the variant of ResNet-18 (He et al., Deep residual learning for image recognition, 2016) for small images:
its first layer is 3×3, without stride or pooling. Layer names are those of torchvision and MONAI.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..base.anatomy import KEY_POINTS, finding, structure

BLOCKS = 2
"""Residual blocks per stage; four stages make a ResNet-18."""


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with a shortcut around them."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.act = nn.ReLU(inplace=True)
        self.stride = stride
        self.downsample: nn.Module | None = None
        if stride != 1 or before != after:
            # The stride of the 1×1 convolution is applied to its input, which is equivalent: on a CPU, with several threads and
            # channels last, the backward pass of a strided one writes out of bounds in torch 2.13.
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))

    def forward(self, image: Tensor) -> Tensor:
        """Features (N, after, H / stride, W / stride) of features (N, before, H, W)."""
        shortcut = image if self.downsample is None else self.downsample(image[:, :, :: self.stride, :: self.stride])
        result: Tensor = self.act(self.bn2(self.conv2(self.act(self.bn1(self.conv1(image))))) + shortcut)
        return result


class ResNet(nn.Module):
    """ResNet-18 for small images.

    :param widths: channels of the four stages, (64, 128, 256, 512) as published; each has half the resolution of the one before.
    """

    def __init__(self, channels: int, classes: int, widths: Sequence[int]) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.conv1 = nn.Conv2d(channels, first, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        self.act = nn.ReLU(inplace=True)
        self.layer1 = _stage(first, first, 1)
        self.layer2 = _stage(first, second, 2)
        self.layer3 = _stage(second, third, 2)
        self.layer4 = _stage(third, fourth, 2)
        self.fc = nn.Linear(fourth, classes)

    def forward(self, image: Tensor) -> Tensor:
        """Scores (N, classes) of images (N, C, H, W); their softmax is the probability of each class."""
        features = self.act(self.bn1(self.conv1(image)))
        features = self.layer4(self.layer3(self.layer2(self.layer1(features))))
        scores: Tensor = self.fc(features.mean((2, 3)))
        return scores


def _stage(before: int, after: int, stride: int) -> nn.Sequential:
    blocks = [BasicBlock(before if number == 0 else after, after, stride if number == 0 else 1) for number in range(BLOCKS)]
    return nn.Sequential(*blocks)


class RegionResNet(nn.Module):
    """One ResNet per finding, each applied only to the regions of its own kind of structure.

    As published, a structure has one class, by softmax. If the classes of a finding do not exclude each other (a disc can have
    several), the outputs are the log-odds of those probabilities, so a sigmoid recovers them, as for other networks.

    :param channels: contrasts of a region.
    :param structures: number of key points, in the order of ``KEY_POINTS``.
    :param outputs: number of logits, the classes of all findings.
    :param findings: names of findings, in the order of the outputs, each of a different kind of structure.
    :param widths: channels of the four stages of each ResNet.
    :raises ValueError: if a finding is unknown, two are of the same kind, or the numbers of outputs or structures are wrong.
    """

    conditional = True
    """Parts of the network do not run if a batch has no structure for them."""

    def __init__(self, channels: int, structures: int, outputs: int, findings: Sequence[str], widths: Sequence[int]) -> None:
        super().__init__()
        try:
            infos = [finding(name) for name in findings]
        except KeyError as error:
            raise ValueError(f"there is no finding {error}") from error
        sizes = [len(info.classes) for info in infos]
        if sum(sizes) != outputs or structures != len(KEY_POINTS):
            raise ValueError(f"{outputs} outputs and {structures} structures, not {sum(sizes)} and {len(KEY_POINTS)}")
        if len({info.kind for info in infos}) < len(infos):
            raise ValueError("two findings are of one kind of structure")
        self.outputs = outputs
        self.sizes = sizes
        self.exclusive = [info.exclusive for info in infos]
        self.networks = nn.ModuleList(ResNet(channels, size, widths) for size in sizes)
        kinds = [[float(structure(name).kind is info.kind) for name in KEY_POINTS] for info in infos]
        self.register_buffer("kinds", torch.tensor(kinds), persistent=False)

    def forward(self, regions: Tensor, structures: Tensor) -> Tensor:
        """Logits of a batch of regions.

        :param regions: (N, C, S, S), grey values of about 0 … 1.
        :param structures: (N, K) one-hot: they select the network for each region.
        :returns: (N, outputs), zero for findings of the other kind of structure.
        """
        logits = torch.zeros((len(regions), self.outputs), device=regions.device)
        own = structures @ self.get_buffer("kinds").T > 0  # (N, findings)
        start = 0
        for number, network in enumerate(self.networks):
            end = start + self.sizes[number]
            rows = own[:, number]
            if rows.any():
                scores = network(regions[rows]).float()
                logits[rows, start:end] = scores if self.exclusive[number] else log_odds(scores)
            start = end
        return logits


def log_odds(scores: Tensor) -> Tensor:
    """Logarithm of p / (1 - p) for the softmax p of scores, both (N, classes); finite even where 1 - p rounds to 0."""
    count = scores.shape[1]
    itself = torch.eye(count, dtype=torch.bool, device=scores.device)
    others = scores[:, None].expand(-1, count, -1).masked_fill(itself, -torch.inf)  # (N, class, other class)
    return scores - others.logsumexp(2)
