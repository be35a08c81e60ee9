"""The axes of a disc or a body, and its height profile along them.

Local coordinates are (u, v) in millimetres: u grows along the structure to posterior, v across it to inferior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...base.geometry import FloatArray
from .not_measurable import NotMeasurable
from .sagittal_frame import Grains

BIN = 0.5  # millimetres along a profile
_ROUNDS = 3
_MOST_TURN = float(np.cos(np.radians(30)))  # cosine of the largest turn; a wedged neighbour alone causes 20 degrees
INNER = (0.15, 0.85)
"""Fractions of the depth between which borders are straight, without rounded corners, osteophytes and bulges."""


@dataclass(frozen=True, eq=False)
class LocalAxes:
    """Axes in the sagittal frame.

    :param origin: (x, y).
    :param along: unit vector of u.
    :param across: unit vector of v.
    """

    origin: FloatArray
    along: FloatArray
    across: FloatArray

    @classmethod
    def at(cls, origin: FloatArray, along: FloatArray) -> LocalAxes:
        """Axes whose v is u rotated by a right angle towards inferior."""
        unit = along / np.linalg.norm(along)
        return cls(origin, unit, np.array([-unit[1], unit[0]]))

    def local(self, points: FloatArray) -> FloatArray:
        """(u, v) of (x, y); (..., 2)."""
        result: FloatArray = (points - self.origin) @ np.stack([self.along, self.across], 1)
        return result

    def plane(self, u: float, v: float) -> FloatArray:
        """(x, y) of (u, v)."""
        result: FloatArray = self.origin + u * self.along + v * self.across
        return result

    def turned(self, slope: float, height: float) -> LocalAxes:
        """Axes whose u runs along the line v = height + slope · u."""
        return LocalAxes.at(self.origin + height * self.across, self.along + slope * self.across)


@dataclass(frozen=True, eq=False)
class Profile:
    """Extent of a shape in v, by bins of u.

    :param u: centres of the bins that are not empty, increasing; (M,).
    :param middle: mean v in each bin; (M,).
    :param height: area in each bin divided by its width; (M,).
    """

    u: FloatArray
    middle: FloatArray
    height: FloatArray

    @classmethod
    def of(cls, local: FloatArray, area: float) -> Profile:
        """The profile of grains.

        A grain is shared between the two nearest bins, so the bin width need not be a multiple of the grain size.

        :param local: (u, v) of the grains, (N, 2).
        :param area: area of each grain, square millimetres.
        """
        place = local[:, 0] / BIN - 0.5
        bins = np.floor(place).astype(int)
        first = int(bins.min(initial=0))
        share = place - bins
        bins = np.concatenate([bins, bins + 1]) - first
        share = np.concatenate([1 - share, share])
        count = np.bincount(bins, weights=share)
        total = np.bincount(bins, weights=share * np.tile(local[:, 1], 2))
        filled = np.flatnonzero(count > 0)
        places = np.asarray((filled + first + 0.5) * BIN, dtype=np.float64)
        return cls(places, total[filled] / count[filled], np.asarray(count[filled] * area / BIN, dtype=np.float64))

    @property
    def upper(self) -> FloatArray:
        """v of the upper border; (M,)."""
        return self.middle - self.height / 2

    @property
    def lower(self) -> FloatArray:
        """v of the lower border; (M,)."""
        return self.middle + self.height / 2

    def between(self, low: float, high: float) -> Profile:
        """The bins whose centres lie from ``low`` to ``high``."""
        inside = (self.u >= low) & (self.u <= high)
        return Profile(self.u[inside], self.middle[inside], self.height[inside])

    def run(self, start: float, least_before: float, least_behind: float) -> tuple[float, float]:
        """Ends in u of the contiguous bins around a place that are high enough.

        :param start: u from which the run extends to both sides.
        :param least_before: smallest height towards anterior.
        :param least_behind: smallest height towards posterior.
        """
        nearest = int(np.argmin(np.abs(self.u - start)))
        joined = np.diff(self.u) < 1.5 * BIN
        low = high = nearest
        while low > 0 and joined[low - 1] and self.height[low - 1] >= least_before:
            low -= 1
        while high + 1 < len(self.u) and joined[high] and self.height[high + 1] >= least_behind:
            high += 1
        return float(self.u[low] - BIN / 2), float(self.u[high] + BIN / 2)


def straight(u: FloatArray, v: FloatArray) -> tuple[float, float]:
    """Slope and height at u = 0 of a line fitted to points by the Theil-Sen estimator, the median over all pairs.

    :raises NotMeasurable: if there are fewer than three points.
    """
    if len(u) < 3:
        raise NotMeasurable("Its border is too short for a line.")
    first, second = np.triu_indices(len(u), 1)
    slope = float(np.median((v[second] - v[first]) / (u[second] - u[first])))
    return slope, float(np.median(v - slope * u))


def ends(local: FloatArray) -> tuple[float, float]:
    """Anterior and posterior end in u of grains at (u, v), without half a per cent at each end: single pixels may stick out."""
    low, high = np.quantile(local[:, 0], (0.005, 0.995))
    return float(low), float(high)


def inner(low: float, high: float, part: tuple[float, float] = INNER) -> tuple[float, float]:
    """The inner part of a range of u, between two fractions of its length."""
    return low + part[0] * (high - low), low + part[1] * (high - low)


def settled(axes: LocalAxes, shape: Grains) -> LocalAxes:
    """Axes rotated until u runs midway between the upper and the lower border of a shape, with u = 0 in the middle of its depth.

    If that takes more than the largest turn (:data:`_MOST_TURN`), the shape has no clear axis, and they keep their direction.

    :raises NotMeasurable: if the shape is empty or too short for a line.
    """
    first = axes
    if not len(shape.points):
        raise NotMeasurable("Its mask is empty where it should be measured.")
    for _ in range(_ROUNDS):
        local = axes.local(shape.points)
        low, high = ends(local)
        profile = Profile.of(local, shape.area).between(*inner(low, high))
        slope, height = straight(profile.u, profile.middle)
        axes = axes.turned(slope, height)
    if axes.along @ first.along < _MOST_TURN:
        axes = LocalAxes.at(axes.origin, first.along)
    low, high = ends(axes.local(shape.points))
    return LocalAxes(axes.plane((low + high) / 2, 0.0), axes.along, axes.across)
