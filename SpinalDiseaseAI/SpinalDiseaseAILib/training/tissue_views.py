"""Random views of labelled stacks, with slice thickness, distance, resolution and contrast different from the stack's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..datasets.space_stacks import SpaceStack
from ..models.segmentation_network import PLANES, TISSUES
from ..steps.intensity import GreyScale
from .augmentation import ViewRange, random_contrast, random_cutout, random_views, warp

_MARGIN = 70.0  # margin in millimetres kept around the labelled tissues of a plane
_GREY = 120.0  # the stored value for a grey value of 1
STORAGE = (_MARGIN, _GREY)
"""The settings on which stored stacks depend, in addition to their data."""

_THICKEST = 5  # largest slice thickness in millimetres
_ALONE = 0.15  # share of views with the plane itself as its neighbours, as for single images and ends of stacks
_JITTER = 22.0  # distance in millimetres between a labelled pixel and the centre of a view
_RANGES = ViewRange(scale=0.22, stretch=0.1, degrees=8.0, steep=0.1, shift=0.0)


@dataclass(frozen=True, eq=False)
class StoredStack:
    """A labelled stack.

    :param grey: (S, H, W), uint8: grey values on the common scale times 120.
    :param tissues: (S, H, W), uint8.
    :param spacing: millimetres (width of a column, height of a row).
    :param painted: True for a T2, which may be painted as T1.
    """

    grey: Tensor
    tissues: Tensor
    spacing: tuple[float, float]
    painted: bool = True


def store(stack: SpaceStack, *, painted: bool = True) -> StoredStack:
    """A stack cropped to its labelled tissues and scaled to their grey values: fat near a surface coil is far brighter."""
    seen = np.asarray(stack.tissues.any(0))
    grey = np.rint(np.clip(GreyScale.of(stack.pixels[:, seen]).apply(stack.pixels) * _GREY, 0, 255)).astype(np.uint8)
    rows, columns = (np.flatnonzero(seen.any(axis)) for axis in (1, 0))
    reach = [int(_MARGIN / step) for step in stack.spacing]
    window = (
        slice(None),
        slice(max(0, rows[0] - reach[1]), rows[-1] + reach[1] + 1),
        slice(max(0, columns[0] - reach[0]), columns[-1] + reach[0] + 1),
    )
    return StoredStack(
        torch.from_numpy(np.ascontiguousarray(grey[window])),
        torch.from_numpy(np.ascontiguousarray(stack.tissues[window])),
        stack.spacing,
        painted,
    )


class TissueSampler:
    """Endless batches of random views.

    :param groups: stacks and the weight of each group; within a group all stacks are equally likely.
    :param shape: (rows, columns) of the views.
    :param spacing: pixel size of the views in millimetres.
    :param painted: share of views that are painted as T1, using their labels.
    """

    def __init__(
        self, groups: Sequence[tuple[float, Sequence[StoredStack]]], shape: tuple[int, int], spacing: float, painted: float
    ) -> None:
        self.groups = groups
        self.shape = shape
        self.spacing = spacing
        self.painted = painted

    def batch(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A batch: planes (N, 3, H, W) and shares of the tissues (N, 4, H, W), which sum to 1."""
        views = random_views(count, _RANGES, generator) * self.spacing
        weights = torch.tensor([weight for weight, _ in self.groups])
        planes, tissues = [], []
        for index, group in enumerate(torch.multinomial(weights, count, replacement=True, generator=generator).tolist()):
            stacks = self.groups[group][1]
            stack = stacks[_whole(len(stacks), generator)]
            view = self._view(stack, views[index], generator)
            planes.append(view[:PLANES])
            tissues.append(view[PLANES:])
        grey = random_resolution(random_contrast(torch.stack(planes), generator, strength=0.7, inverted=0.06), generator)
        target = torch.stack(tissues)
        target[:, 0] = 1 - target[:, 1:].sum(1)
        return random_cutout(grey, generator, share=0.12), target

    def _view(self, stack: StoredStack, matrix: Tensor, generator: torch.Generator) -> Tensor:
        """Three planes and the tissues of the first; (7, H, W)."""
        slices = len(stack.grey)
        middle = _whole(slices, generator)
        thickness = 1 + _whole(_THICKEST, generator)
        step = thickness + _whole(2, generator)
        if torch.rand((), generator=generator) < _ALONE:
            step = 0
        sides = (step, -step) if torch.rand((), generator=generator) < 0.5 else (-step, step)
        painter = _Painter(generator) if stack.painted and torch.rand((), generator=generator) < self.painted else None
        own = _tissues(stack, middle, thickness)
        planes = []
        for offset in (0, *sides):
            place = middle + offset if 0 <= middle + offset < slices else middle
            grey = _slab(stack.grey, place, thickness).float().mean(0) / _GREY
            planes.append(painter(grey, own if place == middle else _tissues(stack, place, thickness)) if painter else grey)
        labelled = torch.nonzero(own[0] < 0.5)
        middle_of_plane = [own.shape[1] / 2, own.shape[2] / 2]
        row, column = labelled[_whole(len(labelled), generator)].tolist() if len(labelled) else middle_of_plane
        unit = torch.tensor(stack.spacing)
        source = torch.tensor([float(column), float(row)]) + torch.randn(2, generator=generator) * _JITTER / unit
        return warp(torch.cat([torch.stack(planes), own]), matrix / unit[:, None], source, self.shape)


