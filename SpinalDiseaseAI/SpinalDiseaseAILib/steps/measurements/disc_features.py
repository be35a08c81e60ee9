"""Features of discs from the masks, for grading degeneration: ratios of signals and of heights.

Pfirrmann grades depend on how bright a disc is, whether its nucleus stands out, and whether it lost height. Each feature is the
logarithm of a ratio, so it depends neither on the scanner's intensity scale nor on the spacing.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...base.anatomy import KEY_POINTS, Kind, structure
from ...base.geometry import Array, FloatArray
from .local_axes import ends
from .not_measurable import NotMeasurable
from .segmented_spine import SegmentedSpine
from .signals import without_border

FEATURES = (
    "signal to fluid",
    "bright part to fluid",
    "nucleus to fluid",
    "nucleus to annulus",
    "spread of the signal",
    "height index",
    "height to depth",
    "signal to marrow",
    "signal to the patient's brightest disc",
    "height index to the patient's usual disc",
)
"""Features of a disc, in order."""

_LEVELS = tuple(name for name in KEY_POINTS if structure(name).kind is Kind.DISC)
_LEAST = 0.01  # lower limit of a ratio before its logarithm
_NUCLEUS = 0.2  # of the depth: the nucleus extends this far to each side of the middle
_ANNULUS = 0.35  # of the depth: the annulus begins this far from the middle


def disc_features(spine: SegmentedSpine, names: Iterable[str]) -> dict[str, FloatArray]:
    """Features of the discs that can be measured.

    :param spine: a T2 study.
    :param names: discs wanted; the patient's other discs serve for comparison.
    :returns: disc to (features,), in the order of :data:`FEATURES`; discs that cannot be measured are left out.
    """
    own = {}
    for name in _LEVELS:
        try:
            own[name] = _own_features(spine, name)
        except NotMeasurable:
            continue
    if not own:
        return {}
    brightest = max(float(values[0]) for values in own.values())
    usual = float(np.median([values[5] for values in own.values()]))
    return {name: np.append(own[name], [own[name][0] - brightest, own[name][5] - usual]) for name in names if name in own}


def _own_features(spine: SegmentedSpine, name: str) -> FloatArray:
    disc = spine.disc(name)
    pixels, mask = spine.pixels(name), spine.own_mask(name)
    fluid = spine.fluid(name)
    inner = np.nonzero(without_border(mask, spine.volume.pixel_spacing))
    values = pixels[inner].astype(np.float64) / fluid
    index = spine.slice_of(name)
    places = spine.frame.plane_point(spine.volume.to_ras(np.stack([np.full(len(values), index), *inner], -1)))
    low, high = ends(disc.axes.local(disc.shape.points))
    off = np.abs(disc.axes.local(places)[:, 0] - (low + high) / 2) / (high - low)
    nucleus, annulus = values[off < _NUCLEUS], values[off > _ANNULUS]
    if not len(nucleus) or not len(annulus):
        raise NotMeasurable(f"Too little of {name} is seen to measure its signal.")
    height = float(np.mean([item.value for item in disc.heights.values()]))
    bodies = [body for body in (_marrow(spine, neighbour) for neighbour in name.split("-")) if body is not None]
    if not bodies:
        raise NotMeasurable(f"No vertebra next to {name} can be measured.")
    body_height = float(np.mean([item for item, _ in bodies]))
    marrow = float(np.mean([item for _, item in bodies])) / fluid
    return np.array(
        [
            _log(values.mean()),
            _log(np.percentile(values, 90)),
            _log(np.median(nucleus)),
            _log(np.median(nucleus)) - _log(np.median(annulus)),
            _log(values.std()) - _log(values.mean()),
            _log(height / body_height),
            _log(height / disc.depth),
            _log(values.mean()) - _log(marrow),
        ]
    )


def _marrow(spine: SegmentedSpine, name: str) -> tuple[float, float] | None:
    """Mean height and median signal of a body; None if it cannot be measured."""
    try:
        body = spine.body(name)
        height = float(np.mean([item.value for item in body.heights.values()]))
    except NotMeasurable:
        return None
    pixels: Array = spine.pixels(name)
    index = spine.slice_of(name)
    columns, rows = np.nonzero(spine.own_mask(name))
    places = spine.frame.plane_point(spine.volume.to_ras(np.stack([np.full(len(rows), index), columns, rows], -1)))
    local = body.axes.local(places)
    core = (np.abs(local[:, 0]) < height / 3) & (np.abs(local[:, 1]) < height / 3)
    return (height, float(np.median(pixels[columns[core], rows[core]]))) if core.any() else None


def _log(ratio: float | np.floating) -> float:
    return float(np.log(max(float(ratio), _LEAST)))
