"""The score of the Spinal Disease 2020 challenge (Tianchi): average precision per class of points within 6 mm.

A prediction hits the nearest annotated structure of its kind if that is less than 6 mm away, measured with the spacing of columns
and rows. A hit on a structure that has the predicted class is a true positive; a hit on any other structure, or no hit at all, is
a false positive. When several predictions of a class hit one structure, the nearest is the true positive and the others count as
neither. Structures without a true positive are missed. The average precision of a class is taken over the confidences of its
predictions; the score is its mean over the classes that occur. A hit on a structure whose class is unknown counts as neither.

Without a known spacing, a sixth of the mean distance between neighbouring structures of the same kind replaces the 6 mm;
on a plane without such neighbours there are no hits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..base.anatomy import FINDINGS, Kind, finding, structure
from ..base.report import FindingResult
from .intervals import REPEATS, Figure, Indices, bootstrap_figures
from .metrics import mean
from .predictions import Case, FloatArray, Place

HIT_MILLIMETRES = 6.0

CLASSES: tuple[tuple[str, str], ...] = tuple(
    (item.name, key) for item in FINDINGS if item.name in ("disc_disease", "vertebra_disease") for key in item.class_names
)
"""The (finding, class) pairs that are scored: v1 … v5 of discs, v1 and v2 of vertebrae."""


@dataclass(frozen=True)
class Claim:
    """One prediction of a class: its place and the model's confidence."""

    place: Place
    confidence: float


@dataclass(frozen=True)
class Outcome:
    """The claims of one class on one plane, scored.

    :param confidence: (N,) confidences of the claims that count.
    :param right: (N,) 1 for a true positive, 0 for a false one.
    :param annotated: number of structures that have the class.
    """

    confidence: FloatArray
    right: FloatArray
    annotated: int


def outcome(claims: Sequence[Claim], truth: Mapping[Place, bool | None], step: Place, radius: float) -> Outcome:
    """Score the claims of one class on one plane.

    :param truth: place (column, row) of every annotated structure of the kind, and whether it has the class; None if unknown.
    :param step: width of a column and height of a row, in the unit of ``radius``.
    :param radius: distance below which a claim is a hit; NaN if unknown, which makes every claim a miss.
    """
    nearest_of: dict[int, float] = {}
    counted: dict[int, tuple[float, float]] = {}
    result: list[tuple[float, float]] = []
    places = np.array(list(truth), dtype=np.float64).reshape(-1, 2)
    has_class = list(truth.values())
    for claim in claims:
        distance = np.hypot(*((places - claim.place) * step).T) if len(places) else np.full(1, np.inf)
        index = int(distance.argmin())
        if not distance[index] < radius or has_class[index] is False:
            result.append((claim.confidence, 0.0))
        elif has_class[index] and distance[index] < nearest_of.get(index, np.inf):
            nearest_of[index] = float(distance[index])
            counted[index] = (claim.confidence, 1.0)
    result += counted.values()
    table = np.array(result, dtype=np.float64).reshape(-1, 2)
    return Outcome(table[:, 0], table[:, 1], sum(map(bool, has_class)))


def average_precision(outcomes: Sequence[Outcome]) -> float:
    """Average precision of a class over planes: the sum of precision times the gain in recall; NaN if nothing has the class."""
    annotated = sum(item.annotated for item in outcomes)
    if not annotated:
        return float("nan")
    confidence = np.concatenate([item.confidence for item in outcomes])
    right = np.concatenate([item.right for item in outcomes])
    if not len(right):
        return 0.0
    order = np.argsort(-confidence, kind="stable")
    hits = np.cumsum(right[order])
    last = np.append(np.diff(confidence[order]) != 0, True)  # equal confidences are one threshold
    hits, claims = hits[last], np.flatnonzero(last) + 1
    return float((np.diff(hits, prepend=0) / annotated * hits / claims).sum())


def outcomes_of(case: Case, *, named_only: bool) -> dict[tuple[str, str], Outcome]:
    """The outcome of each class on a plane.

    :param named_only: True to claim only the predicted classes, all with the same confidence, like a submission to the challenge;
        False to claim every class of every structure with its probability.
    """
    radius, step = (HIT_MILLIMETRES, case.spacing) if case.spacing else (case.level_pixels / 6, (1.0, 1.0))
    result = {}
    for name, key in CLASSES:
        kind = finding(name).kind
        truth = {
            item.truth: (key in case.findings[place][name].truth if _known(case, place, name) else None)
            for place, item in case.points.items()
            if item.truth is not None and _kind(place) is kind
        }
        claims = []
        for place, item in case.points.items():
            found = case.findings.get(place, {}).get(name)
            if item.predicted is None or found is None or not found.probabilities:
                continue
            if not named_only:
                claims.append(Claim(item.predicted, found.probabilities[key]))
            elif key in _named(name, found.probabilities):
                claims.append(Claim(item.predicted, 1.0))
        result[name, key] = outcome(claims, truth, step, radius)
    return result


def summary(cases: Sequence[Case], *, repeats: int = REPEATS) -> dict[str, Figure]:
    """The score with its interval over patients: ranked by probability, and with the predicted classes only."""
    parts = {
        label: [outcomes_of(case, named_only=named) for case in cases]
        for label, named in (("by probability", False), ("as submitted", True))
    }

    def figures(i: Indices) -> dict[str, float]:
        result = {}
        for label, planes in parts.items():
            values = {key: average_precision([planes[index][key] for index in i]) for key in CLASSES}
            result[f"mAP, {label}"] = mean(list(values.values()))  # over the classes that occur
            result |= {
                f"average precision {label}, {finding(name).kind.value} {key}": value for (name, key), value in values.items()
            }
        return result

    return bootstrap_figures([case.patient for case in cases], figures, repeats=repeats)


def _kind(name: str) -> Kind:
    return structure(name).kind


def _known(case: Case, place: str, name: str) -> bool:
    return bool(case.findings.get(place, {}).get(name) and case.findings[place][name].truth)


def _named(name: str, probabilities: dict[str, float]) -> tuple[str, ...]:
    return FindingResult(name, probabilities, "").predicted
