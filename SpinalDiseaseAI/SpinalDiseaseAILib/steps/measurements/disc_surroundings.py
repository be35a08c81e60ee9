"""Features of the surroundings of a disc: the width of the canal behind it, and the slip of the vertebra above, as ratios.

A herniation narrows the canal, and a spondylolisthesis is a slip. Ratios do not depend on the spacing, which may be unknown.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...base.anatomy import KEY_POINTS, Kind, structure
from ...base.geometry import FloatArray
from .not_measurable import NotMeasurable
from .segmented_spine import SegmentedSpine
from .slips import slip_between

SURROUNDINGS = (
    "canal to the disc's depth",
    "canal to the patient's usual canal",
    "slip to the front",
    "slip either way",
)
"""Features of a disc, in order: logarithms of ratios of the canal's width; slips as fractions of the lower vertebra's depth."""

_LEVELS = tuple(name for name in KEY_POINTS if structure(name).kind is Kind.DISC)
_FARTHEST = 0.5  # slips are clipped at half a vertebra


def disc_surroundings(spine: SegmentedSpine, names: Iterable[str]) -> dict[str, FloatArray]:
    """Features of the surroundings of discs.

    :param names: discs wanted; the canal at the patient's other discs serves for comparison.
    :returns: disc to (surroundings,), in the order of :data:`SURROUNDINGS`; NaN if one cannot be measured.
    """
    widths = {name: _width(spine, name) for name in _LEVELS}
    known = [value for value in widths.values() if not np.isnan(value)]
    usual = float(np.median(known)) if known else np.nan
    result = {}
    for name in names:
        slip = _slip(spine, name)
        result[name] = np.array([np.log(widths[name] / _depth(spine, name)), np.log(widths[name] / usual), slip, abs(slip)])
    return result


def _width(spine: SegmentedSpine, name: str) -> float:
    try:
        return spine.canal(name).diameter
    except NotMeasurable:
        return np.nan


def _depth(spine: SegmentedSpine, name: str) -> float:
    try:
        return spine.disc(name).depth
    except NotMeasurable:
        return np.nan


def _slip(spine: SegmentedSpine, name: str) -> float:
    above, below = name.split("-")
    try:
        spine.canal(name)  # fails away from the midline, where the bodies have no posterior walls
        slip = slip_between(spine.body(above), spine.body(below))
    except NotMeasurable:
        return np.nan
    return float(np.clip(slip.percent / 100, -_FARTHEST, _FARTHEST))
