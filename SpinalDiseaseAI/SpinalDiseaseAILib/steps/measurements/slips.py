"""Slip of a vertebra over the next, and its Meyerding grade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...base.geometry import FloatArray
from .bodies import Body
from .not_measurable import NotMeasurable

_LEAST_SLIP = 5.0  # per cent: below, masks are too rough to tell a slip from none
_ALIKE = 1.35  # ratio of the depths of two endplates that face each other
_STEPS = (25.0, 50.0, 75.0, 100.0)


@dataclass(frozen=True, eq=False)
class Slip:
    """A slip.

    :param value: millimetres, positive where the upper vertebra lies in front.
    :param percent: of the depth of the lower vertebra at its upper endplate.
    :param corner: (x, y) of the lower vertebra's posterior superior corner, :param foot: of the place beside it that the upper
        vertebra's posterior inferior corner lies across from.
    """

    value: float
    percent: float
    corner: FloatArray
    foot: FloatArray

    @property
    def meyerding(self) -> int:
        """Meyerding grade, 0 … 5: it is of slips to the front."""
        return 0 if self.percent < _LEAST_SLIP else 1 + sum(self.percent > step for step in _STEPS)


def slip_between(upper: Body, lower: Body) -> Slip:
    """Slip of one body over the next, along the line that halves the angle between the two endplates.

    Both bodies are seen in one frame, also where they lie on different slices.

    :raises NotMeasurable: if the two endplates are not alike in depth: the outline of a wall is wrong then.
    """
    plate = lower.upper
    if not 1 / _ALIKE < plate.depth / upper.lower.depth < _ALIKE:
        raise NotMeasurable("The outlines of the two endplates differ too much in depth.")
    along = plate.direction + upper.lower.direction
    along /= np.linalg.norm(along)
    ahead = float((plate.posterior - upper.lower.posterior) @ along)
    return Slip(ahead, 100 * ahead / plate.depth, plate.posterior, plate.posterior - ahead * along)


def angle_between(upper: FloatArray, lower: FloatArray) -> float:
    """Degrees from one direction to posterior to another; positive where they open to anterior, as in lordosis.

    :param upper: vector (x, y) to posterior along the upper endplate, :param lower: along the lower one.
    """
    tilts = [float(np.degrees(np.arctan2(vector[1], vector[0]))) for vector in (upper, lower)]
    return tilts[0] - tilts[1]
