"""Predictions of a classifier for evaluation, at points from a localizer or from the data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..base.planes import SagittalVolume
from ..datasets.records import Record
from ..steps.classification import Classifier
from ..steps.localization import Localizer
from .key_points import located, plane_of
from .predictions import Assessment, Case, FoundPoint
from .weighed import WeighedClassifier


def pair_t1(t2: Record, records: Sequence[Record]) -> Record | None:
    """The T1 plane of the same patient and field of view: same spacing, with the key points of T2 carried over."""
    for other in records:
        if other.contrast == "T1" and other.patient == t2.patient and t2.series.endswith("_t2") and other.spacing == t2.spacing:
            if other.points == t2.points and other.points:
                return other
    return None


def predictions(
    records: Sequence[Record], localizer: Localizer | None, classifier: Classifier | WeighedClassifier, *, use_t1: bool = True
) -> tuple[Case, ...]:
    """Grades of every T2 plane with findings.

    Structures that are not found keep their truth and have no probabilities. Without a localizer, planes without points are left
    out.

    :param localizer: locates the points; None to use the data set's own.
    """
    result = []
    for record in records:
        if record.contrast != "T2" or not record.findings or (localizer is None and not record.points):
            continue
        volume = plane_of(record)
        case = given(record) if localizer is None else located(record, localizer, volume)
        places = {name: item.predicted for name, item in case.points.items() if item.predicted is not None}
        points = {name: volume.to_ras((0.0, *place)) for name, place in places.items()}
        volumes: dict[str, SagittalVolume] = {"T2": volume}
        beside = pair_t1(record, records) if use_t1 else None
        if beside is not None:
            volumes["T1"] = plane_of(beside)
        graded = classifier.classify(volumes, points, tuple(points)) if points else {}
        findings = {name: {key: Assessment(truth, {}) for key, truth in items.items()} for name, items in record.findings.items()}
        for name, items in graded.items():
            known = record.findings.get(name, {})
            findings[name] = {
                item.name: Assessment(known.get(item.name, ()), dict(item.probabilities), item.plausible) for item in items
            }
        result.append(replace(case, findings=findings))
    return tuple(result)


def given(record: Record) -> Case:
    """A plane with the data set's own points as predictions."""
    rows, columns = record.pixels().shape
    points = {name: FoundPoint(place, place) for name, place in record.points.items()}
    return Case(record.patient, record.series, record.path, (columns, rows), record.spacing, points)
