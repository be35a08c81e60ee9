"""The curve of the spine through the key points in the sagittal plane, extrapolated to the levels beyond them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..base.anatomy import STRUCTURES, Kind, structure
from ..base.geometry import FloatArray
from ..base.planes import SagittalVolume

_ORDER = tuple(item.name for item in STRUCTURES if item.code is not None)
"""T11 … S1 in order, without L6 and its discs, which are not key points."""

_BEYOND = 4  # number of structures extrapolated at each end
_SHRINK = 0.97  # each extrapolated step up the spine relative to the one below it


@dataclass(frozen=True, eq=False)
class SpineCurve:
    """Positions of structures from cranial to caudal, in millimetres in a sagittal plane.

    :param names: structure at each position; None beyond T11 and S1.
    :param kinds: kind of each structure.
    :param places: (column, row) in millimetres from pixel (0, 0), (N, 2).
    :param known: True where a key point was given; (N,).
    """

    names: tuple[str | None, ...]
    kinds: tuple[Kind, ...]
    places: FloatArray
    known: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, volume: SagittalVolume, points: Mapping[str, npt.ArrayLike]) -> SpineCurve:
        """The curve through key points.

        :param points: structure name (T11 … S1) to RAS millimetres; at least two.
        :raises ValueError: if there are fewer than two points, or two successive ones lie at the same place.
        """
        given = {
            _ORDER.index(name): volume.to_pixel(np.asarray(point, dtype=np.float64))[1:] * volume.pixel_spacing
            for name, point in points.items()
        }
        if len(given) < 2:
            raise ValueError("Two points of a spine are needed.")
        indices = np.array(sorted(given))
        places = np.array([given[index] for index in indices])
        if np.linalg.norm(np.diff(places, axis=0), axis=1).min() < 1e-6:
            raise ValueError("Two points lie at the same place.")
        every = np.arange(indices[0], indices[-1] + 1)
        inner = np.stack([np.interp(every, indices, places[:, axis]) for axis in range(2)], 1)
        head = _carried_on(inner[::-1], _BEYOND, _SHRINK)[::-1]
        foot = _carried_on(inner, _BEYOND, 1.0)
        numbers = np.arange(every[0] - _BEYOND, every[-1] + _BEYOND + 1)
        names = tuple(_ORDER[number] if 0 <= number < len(_ORDER) else None for number in numbers)
        first = structure(_ORDER[every[0]]).kind
        other = Kind.DISC if first is Kind.VERTEBRA else Kind.VERTEBRA
        kinds = tuple(first if (number - every[0]) % 2 == 0 else other for number in numbers)
        return cls(names, kinds, np.concatenate([head, inner, foot]), np.isin(numbers, indices))

    @property
    def level_length(self) -> float:
        """Median distance from a disc to the next, in millimetres."""
        inside = self.places[_BEYOND:-_BEYOND]
        return 2 * float(np.median(np.linalg.norm(np.diff(inside, axis=0), axis=1)))

    def coordinates(self, places: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Coordinates of positions relative to the curve.

        :param places: (N, 2), (column, row) in millimetres.
        :returns: continuous index along :attr:`places` (N,), and millimetres behind the curve, negative in front of it (N,).
        """
        x, y = np.ascontiguousarray(places.T)
        best = np.full(len(places), np.inf)
        along, behind = np.zeros(len(places)), np.zeros(len(places))
        for index, (start, end) in enumerate(zip(self.places[:-1], self.places[1:], strict=True)):
            step = end - start
            length = float(np.hypot(*step))
            dx, dy = x - start[0], y - start[1]
            inside = np.clip((dx * step[0] + dy * step[1]) / length**2, 0, 1)
            dx -= inside * step[0]
            dy -= inside * step[1]
            distance = np.hypot(dx, dy)
            nearer = np.flatnonzero(distance < best)
            distance, dx, dy = distance[nearer], dx[nearer], dy[nearer]
            best[nearer] = distance
            along[nearer] = index + inside[nearer]
            behind[nearer] = np.where(dx * step[1] - dy * step[0] < 0, -distance, distance)
        return along, behind


def _carried_on(places: FloatArray, count: int, factor: float) -> FloatArray:
    """Positions beyond the last one, in steps like the mean of the last two, each ``factor`` times as long as the one before."""
    step = (places[-1] - places[max(0, len(places) - 3)]) / min(2, len(places) - 1)
    result = []
    place = places[-1]
    for _ in range(count):
        step = step * factor
        place = place + step
        result.append(place)
    return np.array(result)
