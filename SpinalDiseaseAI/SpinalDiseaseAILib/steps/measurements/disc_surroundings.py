"""What the masks show around a disc: how wide the canal is behind it, and whether the vertebra above slips. All of it ratios.

A herniation narrows the canal, and a spondylolisthesis is a slip. Spacing does not count: a study without one is weighed too.
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
"""What is taken of a disc, in order: logarithms of ratios of the canal's width, and shares of the depth of the vertebra below."""

_LEVELS = tuple(name for name in KEY_POINTS if structure(name).kind is Kind.DISC)
_FARTHEST = 0.5  # a slip of half a vertebra: what the masks show beyond says no more


def disc_surroundings(spine: SegmentedSpine, names: Iterable[str]) -> dict[str, FloatArray]:
    """What surrounds discs.

    :param names: discs wanted; the canal at others of the patient is compared with.
    :returns: disc to (surroundings,), in the order of :data:`SURROUNDINGS`; NaN where something cannot be measured.
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
        spine.canal(name)  # beside the midline walls are no posterior walls
        slip = slip_between(spine.body(above), spine.body(below))
    except NotMeasurable:
        return np.nan
    return float(np.clip(slip.percent / 100, -_FARTHEST, _FARTHEST))
