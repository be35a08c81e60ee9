"""The chain of key points in heat maps: which peak is which structure, and how certain the numbering is.

A spine is a chain: from disc to vertebra to disc it descends in steps of about half a level. The best chain through the peaks is
found by dynamic programming over all key points jointly, so a single channel that responds to the neighbouring level is outvoted
by the other ten. Shifting the whole chain by one level and scoring it again gives the probability of other numberings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..base.anatomy import KEY_POINTS, Kind, structure

FloatArray = npt.NDArray[np.float64]

KINDS = tuple(structure(name).kind for name in KEY_POINTS)

_FLOOR = 1e-4  # added to probabilities before the logarithm: values far below it make no difference
_STEP = 17.0  # millimetres from a disc to the next vertebra: half of SPIDER's mean disc spacing
_STEP_SPREAD = 0.28  # of the logarithm of a step
_TILT_SPREAD = np.radians(32)
_LONGEST, _SHORTEST, _STEEPEST = 36.0, 7.0, np.radians(85)

OUTSIDE = -1
"""Candidate number of a key point that is not in the image."""


@dataclass(frozen=True)
class Candidates:
    """Peaks that could be discs or vertebrae.

    :param places: kind to (N, 2) positions, (column, row) in millimetres from the corner of the map.
    :param masses: for each key point, the probabilities (N,) that it lies at each candidate of its kind.
    :param outside: (K,) probabilities that each key point is not in the image.
    """

    places: dict[Kind, FloatArray]
    masses: list[FloatArray]
    outside: FloatArray


@dataclass(frozen=True)
class Chain:
    """A numbering of candidates.

    :param choice: candidate of each key point, :data:`OUTSIDE` if it is not in the image; (K,).
    :param score: mean log-probability per key point.
    """

    choice: tuple[int, ...]
    score: float


def best_chain(candidates: Candidates, fixed: tuple[int, int] | None = None) -> Chain | None:
    """The most probable chain.

    :param fixed: (key point, candidate) that the chain must pass through.
    :returns: None if no chain has at least three points in the image.
    """
    count = len(KEY_POINTS)
    # Two states are outside: above the image (only before the first point in it) and below it (only after the last).
    best: list[FloatArray] = []
    back: list[npt.NDArray[np.intp]] = []
    for index in range(count):
        places = candidates.places[KINDS[index]]
        unary = np.log(candidates.masses[index] + _FLOOR)
        out = float(np.log(candidates.outside[index] + _FLOOR))
        if fixed is not None and fixed[0] == index:
            unary = np.where(np.arange(len(unary)) == fixed[1], unary, -np.inf)
            out = -np.inf
        if index == 0:
            best.append(np.concatenate([unary, [out, -np.inf]]))
            back.append(np.zeros(len(unary) + 2, dtype=np.intp))
            continue
        before = candidates.places[KINDS[index - 1]]
        previous = best[-1]
        above, below = len(before), len(before) + 1
        steps = previous[:above, None] + _transition(before, places) if len(before) else np.full((0, len(places)), -np.inf)
        from_points = np.concatenate([steps, np.full((1, len(places)), previous[above])])
        into_below = np.concatenate([previous[:above], [-np.inf, previous[below]]])
        arrival = from_points.argmax(0)
        score = from_points.max(0) + unary
        best.append(np.concatenate([score, [previous[above] + out, into_below.max() + out]]))
        back.append(np.concatenate([arrival, [above, int(into_below.argmax())]]))
    final = best[-1].copy()
    final[-2] = -np.inf  # a chain cannot lie entirely above the image
    if not np.isfinite(final.max()):
        return None
    state = int(final.argmax())
    choice = []
    for index in range(count - 1, -1, -1):
        size = len(candidates.places[KINDS[index]])
        choice.append(state if state < size else OUTSIDE)
        state = int(back[index][state])
    choice.reverse()
    if sum(item != OUTSIDE for item in choice) < 3:
        return None
    return Chain(tuple(choice), float(final.max()) / count)


def numbering_scores(candidates: Candidates, chain: Chain) -> dict[int, float]:
    """Scores of other numberings of the same spine, by the number of levels by which every name moves down.

    Each is the score of the best chain with that shift: +1 means that the chain's L3 is L4. Impossible shifts are left out.
    """
    scores = {0: chain.score}
    inside = [index for index, item in enumerate(chain.choice) if item != OUTSIDE]
    middle = inside[len(inside) // 2]
    for shift in (-1, 1):
        index = middle + 2 * shift
        if 0 <= index < len(KEY_POINTS):
            other = best_chain(candidates, (index, chain.choice[middle]))
            if other is not None:
                scores[shift] = other.score
    return scores


def _transition(before: FloatArray, after: FloatArray) -> FloatArray:
    """Log prior of steps between candidates, (N before, N after); minus infinity for impossible steps."""
    step = after[None] - before[:, None]
    length = np.hypot(step[..., 0], step[..., 1])
    tilt = np.abs(np.arctan2(step[..., 0], step[..., 1]))
    allowed = (length > _SHORTEST) & (length < _LONGEST) & (tilt < _STEEPEST)
    with np.errstate(divide="ignore"):
        prior = -0.5 * (np.log(np.maximum(length, 1e-3) / _STEP) / _STEP_SPREAD) ** 2 - 0.5 * (tilt / _TILT_SPREAD) ** 2
    return np.where(allowed, prior, -np.inf)
