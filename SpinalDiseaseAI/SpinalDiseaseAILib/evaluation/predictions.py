"""What a model said of each patient, beside the truth: the figures, the report, comparisons and calibration are made from it."""

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

    :param truth: (column, row) in pixels; None if the data set does not tell.
    :param predicted: (column, row) in pixels; None if it was not found.
    :param confidence: probability that the predicted place is right.
    """

    truth: Place | None
    predicted: Place | None
    confidence: float = 1.0


@dataclass(frozen=True)
class Assessment:
    """One finding at one structure.

    :param truth: classes that hold; empty if the data set does not tell.
    :param probabilities: class name to probability; empty if the structure was not found, and so not assessed.
    :param plausible: as in a report; empty if the model states none.
    """

    truth: tuple[str, ...]
    probabilities: dict[str, float]
    plausible: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One sagittal plane.

    :param image: 8-bit grey image.
    :param size: (columns, rows) in pixels.
    :param spacing: millimetres (a column, a row); None where the data set does not tell.
    :param points: structure to key point.
    :param findings: structure to finding to assessment.
    :param numbering: probability of the reported numbering; 0 where nothing was found.
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
        """Pixels from a structure to the next like one, the mean over the known points; NaN if no two are known."""
        return mean_level({name: np.array(item.truth) for name, item in self.points.items() if item.truth is not None})


def mean_level(truth: dict[str, FloatArray]) -> float:
    """Pixels from a structure to the next like one, the mean over those that are known; NaN if no two are."""
    steps = [
        float(np.linalg.norm(truth[lower] - truth[upper]))
        for upper, lower in zip(KEY_POINTS, KEY_POINTS[2:], strict=False)
        if {upper, lower} <= set(truth)
    ]
    return float(np.mean(steps)) if steps else float("nan")


@dataclass(frozen=True)
class Run:
    """One model on one part of one data set.

    :param title: what was done, such as ``"Grades, end to end, from T2 alone"``; runs of one title and data set are of one kind
        and can be compared; of a localizer the title's text up to the first comma counts.
    :param task: :data:`LOCALIZATION` or :data:`GRADING`.
    :param splits: splits of the patients.
    :param models: bundles that took part, the measured one first.
    :param calibrated: False if the probabilities are as the network states them, without the bundle's calibration.
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
        """What two runs have in common if they can be compared: task, data set, and what was done, whoever the patients are."""
        return self.task, self.dataset, self.title.partition(",")[0] if self.task == LOCALIZATION else self.title

    @property
    def findings(self) -> tuple[str, ...]:
        """Names of the findings that were assessed, in the order of their first appearance."""
        assessed = (
            name for case in self.cases for items in case.findings.values() for name, item in items.items() if item.probabilities
        )
        return tuple(dict.fromkeys(assessed))


@dataclass(frozen=True)
class Graded:
    """Truth and prediction of one finding over structures.

    :param truth: (N, classes) ones and zeros.
    :param probability: (N, classes).
    :param patients: (N,).
    :param structures: (N,).
    :param plausible: (N, classes) ones and zeros; None if the model states no plausible classes.
    :param series: (N,); empty where it does not matter.
    """

    name: str
    truth: FloatArray
    probability: FloatArray
    patients: tuple[str, ...]
    structures: tuple[str, ...]
    plausible: FloatArray | None = None
    series: tuple[str, ...] = ()


def collect(cases: Sequence[Case], names: Sequence[str]) -> dict[str, Graded]:
    """Truth and prediction by finding, for structures that were assessed and whose class is known."""
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
