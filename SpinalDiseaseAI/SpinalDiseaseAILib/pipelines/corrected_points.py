"""Checks of points placed by a person, before anything is graded there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..base.anatomy import KEY_POINTS
from ..base.errors import InputError
from ..base.geometry import FloatArray
from ..base.planes import SagittalVolume
from ..base.report import Point
from ..steps.regions import shows


def names_to_grade(points: Mapping[str, Point], changed: tuple[str, ...]) -> tuple[str, ...]:
    """The structures to grade, from cranial to caudal.

    :param points: structure name to RAS millimetres.
    :param changed: structures wanted; empty for all that have a point.
    :raises InputError: if a name is not a key point, a point is missing, or a coordinate is not a finite number.
    """
    unknown = [name for name in (*points, *changed) if name not in KEY_POINTS]
    if unknown:
        raise InputError(
            f"{', '.join(sorted(set(unknown)))} cannot be graded.", f"Key points are {', '.join(KEY_POINTS)}.", code="points"
        )
    names = tuple(name for name in KEY_POINTS if name in (changed or tuple(points)))
    missing = [name for name in names if name not in points]
    if missing:
        raise InputError(f"No position was given for {', '.join(missing)}.", code="points")
    if not points or not np.isfinite(list(points.values())).all():
        raise InputError(
            "A point has a coordinate that is not a number." if points else "No points were given.",
            "Every point needs three coordinates in millimetres.",
            code="points",
        )
    return names


def check_shown(volume: SagittalVolume, places: Mapping[str, FloatArray], names: tuple[str, ...]) -> None:
    """Refuse structures outside the image.

    :param places: structure name to RAS millimetres (3,).
    :raises InputError: if there are any; it names them.
    """
    outside = [name for name in names if not shows(volume, places[name])]
    if outside:
        raise InputError(
            f"Outside the image: {', '.join(outside)}.",
            "A structure can be graded only where the image shows it.",
            "Move the point back into the image.",
            code="points",
        )