def random_resolution(images: Tensor, generator: torch.Generator) -> Tensor:
    """Make half of the planes look as if acquired with larger pixels along columns, rows or both, and interpolated."""
    result = images.clone()
    for index in range(len(images)):
        if torch.rand((), generator=generator) < 0.5:
            factors = torch.rand(2, generator=generator) * 1.4 + 1
            which = _whole(3, generator)
            size = [
                max(2, round(length / (float(factor) if which in (axis, 2) else 1)))
                for axis, (length, factor) in enumerate(zip(images.shape[-2:], factors, strict=True))
            ]
            coarse = functional.interpolate(images[index : index + 1], size=size, mode="area")
            result[index] = functional.interpolate(coarse, size=images.shape[-2:], mode="bilinear", align_corners=False)[0]
    return result


class _Painter:
    """Grey values as a T1 sequence might show the tissues: dark fluid, brighter marrow. Chosen once for all planes of a view."""

    def __init__(self, generator: torch.Generator) -> None:
        self.random = torch.rand(8, generator=generator).tolist()

    def __call__(self, grey: Tensor, shares: Tensor) -> Tensor:
        """:param grey: (H, W). :param shares: (4, H, W)."""
        draw = self.random
        maps = [
            grey ** (0.45 + 0.55 * draw[0]) * (0.7 + 0.5 * draw[1]),
            0.35 + 0.4 * draw[2] + (0.2 + 0.5 * draw[3]) * (grey - 0.4),
            0.2 + 0.3 * draw[4] + 0.4 * (draw[5] - 0.25) * grey,
            0.12 + 0.25 * draw[6] - 0.25 * draw[7] * (grey - 0.5),
        ]
        soft = functional.avg_pool2d(shares[None], 3, 1, 1, count_include_pad=False)[0]
        return torch.stack([value * share for value, share in zip(maps, soft, strict=True)]).sum(0).clamp(min=0)


def _slab(slices: Tensor, middle: int, thickness: int) -> Tensor:
    """Neighbouring slices (T, H, W) of a stack (S, H, W)."""
    first = max(0, middle - (thickness - 1) // 2)
    return slices[first : min(len(slices), middle + thickness // 2 + 1)]


def _tissues(stack: StoredStack, middle: int, thickness: int) -> Tensor:
    """Shares of the tissues in a slab, (4, H, W)."""
    slab = _slab(stack.tissues, middle, thickness)
    found = torch.stack([(slab == number).float().mean(0) for number in range(1, len(TISSUES))])
    return torch.cat([1 - found.sum(0, keepdim=True), found])


def _whole(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))
