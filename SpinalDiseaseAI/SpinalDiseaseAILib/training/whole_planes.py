"""Whole planes for training, as the published localizers see them: square, with small random changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..base.anatomy import KEY_POINTS
from ..base.planes import assumed_spacing
from ..base.resampling import resample_plane
from ..datasets.records import Record
from ..steps.intensity import GreyScale
from ..steps.whole_plane import square_view
from .augmentation import ViewRange, random_contrast, random_views, to_target, warp
from .examples import ExampleFolder, key_of

RANGES = ViewRange(scale=0.22, stretch=0.08, degrees=7.0, steep=0.0, shift=48.0)

_CONTRAST = 0.7  # strength of the changes of contrast


@dataclass(frozen=True)
class SquarePlane:
    """A training plane.

    :param image: (1, side, side), 16 bits.
    :param points: (K, 2) as (column, row), NaN if unknown.
    """

    image: Tensor
    points: Tensor


def square_plane(record: Record, side: int) -> SquarePlane:
    """The whole plane of a record, as a square."""
    pixels = record.pixels()
    shape = (pixels.shape[0], pixels.shape[1])
    matrix = square_view(shape, record.spacing or assumed_spacing(shape), side)
    plane = resample_plane(GreyScale.of(pixels).apply(pixels), matrix, (side, side))
    known = np.array([record.points.get(name, (np.nan, np.nan)) for name in KEY_POINTS])
    points = (known - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    return SquarePlane(torch.from_numpy(plane)[None].half(), torch.from_numpy(points).float())


class WholePlaneSampler:
    """Endless batches of random views of whole planes.

    :param groups: planes and the weight of each group; within a group all planes are equally likely.
    """

    def __init__(self, groups: Sequence[tuple[float, Sequence[SquarePlane]]]) -> None:
        self.groups = groups

    def batch(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A batch: views (N, 1, S, S), and points (N, K, 2) as (column, row); NaN if unknown, possibly outside the view."""
        views = random_views(count, RANGES, generator)
        weights = torch.tensor([weight for weight, _ in self.groups])
        images, points = [], []
        for index, group in enumerate(torch.multinomial(weights, count, replacement=True, generator=generator).tolist()):
            planes = self.groups[group][1]
            plane = planes[int(torch.randint(len(planes), (), generator=generator))]
            side = plane.image.shape[-1]
            source = (side - 1) / 2 + (torch.rand(2, generator=generator) * 2 - 1) * RANGES.shift * side / 512
            images.append(warp(plane.image.float(), views[index], source, (side, side)))
            points.append(to_target(plane.points, views[index], source, (side, side)))
        grey = random_contrast(torch.stack(images), generator, strength=_CONTRAST)
        return grey.contiguous(memory_format=torch.channels_last), torch.stack(points)


def sampler_of(config: dict[str, Any], records: dict[str, list[Record]], folder: ExampleFolder) -> WholePlaneSampler:
    """The stored planes of :func:`~.localizer.planes_to_fit`, with the weights of their data sets."""
    groups = []
    for name, weight in config["datasets"].items():
        key = key_of("whole planes", config["size"], *records[name], files=(record.path for record in records[name]))
        planes = (square_plane(record, config["size"]) for record in records[name])
        groups.append((float(weight), folder.stored(name, key, SquarePlane, planes)))
    return WholePlaneSampler(groups)


def inside(points: Tensor, side: int) -> Tensor:
    """Which points (N, K, 2) are known and lie within a view; (N, K)."""
    return ((points >= -0.5) & (points < side - 0.5)).all(-1)
