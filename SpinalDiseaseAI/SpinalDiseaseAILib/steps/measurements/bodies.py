"""The body of a vertebra in its sagittal plane, separated from the posterior parts that its mask includes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...base.geometry import FloatArray
from .heights import Height, heights, profile_of
from .local_axes import LocalAxes, Profile, ends, settled, straight
from .not_measurable import NotMeasurable
from .sagittal_frame import Grains

_LEAST_AREA = 200.0  # mm²
_REACH = 40.0  # millimetres from the point within which the body lies
_CORE = 6.0  # millimetres to each side of the point within which the usual height is measured
_LEAST_ANTERIOR = 0.3  # of the usual height: a collapsed anterior part still belongs to the body
_LEAST_POSTERIOR = 0.65  # of the usual height: a pedicle is about half as high as the body
_WALL = (0.1, 0.5)  # range, as fractions of the height from an endplate, over which the wall next to it is fitted
_ROUNDS = 2


@dataclass(frozen=True, eq=False)
class Endplate:
    """An endplate.

    :param anterior: (x, y) of its anterior corner.
    :param posterior: (x, y) of its posterior corner.
    """

    anterior: FloatArray
    posterior: FloatArray

    @property
    def depth(self) -> float:
        """Millimetres from corner to corner."""
        return float(np.linalg.norm(self.posterior - self.anterior))

    @property
    def direction(self) -> FloatArray:
        """Unit vector to posterior."""
        result: FloatArray = (self.posterior - self.anterior) / self.depth
        return result


@dataclass(frozen=True, eq=False)
class Body:
    """The body of a vertebra.

    :param axes: u runs along its midline, with the origin in the middle of its depth.
    :param shape: its grains.
    """

    axes: LocalAxes
    shape: Grains

    @cached_property
    def heights(self) -> dict[str, Height]:
        """Anterior, middle and posterior height."""
        return heights(self.axes, self.shape)

    @cached_property
    def upper(self) -> Endplate:
        """The upper endplate."""
        return self._endplate(upper=True)

    @cached_property
    def lower(self) -> Endplate:
        """The lower endplate."""
        return self._endplate(upper=False)

    def _endplate(self, *, upper: bool) -> Endplate:
        profile = profile_of(self.axes, self.shape)
        slope, height = straight(profile.u, profile.upper if upper else profile.lower)
        corners = []
        for lean, place in self._walls(upper=upper):
            # v = height + slope · u on the endplate, u = place + lean · v on the wall
            u = (place + lean * height) / (1 - lean * slope)
            corners.append(self.axes.plane(u, height + slope * u))
        return Endplate(corners[0], corners[1])

    def _walls(self, *, upper: bool) -> tuple[tuple[float, float], tuple[float, float]]:
        """Lines u = place + lean · v of the anterior and the posterior wall next to an endplate, as (lean, place)."""
        local = self.axes.local(self.shape.points)[:, ::-1]
        low, high = ends(local)
        near, far = (low + part * (high - low) if upper else high - part * (high - low) for part in _WALL)
        rows = Profile.of(local, self.shape.area).between(min(near, far), max(near, far))
        return straight(rows.u, rows.upper), straight(rows.u, rows.lower)


def body_of(
    grains: Grains, centre: FloatArray, down: FloatArray, canal: Grains, between: tuple[float, float] = (-_REACH, _REACH)
) -> Body:
    """The body of a vertebra, from its mask in a plane.

    :param grains: the mask.
    :param centre: (x, y) in the body, from the key points.
    :param down: unit vector (x, y) down the spine.
    :param canal: the canal in the same plane; may be empty. What lies behind its anterior border is not body.
    :param between: millimetres down the spine from the centre to the discs above (negative) and below; a body does not extend
        beyond the centres of these discs.
    :raises NotMeasurable: if the plane shows too little of it.
    """
    start = LocalAxes.at(centre, np.array([down[1], -down[0]]))
    local = start.local(grains.points)
    grains = grains.where((np.abs(local[:, 0]) < _REACH) & (local[:, 1] > between[0]) & (local[:, 1] < between[1]))
    grains = grains.where(~_behind(start, grains, canal))
    if grains.total < _LEAST_AREA:
        raise NotMeasurable("Its own slice hardly shows its body.")
    axes, shape = start, grains
    for _ in range(_ROUNDS):
        local = axes.local(grains.points)
        profile = Profile.of(local, grains.area)
        core = profile.between(-_CORE, _CORE)
        if not len(core.u):
            raise NotMeasurable("Its point does not lie in its body.")
        usual = float(np.median(core.height))
        low, high = profile.run(0.0, _LEAST_ANTERIOR * usual, _LEAST_POSTERIOR * usual)
        shape = grains.where((local[:, 0] >= low) & (local[:, 0] <= high))
        axes = settled(axes, shape)
    if shape.total < _LEAST_AREA:
        raise NotMeasurable("Its own slice hardly shows its body.")
    return Body(axes, shape)


def _behind(axes: LocalAxes, grains: Grains, canal: Grains) -> np.ndarray:
    """True for grains behind the canal's anterior border at the same height; (N,)."""
    if not len(canal.points):
        return np.zeros(len(grains.points), dtype=bool)
    wall = Profile.of(axes.local(canal.points)[:, ::-1], canal.area)
    local = axes.local(grains.points)
    behind: np.ndarray = local[:, 0] > np.interp(local[:, 1], wall.u, wall.upper, left=np.inf, right=np.inf)
    return behind
