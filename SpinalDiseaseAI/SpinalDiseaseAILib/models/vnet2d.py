"""The heat-map network of the Spinal Disease 2020 system: a two-dimensional V-Net with one map per key point.

Source: Milletari, Navab and Ahmadi, V-Net, 3DV 2016: residual stages, strided convolutions instead of pooling, PReLU.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .rare_output import RareOutput


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.PReLU(outputs)
    )


class _Stage(nn.Module):
    """Convolutions at one resolution whose result is added to their input."""

    def __init__(self, channels: int, convolutions: int, kernel: int) -> None:
        super().__init__()
        body: list[nn.Module] = [_convolution(channels, channels, kernel) for _ in range(convolutions - 1)]
        body += [nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(channels)]
        self.body = nn.Sequential(*body)
        self.activation = nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, channels, H, W) to the same shape."""
        result: Tensor = self.activation(self.body(x) + x)
        return result


class VNet2d(nn.Module):
    """Heat maps of key points at the resolution of the image.

    :param key_points: number of heat maps.
    :param widths: channels of the levels, from full resolution downwards; the original has 16, 32, 64, 128 and 256.
    :param kernel: kernel size of the convolutions; 5 in the original.
    """

    def __init__(self, key_points: int, widths: Sequence[int] = (16, 32, 64, 128, 256), kernel: int = 5) -> None:
        super().__init__()
        self.multiple = 2 ** (len(widths) - 1)
        self.stem = _convolution(1, widths[0], kernel)
        pairs = list(zip(widths, widths[1:], strict=False))
        self.shrink = nn.ModuleList(
            nn.Sequential(nn.Conv2d(fine, coarse, 2, stride=2, bias=False), nn.BatchNorm2d(coarse), nn.PReLU(coarse))
            for fine, coarse in pairs
        )
        self.down = nn.ModuleList(_Stage(coarse, min(number + 1, 3), kernel) for number, (_, coarse) in enumerate(pairs))
        self.grow = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(coarse, fine, 2, stride=2, bias=False), nn.BatchNorm2d(fine), nn.PReLU(fine))
            for fine, coarse in reversed(pairs)
        )
        self.join = nn.ModuleList(_convolution(2 * fine, fine, 1) for fine, _ in reversed(pairs))
        self.up = nn.ModuleList(
            _Stage(fine, min(max(number, 1), 2), kernel) for number, (fine, _) in reversed(list(enumerate(pairs)))
        )
        self.head = RareOutput(widths[0], key_points)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the heat maps.

        :param x: shape (N, 1, H, W), H and W multiples of :attr:`multiple`, grey values of about 0 … 1.
        :returns: (N, K, H, W); the sigmoid of a map is near 1 at its key point.
        """
        x = self.stem(x)
        levels = [x]
        for shrink, down in zip(self.shrink, self.down, strict=True):
            x = down(shrink(x))
            levels.append(x)
        for grow, join, up, skip in zip(self.grow, self.join, self.up, levels[-2::-1], strict=True):
            x = up(join(torch.cat([grow(x), skip], 1)))
        result: Tensor = self.head(x)
        return result
