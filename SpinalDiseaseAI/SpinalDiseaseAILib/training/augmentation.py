"""Random views of planes for training, on tensors and in batches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class ViewRange:
    """The range of random views.

    :param scale: largest change of size, as a natural logarithm.
    :param stretch: largest change of the ratio of width to height, as a natural logarithm.
    :param degrees: standard deviation of the rotation.
    :param steep: share of views whose rotation is drawn from ±40°.
    :param shift: largest shift of the centre, in target pixels.
    """

    scale: float = 0.28
    stretch: float = 0.1
    degrees: float = 8.0
    steep: float = 0.15
    shift: float = 56.0


def random_views(count: int, ranges: ViewRange, generator: torch.Generator) -> Tensor:
    """Random 2×2 matrices from target to source pixels around a centre; shape (N, 2, 2), (column, row)."""

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    angle = torch.randn(count, generator=generator) * math.radians(ranges.degrees)
    steep = uniform(0, 1) < ranges.steep
    angle = torch.where(steep, uniform(-math.radians(40), math.radians(40)), angle)
    scale = uniform(-ranges.scale, ranges.scale).exp()
    stretch = uniform(-ranges.stretch, ranges.stretch).exp()
    cosine, sine = angle.cos(), angle.sin()
    return torch.stack(
        [torch.stack([cosine * scale * stretch, -sine * scale], 1), torch.stack([sine * scale * stretch, cosine * scale], 1)], 1
    )


def warp(image: Tensor, matrix: Tensor, source: Tensor, shape: tuple[int, int], mode: str = "bilinear") -> Tensor:
    """Resample one image of shape (C, H, W) so that ``source`` (column, row) becomes the centre of the target.

    :param matrix: 2×2, target to source pixels.
    :returns: (C, *shape), zero outside.
    """
    rows, columns = torch.meshgrid(torch.arange(shape[0]), torch.arange(shape[1]), indexing="ij")
    offset = torch.stack([columns - (shape[1] - 1) / 2, rows - (shape[0] - 1) / 2], -1)
    place = offset @ matrix.T + source
    size = torch.tensor([image.shape[2], image.shape[1]])
    grid = (2 * place + 1) / size - 1
    return functional.grid_sample(image[None], grid[None].to(image.dtype), mode=mode, align_corners=False)[0]


def to_target(points: Tensor, matrix: Tensor, source: Tensor, shape: tuple[int, int]) -> Tensor:
    """Positions of source points (K, 2) in the target of :func:`warp`."""
    middle = torch.tensor([(shape[1] - 1) / 2, (shape[0] - 1) / 2])
    place: Tensor = (points - source) @ torch.linalg.inv(matrix).T + middle
    return place


def random_contrast(images: Tensor, generator: torch.Generator, *, strength: float = 1.0, inverted: float = 0.04) -> Tensor:
    """Random gamma, brightness, coil inhomogeneity, blur and noise, and rarely inverted grey values.

    :param images: (N, C, H, W) of about 0 … 1.
    :param strength: factor on every change.
    :param inverted: share of images whose grey values are inverted.
    """
    count, _, height, width = images.shape

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand((count, 1, 1, 1), generator=generator) * (high - low) + low

    result = images.clamp(min=0)
    result = torch.where(uniform(0, 1) < inverted, (1 - result).clamp(min=0) * (images > 0.02), result)
    result = result ** uniform(-0.6 * strength, 0.6 * strength).exp()
    coil = torch.randn((count, 1, 3, 3), generator=generator) * uniform(0, 0.4 * strength)
    result = result * functional.interpolate(coil, size=(height, width), mode="bicubic", align_corners=True).exp()
    soft = functional.avg_pool2d(result, 3, 1, 1)
    result = torch.lerp(result, soft, uniform(-0.5, strength).clamp(0, 1))
    noise = torch.randn(images.shape, generator=generator) * uniform(-0.06, 0.1 * strength).clamp(min=0)
    return result * uniform(-0.45 * strength, 0.4 * strength).exp() + noise


def random_cutout(images: Tensor, generator: torch.Generator, share: float = 0.3) -> Tensor:
    """Cover part of some images with a grey rectangle, like metal, the edge of the field of view or an artefact."""
    result = images.clone()
    count, _, height, width = images.shape
    for index in range(count):
        if torch.rand((), generator=generator) < share:
            size = (torch.rand(2, generator=generator) * 0.2 + 0.04) * torch.tensor([height, width])
            corner = torch.rand(2, generator=generator) * (torch.tensor([height, width]) - size)
            (top, left), (tall, wide) = corner.int().tolist(), size.int().tolist()
            result[index, :, top : top + tall, left : left + wide] = torch.rand((), generator=generator)
    return result
