"""Heights of a disc or a body: anterior, middle, posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...base.geometry import FloatArray
from .local_axes import LocalAxes, Profile, ends, inner
from .not_measurable import NotMeasurable
from .sagittal_frame import Grains

STATIONS = {"anterior": 0.15, "middle": 0.5, "posterior": 0.85}
"""Where heights are measured, as fractions of the depth."""

_HALF_STATION = 0.05  # of the depth
_EDGE = 1.0  # millimetres over which weights fall to zero at the border of a station


@dataclass(frozen=True, eq=False)
class Height:
    """A height and where it was measured.

    :param value: millimetres.
    :param upper: (x, y) of its upper end.
    :param lower: (x, y) of its lower end.
    """

    value: float
    upper: FloatArray
    lower: FloatArray


def heights(axes: LocalAxes, shape: Grains) -> dict[str, Height]:
    """Heights of a shape at :data:`STATIONS`, each the mean over a tenth of the depth.

    :param axes: axes of the shape, from :func:`~.local_axes.settled`.
    :raises NotMeasurable: if the shape has a hole at a station.
    """
    local = axes.local(shape.points)
    low, high = ends(local)
    half = _HALF_STATION * (high - low)
    result = {}
    for name, part in STATIONS.items():
        place, _ = inner(low, high, (part, part))
        weight = np.clip((half - np.abs(local[:, 0] - place)) / _EDGE + 0.5, 0, 1)
        if not weight.any():
            raise NotMeasurable("Its mask has a hole.")
        value = float(weight.sum()) * shape.area / (2 * half)
        middle = float(np.average(local[:, 1], weights=weight))
        result[name] = Height(value, axes.plane(place, middle - value / 2), axes.plane(place, middle + value / 2))
    return result


def profile_of(axes: LocalAxes, shape: Grains) -> Profile:
    """The height profile of a shape in its inner part, where its borders are straight."""
    local = axes.local(shape.points)
    return Profile.of(local, shape.area).between(*inner(*ends(local)))
