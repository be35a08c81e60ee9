"""The spinal canal at a disc in a sagittal plane: its diameter, and its area over a given length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...base.geometry import FloatArray
from .local_axes import BIN, LocalAxes, Profile, straight
from .not_measurable import NotMeasurable
from .sagittal_frame import Grains

_WINDOW = 12.0  # millimetres up and down within which the canal's direction is fitted
_BAND = 3.0  # millimetres along the canal over which the diameter is averaged
STRETCH = 10.0
"""Length in millimetres along the canal over which the area is measured."""

_LARGEST_GAP = 30.0  # millimetres from the posterior end of a disc to its canal


@dataclass(frozen=True, eq=False)
class CanalAtDisc:
    """The canal where a disc's axis meets it.

    :param diameter: millimetres across the canal.
    :param area: square millimetres over :data:`STRETCH`.
    :param front: (x, y) of its anterior border.
    :param back: (x, y) of its posterior border.
    """

    diameter: float
    area: float
    front: FloatArray
    back: FloatArray


def canal_at(axes: LocalAxes, depth: float, canal: Grains) -> CanalAtDisc:
    """The canal behind a disc.

    :param axes: axes of the disc.
    :param depth: depth of the disc, millimetres.
    :param canal: the canal in the disc's plane.
    :raises NotMeasurable: if the plane does not show the canal there over the whole :data:`STRETCH`.
    """
    missing = NotMeasurable("The slice does not show the canal at the disc: it is not mid-sagittal there.")
    local = axes.local(canal.points)
    near = local[(np.abs(local[:, 1]) < _WINDOW) & (local[:, 0] > 0) & (local[:, 0] < depth / 2 + _LARGEST_GAP + _WINDOW)]
    if not len(near):
        raise missing
    rows = Profile.of(near[:, ::-1], canal.area)
    slope, place = straight(rows.u, rows.middle)  # u = place + slope · v along the canal
    if not 0 < place - depth / 2 < _LARGEST_GAP:
        raise missing
    down = axes.across + slope * axes.along
    across = LocalAxes.at(axes.plane(place, 0.0), np.array([down[1], -down[0]]))
    points = across.local(canal.points)
    rows = Profile.of(points[np.abs(points[:, 0]) < _LARGEST_GAP][:, ::-1], canal.area)
    reach = STRETCH / 2 + BIN  # one bin more at each end: the last bin of a mask is only partly filled
    if len(rows.between(-reach, reach).u) < 2 * round(reach / BIN):
        raise missing
    stretch = rows.between(-STRETCH / 2, STRETCH / 2)
    band = rows.between(-_BAND / 2, _BAND / 2)
    front, back = float(band.upper.mean()), float(band.lower.mean())
    return CanalAtDisc(
        float(band.height.mean()), float(stretch.height.mean()) * STRETCH, across.plane(front, 0.0), across.plane(back, 0.0)
    )
