"""Figures of the disc degeneration grade (mild, moderate or severe) from the region network, from masks, and from both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..datasets.records import Record
from ..models.disc_grade_model import VARIANTS
from ..steps.classification import Classifier
from ..steps.disc_grades import CLASSES, FINDING, LEVELS, DiscGrader
from ..steps.localization import Localizer
from ..steps.measurements.disc_features import disc_features
from ..steps.measurements.segmented_spine import SegmentedSpine
from ..steps.segmentation import Segmenter
from . import metrics
from .baselines import LEVEL_SHARES, baselines
from .intervals import REPEATS, Figure, Indices, bootstrap_figures
from .key_points import located, plane_of
from .predictions import Assessment, Case, FloatArray, Graded, collect
from .tables import Row, Table

PUBLISHED = "published, 94 discs"
"""Fully automatic disc degeneration grading: other patients, other readers."""

_PUBLISHED = {
    "accuracy": 0.913,
    "AUC, mild against moderate": 0.89,
    "AUC, mild against severe": 0.95,
    "AUC, moderate against severe": 0.90,
}
_PAIRS = ((0, 1), (0, 2), (1, 2))
WORDS = {"region": "the region network", "masks": "masks", "both": "both"}
"""What each variant uses, in words."""


def graded_cases(
    records: Sequence[Record], localizer: Localizer, segmenter: Segmenter, classifier: Classifier, grader: DiscGrader
) -> dict[str, tuple[Case, ...]]:
    """Grades of every T2 plane with findings, by every variant, end to end.

    A disc that could not be measured in the masks gets the grade of the region network in every variant, as in an analysis, so
    all variants are measured on the same discs.

    :returns: variant to cases.
    """
    result: dict[str, list[Case]] = {variant: [] for variant in VARIANTS}
    for record in records:
        if record.contrast != "T2" or not record.findings:
            continue
        volume = plane_of(record)
        case = located(record, localizer, volume)
        places = {name: item.predicted for name, item in case.points.items() if item.predicted is not None}
        points = {name: volume.to_ras((0.0, *place)) for name, place in places.items()}
        probabilities: dict[str, dict[str, FloatArray]] = {variant: {} for variant in VARIANTS}
        if points:
            spine = SegmentedSpine(volume, segmenter.segment(volume.image, points), points)
            found = classifier.classify({"T2": volume}, points, tuple(name for name in points if name in LEVELS))
            pfirrmann = {name: item.probabilities for name, items in found.items() for item in items if item.name == "pfirrmann"}
            probabilities = grader.probabilities(pfirrmann, disc_features(spine, LEVELS))
        for variant in VARIANTS:
            values = {**probabilities["region"], **probabilities[variant]}
            findings = {
                name: {
                    FINDING: Assessment(
                        record.findings.get(name, {}).get(FINDING, ()),
                        dict(zip(CLASSES, values[name].tolist(), strict=True)) if name in values else {},
                    )
                }
                for name in LEVELS
                if name in record.findings
            }
            result[variant].append(replace(case, findings=findings))
    return {variant: tuple(cases) for variant, cases in result.items()}


def summary(graded: Graded, *, repeats: int = REPEATS) -> dict[str, Figure]:
    """The figures of the paper, with intervals over patients; sensitivity, specificity and F1 are means over the grades."""
    return bootstrap_figures(graded.patients, lambda i: overall(graded, i), repeats=repeats)


def overall(graded: Graded, i: Indices) -> dict[str, float]:
    """The figures on some items, whose indices may repeat."""
    truth, probability = graded.truth[i].argmax(1), graded.probability[i]
    matrix = metrics.confusion(truth, probability.argmax(1), len(CLASSES))
    right, true, named = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    others = matrix.sum() - true
    with np.errstate(invalid="ignore", divide="ignore"):
        specificity = (others - (named - right)) / others
    result = {
        "accuracy": float(right.sum() / matrix.sum()),
        "sensitivity": metrics.balanced_accuracy(matrix),
        "specificity": float(np.nanmean(specificity)),
        "F1": metrics.macro_f1(matrix),
    }
    for low, high in _PAIRS:
        chosen = (truth == low) | (truth == high)
        share = probability[chosen, high] / np.maximum(probability[chosen, low] + probability[chosen, high], 1e-12)
        name = f"AUC, {CLASSES[low]} against {CLASSES[high]}"
        result[name] = metrics.auroc((truth[chosen] == high).astype(np.float64), share)
    result["Brier score"] = metrics.brier(graded.truth[i], probability)
    result["expected calibration error"] = metrics.expected_calibration_error(*metrics.stated(graded.truth[i], probability))
    return result


def table_of_variant(
    variant: str, shipped: str, models: tuple[str, ...], data: str, cases: Sequence[Case], training: Sequence[Record]
) -> Table:
    """The table of a variant, with the baselines and the published figures.

    :param shipped: the variant that an analysis uses.
    :param data: description of the data set.
    :param training: records from which the baselines are made.
    """
    graded = collect(cases, (FINDING,))[FINDING]
    trivial = {name: overall(item, np.arange(len(item.truth))) for name, item in baselines(graded, training).items()}
    shares = trivial.pop(LEVEL_SHARES)
    rows = [
        Row(name, figure, shares[name], {**{key: item[name] for key, item in trivial.items()}, PUBLISHED: _PUBLISHED.get(name)})
        for name, figure in summary(graded).items()
    ]
    used = " (used in an analysis)" if variant == shipped else ""
    return Table(f"Degeneration grade, from {WORDS[variant]}{used}, end to end", models, data, LEVEL_SHARES, rows)
