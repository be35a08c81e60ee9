"""A disc in its sagittal plane: its axes, ends and heights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...base.geometry import FloatArray
from .heights import Height, heights, profile_of
from .local_axes import LocalAxes, Profile, ends, settled, straight
from .not_measurable import NotMeasurable
from .sagittal_frame import Grains

_LEAST_AREA = 30.0  # mm²; with less, the slice only grazes the disc
_LEAST_HEIGHT = 0.25  # of the usual height; anything thinner is a tip of the mask, not disc
_DEPTHS = (12.0, 65.0)  # millimetres


@dataclass(frozen=True, eq=False)
class Disc:
    """A disc.

    :param axes: u runs along its midline, with the origin in the middle of its depth.
    :param shape: its grains without thin tips.
    :param whole: all grains of its mask.
    """

    axes: LocalAxes
    shape: Grains
    whole: Grains

    @cached_property
    def heights(self) -> dict[str, Height]:
        """Anterior, middle and posterior height."""
        return heights(self.axes, self.shape)

    @cached_property
    def depth(self) -> float:
        """Millimetres from the anterior to the posterior end."""
        low, high = ends(self.axes.local(self.shape.points))
        return high - low

    @cached_property
    def lower_border(self) -> tuple[FloatArray, FloatArray]:
        """Ends, (x, y), of the straight line along the lower border, which is the upper endplate of the vertebra below."""
        profile = profile_of(self.axes, self.shape)
        slope, height = straight(profile.u, profile.lower)
        low, high = (float(profile.u[index]) for index in (0, -1))
        return self.axes.plane(low, height + slope * low), self.axes.plane(high, height + slope * high)


def disc_of(grains: Grains, down: FloatArray) -> Disc:
    """A disc, from its mask in a plane.

    :param grains: the mask.
    :param down: unit vector (x, y) down the spine at the disc.
    :raises NotMeasurable: if the plane shows too little of it, or its depth is not plausible for a disc.
    """
    if grains.total < _LEAST_AREA:
        raise NotMeasurable("Its own slice hardly shows it.")
    axes = settled(LocalAxes.at(grains.points.mean(0), np.array([down[1], -down[0]])), grains)
    local = axes.local(grains.points)
    profile = Profile.of(local, grains.area)
    least = _LEAST_HEIGHT * float(np.median(profile.height))
    low, high = profile.run(0.0, least, least)
    shape = grains.where((local[:, 0] >= low) & (local[:, 0] <= high))
    disc = Disc(settled(axes, shape), shape, grains)
    if not _DEPTHS[0] <= disc.depth <= _DEPTHS[1]:
        raise NotMeasurable(f"Its mask is {disc.depth:.0f} mm deep, which is implausible for a disc.")
    return disc
