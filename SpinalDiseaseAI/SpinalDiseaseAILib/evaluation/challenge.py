"""The score of the Spinal Disease 2020 challenge (Tianchi): a point within 6 mm and the right class, average precision a class.

A prediction is a hit if an annotated structure of its kind lies less than 6 mm from it, by the spacing of columns and rows; the
nearest counts. A hit on a structure that has the predicted class is right; a hit on another is false, and so is no hit at all.
When several predictions of a class hit one structure, the nearest is the right one and the others count as neither. Structures
that were not rightly hit are missed. The average precision of a class runs over the confidences of its predictions; the score is
its mean over the classes that occur. A hit on a structure whose class the data set does not tell counts as neither.

Where a data set does not tell the spacing, 6 mm is a sixth of the mean distance between neighbouring like structures;
on a plane without such neighbours nothing is hit.
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
"""Finding and class of everything that is scored: v1 … v5 of discs, v1 and v2 of vertebrae."""


@dataclass(frozen=True)
class Claim:
    """One prediction: a place, a class and how sure the model is of it."""

    place: Place
    confidence: float


@dataclass(frozen=True)
class Outcome:
    """What became of the claims of one class on one plane.

    :param confidence: (N,) of the claims that count.
    :param right: (N,) ones and zeros.
    :param annotated: number of structures that have the class.
    """

    confidence: FloatArray
    right: FloatArray
    annotated: int


def outcome(claims: Sequence[Claim], truth: Mapping[Place, bool | None], step: Place, radius: float) -> Outcome:
    """Set the claims of one class against a plane.

    :param truth: place (column, row) of every annotated structure of the kind, and whether it has the class; None if that is
        not known.
    :param step: length of a column and of a row, in the unit of ``radius``.
    :param radius: distance below which a claim hits; NaN where it is not known, and then nothing is hit.
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
    """Average precision of a class over planes: the sum of precision times the gain in recall; NaN if no structure has it."""
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

    :param named_only: claim the predicted classes alone, all with the same confidence, as a submission to the challenge does;
        else every class of every structure with its probability.
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
    """The score with its interval over patients: ranked by probability, and with the predicted classes alone."""
    parts = {
        label: [outcomes_of(case, named_only=named) for case in cases]
        for label, named in (("by probability", False), ("as submitted", True))
    }

    def figures(i: Indices) -> dict[str, float]:
        result = {}
        for label, planes in parts.items():
            values = {key: average_precision([planes[index][key] for index in i]) for key in CLASSES}
            result[f"mAP, {label}"] = mean(list(values.values()))  # of the classes that occur
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
