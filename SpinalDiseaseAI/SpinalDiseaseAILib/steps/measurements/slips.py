"""Slip of a vertebra over the next, and its Meyerding grade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...base.geometry import FloatArray
from .bodies import Body
from .not_measurable import NotMeasurable

_LEAST_SLIP = 5.0  # per cent; masks are too coarse to show a smaller slip
_ALIKE = 1.35  # ratio of the depths of two endplates that face each other
_STEPS = (25.0, 50.0, 75.0, 100.0)


@dataclass(frozen=True, eq=False)
class Slip:
    """A slip.

    :param value: millimetres, positive if the upper vertebra lies in front.
    :param percent: of the depth of the lower vertebra at its upper endplate.
    :param corner: (x, y) of the lower vertebra's posterior superior corner.
    :param foot: (x, y) of the upper vertebra's posterior inferior corner, projected onto the direction of the slip through
        ``corner``.
    """

    value: float
    percent: float
    corner: FloatArray
    foot: FloatArray

    @property
    def meyerding(self) -> int:
        """Meyerding grade, 0 … 5, which is defined for anterior slips."""
        return 0 if self.percent < _LEAST_SLIP else 1 + sum(self.percent > step for step in _STEPS)


def slip_between(upper: Body, lower: Body) -> Slip:
    """Slip of one body over the next, along the bisector of the two endplates.

    Both bodies have the same coordinates, even on different slices.

    :raises NotMeasurable: if the depths of the two endplates differ too much, which means that an outline is wrong.
    """
    plate = lower.upper
    if not 1 / _ALIKE < plate.depth / upper.lower.depth < _ALIKE:
        raise NotMeasurable("The outlines of the two endplates differ too much in depth.")
    along = plate.direction + upper.lower.direction
    along /= np.linalg.norm(along)
    ahead = float((plate.posterior - upper.lower.posterior) @ along)
    return Slip(ahead, 100 * ahead / plate.depth, plate.posterior, plate.posterior - ahead * along)


def angle_between(upper: FloatArray, lower: FloatArray) -> float:
    """Angle between two endplates in degrees, positive if they open to anterior, as in lordosis.

    :param upper: vector (x, y) to posterior along the upper endplate.
    :param lower: vector (x, y) to posterior along the lower endplate.
    """
    tilts = [float(np.degrees(np.arctan2(vector[1], vector[0]))) for vector in (upper, lower)]
    return tilts[0] - tilts[1]
