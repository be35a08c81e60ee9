"""Figures of grading, end to end: points found by the localizer, regions, classes; beside the trivial baselines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..base.anatomy import KEY_POINTS, finding
from ..base.errors import InputError
from ..base.planes import SagittalVolume, assumed_spacing, image_of_plane
from ..datasets.records import Record
from ..steps.classification import Classifier
from ..steps.localization import Localizer
from . import metrics
from .intervals import Figure, patient_bootstrap

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Graded:
    """Truth and prediction of one finding over structures.

    :param truth: (N, classes) ones and zeros.
    :param probability: (N, classes).
    :param patients: (N,).
    :param structures: (N,).
    """

    name: str
    truth: FloatArray
    probability: FloatArray
    patients: tuple[str, ...]
    structures: tuple[str, ...]


def pair_t1(t2: Record, records: Sequence[Record]) -> Record | None:
    """The T1 plane of the same patient and field of view: same spacing, and the key points carried over."""
    for other in records:
        if other.contrast == "T1" and other.patient == t2.patient and t2.series.endswith("_t2") and other.spacing == t2.spacing:
            if other.points == t2.points and other.points:
                return other
    return None


def predictions(
    records: Sequence[Record], localizer: Localizer | None, classifier: Classifier, *, use_t1: bool = True
) -> dict[str, list[tuple[Record, str, dict[str, dict[str, float]]]]]:
    """Grades of every T2 plane.

    :param localizer: finds the points; None to take the data set's own.
    :returns: series to (record, structure, finding to class probabilities).
    """
    result: dict[str, list[tuple[Record, str, dict[str, dict[str, float]]]]] = {}
    for record in records:
        if record.contrast != "T2" or not record.findings or (localizer is None and not record.points):
            continue
        volume = _stack(record)
        if localizer is None:
            points = {name: volume.to_ras((0.0, *place)) for name, place in record.points.items()}
        else:
            try:
                found = localizer.locate(volume, spacing_known=record.spacing is not None)
            except InputError:
                continue
            points = dict(zip(found.names, found.positions, strict=True))
        volumes = {"T2": volume}
        beside = pair_t1(record, records) if use_t1 else None
        if beside is not None:
            volumes["T1"] = _stack(beside)
        graded = classifier.classify(volumes, points, tuple(points))
        result[record.series] = [
            (record, name, {item.name: item.probabilities for item in items}) for name, items in graded.items()
        ]
    return result


def collect(found: dict[str, list[tuple[Record, str, dict[str, dict[str, float]]]]], names: Sequence[str]) -> dict[str, Graded]:
    """Truth and prediction by finding, for structures whose class is known."""
    result = {}
    for name in names:
        classes = finding(name).class_names
        rows = [
            (
                [float(key in record.findings[structure][name]) for key in classes],
                [probabilities[name][key] for key in classes],
                record.patient,
                structure,
            )
            for items in found.values()
            for record, structure, probabilities in items
            if name in record.findings.get(structure, {}) and name in probabilities
        ]
        if rows:
            truth, probability, patients, structures = zip(*rows, strict=True)
            result[name] = Graded(name, np.array(truth), np.array(probability), patients, structures)
    return result


def prior(graded: Graded, training: Sequence[Record]) -> Graded:
    """The level-only baseline: class shares of each structure among the training patients."""
    classes = finding(graded.name).class_names
    shares = {}
    for structure in KEY_POINTS:
        seen = {
            (record.patient): [float(key in record.findings[structure][graded.name]) for key in classes]
            for record in training
            if graded.name in record.findings.get(structure, {})
        }
        shares[structure] = np.mean(list(seen.values()), axis=0) if seen else np.full(len(classes), 1 / len(classes))
    probability = np.array([shares[structure] for structure in graded.structures])
    return Graded(graded.name, graded.truth, probability, graded.patients, graded.structures)


def summary(graded: Graded) -> dict[str, Figure]:
    """The table of one finding, with intervals over patients."""
    item = finding(graded.name)
    if not item.exclusive:
        return _several(graded)
    truth, predicted = graded.truth.argmax(1), graded.probability.argmax(1)
    size = len(item.classes)

    def of_counts(metric: Callable[[FloatArray], float]) -> Figure:
        return patient_bootstrap(graded.patients, lambda i: metric(metrics.confusion(truth[i], predicted[i], size)))

    result = {
        "accuracy": of_counts(lambda matrix: float(np.trace(matrix) / matrix.sum())),
        "balanced accuracy": of_counts(metrics.balanced_accuracy),
        "macro F1": of_counts(metrics.macro_f1),
    }
    if item.ordinal and size > 2:
        result["quadratic kappa"] = of_counts(lambda matrix: metrics.kappa(matrix, quadratic=True))
        result["kappa"] = of_counts(lambda matrix: metrics.kappa(matrix, quadratic=False))
        result["within one grade"] = patient_bootstrap(
            graded.patients, lambda i: float((np.abs(truth - predicted) <= 1)[i].mean())
        )
    else:
        positive = (truth > 0).astype(float)
        score = 1 - graded.probability[:, 0]
        result |= _ranking("any change", positive, score, graded.patients)
    return result


def _several(graded: Graded) -> dict[str, Figure]:
    result: dict[str, Figure] = {}
    for index, key in enumerate(finding(graded.name).class_names):
        result |= _ranking(key, graded.truth[:, index], graded.probability[:, index], graded.patients)
    return result


def _ranking(name: str, truth: FloatArray, score: FloatArray, patients: Sequence[str]) -> dict[str, Figure]:
    return {
        f"AUROC, {name}": patient_bootstrap(patients, lambda i: metrics.auroc(truth[i], score[i])),
        f"average precision, {name}": patient_bootstrap(patients, lambda i: metrics.average_precision(truth[i], score[i])),
    }


def _stack(record: Record) -> SagittalVolume:
    pixels = record.pixels()
    spacing = record.spacing or assumed_spacing((pixels.shape[0], pixels.shape[1]))
    return SagittalVolume.of(image_of_plane(pixels, spacing))
