"""Predictions and truth for each patient, from which figures, reports, comparisons and calibrations are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..base.anatomy import KEY_POINTS, finding
from ..base.report import ModelProvenance

FloatArray = npt.NDArray[np.float64]
Place = tuple[float, float]

LOCALIZATION, GRADING = "localization", "grading"


@dataclass(frozen=True)
class FoundPoint:
    """A key point of a plane.

    :param truth: (column, row) in pixels; None if unknown.
    :param predicted: (column, row) in pixels; None if it was not found.
    :param confidence: probability that the predicted position is right.
    """

    truth: Place | None
    predicted: Place | None
    confidence: float = 1.0


@dataclass(frozen=True)
class Assessment:
    """One finding at one structure.

    :param truth: the true classes; empty if unknown.
    :param probabilities: class name to probability; empty if the structure was not found, and so not assessed.
    :param plausible: the plausible classes, as in a report; empty if the model states none.
    """

    truth: tuple[str, ...]
    probabilities: dict[str, float]
    plausible: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One sagittal plane.

    :param image: 8-bit grey image.
    :param size: (columns, rows) in pixels.
    :param spacing: millimetres (width of a column, height of a row); None if unknown.
    :param points: structure to key point.
    :param findings: structure to finding to assessment.
    :param numbering: probability of the reported numbering; 0 if nothing was found.
    """

    patient: str
    series: str
    image: Path
    size: tuple[int, int]
    spacing: Place | None
    points: dict[str, FoundPoint] = field(default_factory=dict)
    findings: dict[str, dict[str, Assessment]] = field(default_factory=dict)
    numbering: float = 1.0

    @property
    def level_pixels(self) -> float:
        """Pixels from a structure to the next of its kind, the mean over the known points; NaN if no two neighbours are known."""
        return mean_level({name: np.array(item.truth) for name, item in self.points.items() if item.truth is not None})


def mean_level(truth: dict[str, FloatArray]) -> float:
    """Pixels from a structure to the next of its kind, the mean over the known ones; NaN if no two neighbours are known."""
    steps = [
        float(np.linalg.norm(truth[lower] - truth[upper]))
        for upper, lower in zip(KEY_POINTS, KEY_POINTS[2:], strict=False)
        if {upper, lower} <= set(truth)
    ]
    return float(np.mean(steps)) if steps else float("nan")


@dataclass(frozen=True)
class Run:
    """One model on one part of one data set.

    :param title: what was done, such as ``"Grades, end to end, from T2 alone"``. Runs with the same title and data set are of one
        kind and can be compared; for localizers, the title is compared only up to the first comma.
    :param task: :data:`LOCALIZATION` or :data:`GRADING`.
    :param splits: splits of the patients.
    :param models: bundles that took part, the measured one first.
    :param calibrated: False if the probabilities are the network's own, without the bundle's calibration.
    """

    title: str
    task: str
    dataset: str
    splits: tuple[str, ...]
    models: tuple[ModelProvenance, ...]
    cases: tuple[Case, ...]
    calibrated: bool = True

    @property
    def key(self) -> tuple[str, str, str]:
        """Equal for runs that can be compared: task, data set and what was done, regardless of the patients."""
        return self.task, self.dataset, self.title.partition(",")[0] if self.task == LOCALIZATION else self.title

    @property
    def findings(self) -> tuple[str, ...]:
        """Names of the assessed findings, in order of first appearance."""
        assessed = (
            name for case in self.cases for items in case.findings.values() for name, item in items.items() if item.probabilities
        )
        return tuple(dict.fromkeys(assessed))


@dataclass(frozen=True)
class Graded:
    """Truth and prediction of one finding over structures.

    :param truth: (N, classes) ones and zeros.
    :param probability: (N, classes).
    :param patients: (N,) patient of each item.
    :param structures: (N,) structure of each item.
    :param plausible: (N, classes) ones and zeros; None if the model states no plausible classes.
    :param series: (N,) series of each item; empty if not needed.
    """

    name: str
    truth: FloatArray
    probability: FloatArray
    patients: tuple[str, ...]
    structures: tuple[str, ...]
    plausible: FloatArray | None = None
    series: tuple[str, ...] = ()


def collect(cases: Sequence[Case], names: Sequence[str]) -> dict[str, Graded]:
    """Truth and prediction by finding, for assessed structures whose class is known."""
    result = {}
    for name in names:
        classes = finding(name).class_names
        rows = [
            (case, structure, items[name])
            for case in cases
            for structure, items in case.findings.items()
            if name in items and items[name].truth and items[name].probabilities
        ]
        if not rows:
            continue
        stated = all(item.plausible for _, _, item in rows)
        result[name] = Graded(
            name,
            np.array([[float(key in item.truth) for key in classes] for _, _, item in rows]),
            np.array([[item.probabilities[key] for key in classes] for _, _, item in rows]),
            tuple(case.patient for case, _, _ in rows),
            tuple(structure for _, structure, _ in rows),
            np.array([[float(key in item.plausible) for key in classes] for _, _, item in rows]) if stated else None,
            tuple(case.series for case, _, _ in rows),
        )
    return result
