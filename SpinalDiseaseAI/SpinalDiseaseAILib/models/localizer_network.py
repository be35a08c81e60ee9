"""The key point network: a U-Net at half resolution with one heat map per key point and a map of the canal."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConvolutionBlock(nn.Module):
    """Two 3×3 convolutions with batch norm and ReLU, and a shortcut around both."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, inputs, H, W) to (N, outputs, H, W)."""
        return functional.relu(self.body(x) + self.shortcut(x))


class LocalizerNetwork(nn.Module):
    """Heat maps of key points in a sagittal plane.

    Every key point has a softmax over all pixels and one extra element, "not in this image": if the sacrum is cropped away, the
    output therefore has mass outside instead of a wrong peak.

    :param key_points: number of heat maps.
    :param widths: channels of the levels, from half resolution downwards; at most eight, because images are padded to a multiple
        of the coarsest pixel.
    :raises ValueError: if there are more levels.
    """

    STRIDE = 2
    """Image pixels per heat map pixel."""

    def __init__(self, key_points: int, widths: tuple[int, ...] = (16, 32, 64, 128, 160)) -> None:
        super().__init__()
        if len(widths) > 8:
            raise ValueError(f"{len(widths)} levels")
        self.multiple = self.STRIDE * 2 ** (len(widths) - 1)
        self.stem = nn.Sequential(
            nn.Conv2d(1, widths[0], 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        self.down = nn.ModuleList(
            ConvolutionBlock(before, after) for before, after in zip((widths[0], *widths[:-1]), widths, strict=True)
        )
        self.bottom = ConvolutionBlock(widths[-1], widths[-1])
        self.up = nn.ModuleList(
            ConvolutionBlock(below + here, here) for below, here in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], key_points, 1)
        self.outside = nn.Linear(widths[-1], key_points)
        self.canal = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of a batch.

        :param x: shape (N, 1, H, W), H and W multiples of :attr:`multiple`, grey values of about 0 … 1.
        :returns: heat map logits (N, K, H/2, W/2), logits of "not in this image" (N, K), canal logits (N, 1, H/2, W/2).
        """
        x = self.stem(x)
        levels = []
        for index, block in enumerate(self.down):
            x = block(x if index == 0 else functional.max_pool2d(x, 2))
            levels.append(x)
        x = self.bottom(x)
        outside = self.outside(x.mean(dim=(2, 3)))
        for block, skip in zip(self.up, levels[-2::-1], strict=True):
            x = block(torch.cat([functional.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False), skip], 1))
        return self.head(x), outside, self.canal(x)

    def probabilities(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Probabilities of a batch: places (N, K, H/2, W/2) and outside (N, K), which sum to 1, and canal (N, 1, H/2, W/2).

        :param x: as for :meth:`forward`.
        """
        heat, outside, canal = self(x)
        places, beside = log_probabilities(heat, outside)
        return places.exp(), beside.exp(), canal.sigmoid()


class LocalizerEnsemble(nn.Module):
    """The mean of networks of one architecture but different training, each applied to a plane at several sizes.

    :param members: number of networks, at least one.
    :param scales: sizes relative to the plane's own, 1/4 … 4, from one to eight of them.
    :raises ValueError: if there are no members, or the scales are out of these limits.
    """

    def __init__(
        self, key_points: int, widths: tuple[int, ...] | list[int], members: int, scales: tuple[float, ...] | list[float]
    ) -> None:
        super().__init__()
        if members < 1 or not 1 <= len(scales) <= 8 or not all(0.25 <= scale <= 4 for scale in scales):
            raise ValueError(f"{members} members at the sizes {scales}")
        self.members = nn.ModuleList(LocalizerNetwork(key_points, tuple(widths)) for _ in range(members))
        self.scales = tuple(scales)
        self.multiple = 2 ** len(widths) * LocalizerNetwork.STRIDE // 2

    def probabilities(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As :meth:`LocalizerNetwork.probabilities`."""
        looks = []
        height, width = x.shape[-2:]
        for scale in self.scales:
            size = [max(1, round(length * scale / self.multiple)) * self.multiple for length in (height, width)]
            view = functional.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=True)
            area = size[0] * size[1] / (height * width)  # each probability is spread over this many times as many pixels
            for member in self.members:
                assert isinstance(member, LocalizerNetwork)
                places, outside, canal = member.probabilities(view)
                stride = member.STRIDE
                back = [
                    functional.interpolate(part, size=(height // stride, width // stride), mode="bilinear", align_corners=False)
                    for part in (places * area, canal)
                ]
                looks.append((back[0], outside, back[1]))
        places, outside, canal = (torch.stack(parts).mean(0) for parts in zip(*looks, strict=True))
        return places, outside, canal


def log_probabilities(heat: Tensor, outside: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities of each key point's place.

    :param heat: logits (N, K, H, W).
    :param outside: logits (N, K).
    :returns: (N, K, H, W) and (N, K); for each key point the exponentials of both sum to 1.
    """
    flat = torch.cat([heat.flatten(2), outside[..., None]], 2).log_softmax(2)
    return flat[..., :-1].reshape(heat.shape), flat[..., -1]
