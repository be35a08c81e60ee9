"""Whole planes for training, as the published localizers look at them: square, and changed a little at random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..base.anatomy import KEY_POINTS
from ..base.planes import assumed_spacing
from ..base.resampling import resample_plane
from ..datasets.collection import read_dataset
from ..datasets.records import Record, without_fold
from ..steps.intensity import GreyScale
from ..steps.whole_plane import square_view
from .augmentation import ViewRange, random_contrast, random_views, to_target, warp

RANGES = ViewRange(scale=0.22, stretch=0.08, degrees=7.0, steep=0.0, shift=48.0)

_CONTRAST = 0.7  # strength of the changes of contrast


def square_plane(record: Record, side: int) -> tuple[Tensor, Tensor]:
    """A record's plane in 16 bits, shape (1, side, side), and its key points (K, 2) as (column, row), NaN where not known."""
    pixels = record.pixels()
    shape = (pixels.shape[0], pixels.shape[1])
    matrix = square_view(shape, record.spacing or assumed_spacing(shape), side)
    plane = resample_plane(GreyScale.of(pixels).apply(pixels), matrix, (side, side))
    known = np.array([record.points.get(name, (np.nan, np.nan)) for name in KEY_POINTS])
    points = (known - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    return torch.from_numpy(plane)[None].half(), torch.from_numpy(points).float()


class WholePlaneSampler:
    """Endless batches of random views of whole planes.

    :param groups: planes with their points, and the weight of each group; within a group every plane is as likely as another.
    """

    def __init__(self, groups: list[tuple[float, list[tuple[Tensor, Tensor]]]]) -> None:
        self.groups = groups

    def batch(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Views (N, 1, S, S), and points (N, K, 2) as (column, row); NaN where not known, anywhere where not in the view."""
        views = random_views(count, RANGES, generator)
        weights = torch.tensor([weight for weight, _ in self.groups])
        images, points = [], []
        for index, group in enumerate(torch.multinomial(weights, count, replacement=True, generator=generator).tolist()):
            planes = self.groups[group][1]
            plane, places = planes[int(torch.randint(len(planes), (), generator=generator))]
            side = plane.shape[-1]
            source = (side - 1) / 2 + (torch.rand(2, generator=generator) * 2 - 1) * RANGES.shift * side / 512
            images.append(warp(plane.float(), views[index], source, (side, side)))
            points.append(to_target(places, views[index], source, (side, side)))
        grey = random_contrast(torch.stack(images), generator, strength=_CONTRAST)
        return grey.contiguous(memory_format=torch.channels_last), torch.stack(points)


def sampler_of(config: dict[str, Any], data: Path) -> WholePlaneSampler:
    """The planes with key points of a configuration's data sets.

    :param data: folder of the data sets.
    """
    groups = []
    for name, weight in config["datasets"].items():
        records = without_fold(read_dataset(name, data, tuple(config["splits"])), config)
        groups.append((float(weight), [square_plane(record, config["size"]) for record in records if record.points]))
    return WholePlaneSampler(groups)


def inside(points: Tensor, side: int) -> Tensor:
    """Which points (N, K, 2) are known and lie in a view; (N, K)."""
    return ((points >= -0.5) & (points < side - 0.5)).all(-1)
