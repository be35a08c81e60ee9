"""EfficientNet-Lite0 without its classifier: an encoder that can be initialized with ImageNet weights.

Source: Tan and Le, EfficientNet, ICML 2019; the Lite variant of the TensorFlow TPU models (no squeeze-and-excitation, ReLU6),
Apache-2.0.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# (expansion, channels, blocks, stride, kernel size) of the stages
_STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)

STAGE_CHANNELS = tuple(stage[1] for stage in _STAGES)
STAGE_STRIDES = (2, 4, 8, 16, 16, 32, 32)


def _padded_to_halve(features: Tensor, kernel: int) -> Tensor:
    """Zero padding as TensorFlow does it for a stride of 2, which the weights were trained with. Sides must be even."""
    before, after = (kernel - 2) // 2, kernel - 2 - (kernel - 2) // 2
    return functional.pad(features, [before, after, before, after])


class _Block(nn.Module):
    """An inverted residual: 1×1 expansion, depth-wise convolution, 1×1 projection."""

    def __init__(self, before: int, after: int, expansion: int, stride: int, kernel: int) -> None:
        super().__init__()
        wide = before * expansion
        self.expand = nn.Conv2d(before, wide, 1, bias=False) if expansion > 1 else None
        self.expand_norm = nn.BatchNorm2d(wide, eps=1e-3) if expansion > 1 else None
        padding = kernel // 2 if stride == 1 else 0  # for a stride of 2, see _padded_to_halve
        self.depthwise = nn.Conv2d(wide, wide, kernel, stride, padding, groups=wide, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(wide, eps=1e-3)
        self.project = nn.Conv2d(wide, after, 1, bias=False)
        self.project_norm = nn.BatchNorm2d(after, eps=1e-3)
        self.kernel, self.stride = kernel, stride
        self.residual = stride == 1 and before == after

    def forward(self, features: Tensor, keep: float) -> Tensor:
        """:param keep: probability that the block is not skipped in training (stochastic depth)."""
        wide = features
        if self.expand is not None and self.expand_norm is not None:
            wide = functional.relu6(self.expand_norm(self.expand(wide)), inplace=True)
        if self.stride > 1:
            wide = _padded_to_halve(wide, self.kernel)
        wide = functional.relu6(self.depthwise_norm(self.depthwise(wide)), inplace=True)
        result: Tensor = self.project_norm(self.project(wide))
        if not self.residual:
            return result
        if self.training and keep < 1:
            kept = torch.rand((len(result), 1, 1, 1), device=result.device) < keep
            result = result * kept / keep
        return features + result


class EfficientEncoder(nn.Module):
    """Feature maps of the first stages.

    :param channels: channels of the input; grey values of about 0 … 1, absent channels zero.
    :param stages: number of stages kept, 1 to 7.
    :param skipped: fraction of residual blocks that training skips at the deepest stage (less in earlier ones).
    """

    def __init__(self, channels: int, stages: int = 5, skipped: float = 0.0) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 32, 3, stride=2, bias=False)
        self.stem_norm = nn.BatchNorm2d(32, eps=1e-3)
        blocks: list[nn.Module] = []
        self.ends: list[int] = []
        before = 32
        for expansion, after, count, stride, kernel in _STAGES[:stages]:
            for index in range(count):
                blocks.append(_Block(before, after, expansion, stride if index == 0 else 1, kernel))
                before = after
            self.ends.append(len(blocks) - 1)
        self.blocks = nn.ModuleList(blocks)
        self.skipped = skipped

    def forward(self, images: Tensor) -> list[Tensor]:
        """Feature maps (N, C_i, S / stride_i, S / stride_i), one per stage, of images (N, channels, S, S); S a multiple of 32."""
        features = functional.relu6(self.stem_norm(self.stem(_padded_to_halve(images * 2 - 1, 3))), inplace=True)
        result = []
        for index, block in enumerate(self.blocks):
            features = block(features, 1 - self.skipped * index / len(self.blocks))
            if index in self.ends:
                result.append(features)
        return result
