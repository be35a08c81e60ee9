"""Predictions of a classifier for evaluation, with the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from SpinalDiseaseAILib.base.anatomy import finding
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.report import FindingResult
from SpinalDiseaseAILib.datasets.collection import read_dataset
from SpinalDiseaseAILib.datasets.records import Record
from SpinalDiseaseAILib.evaluation.grades import pair_t1, predictions
from SpinalDiseaseAILib.evaluation.predictions import collect


class Constant:
    """Predicts the same for every disc, and records its arguments."""

    def __init__(self, plausible: tuple[str, ...] = ()) -> None:
        self.contrasts: list[set[str]] = []
        self.plausible = plausible

    def classify(self, volumes: dict, points: dict, names: tuple[str, ...]) -> dict[str, tuple[FindingResult, ...]]:
        self.contrasts.append(set(volumes))
        grades = {"1": 0.1, "2": 0.2, "3": 0.4, "4": 0.2, "5": 0.1}
        return {name: (FindingResult("pfirrmann", grades, "model", self.plausible),) for name in names if "-" in name}


class Blind:
    """A localizer that finds nothing."""

    def locate(self, volume: object, *, spacing_known: bool = True) -> object:
        raise InputError("No lumbar spine was found in the image.")


@pytest.fixture
def records(data: Path) -> tuple[Record, ...]:
    return read_dataset("spider", data, ("report",))


def test_every_known_grade_is_paired_with_its_prediction(records: tuple[Record, ...]) -> None:
    found = predictions(records, None, Constant(), use_t1=False)
    assert {case.series for case in found} == {"7_t2", "15_t2"}
    result = collect(found, ["pfirrmann", "modic"])
    assert set(result) == {"pfirrmann"}  # the model does not predict Modic types
    item = result["pfirrmann"]
    assert item.truth.shape == item.probability.shape == (12, 5) and set(item.patients) == {"7", "15"}
    for row, patient, name in zip(item.truth, item.patients, item.structures, strict=True):
        record = next(other for other in records if other.patient == patient and other.contrast == "T2")
        assert finding("pfirrmann").class_names[int(row.argmax())] in record.findings[name]["pfirrmann"]


def test_a_t1_plane_of_the_same_field_of_view_is_used_only_if_asked_for(records: tuple[Record, ...]) -> None:
    for use_t1, contrasts in ((True, {"T1", "T2"}), (False, {"T2"})):
        classifier = Constant()
        predictions(records, None, classifier, use_t1=use_t1)
        assert classifier.contrasts == [contrasts] * 2


def test_a_t1_plane_of_another_field_of_view_is_not_paired(records: tuple[Record, ...]) -> None:
    t2 = next(record for record in records if record.contrast == "T2")
    t1 = next(record for record in records if record.contrast == "T1" and record.patient == t2.patient)
    assert pair_t1(t2, records) == t1
    for other in (replace(t1, spacing=(1.0, 1.0)), replace(t1, patient="other"), replace(t1, points={})):
        assert pair_t1(t2, (t2, other)) is None
    assert pair_t1(replace(t2, series="7_t2_SPACE"), records) is None


def test_planes_without_points_or_grades_are_skipped(records: tuple[Record, ...]) -> None:
    bare = [replace(record, points={}) for record in records] + [replace(record, findings={}) for record in records]
    assert predictions(bare, None, Constant()) == ()


def test_a_plane_without_a_spine_keeps_its_truth_and_has_no_probabilities(records: tuple[Record, ...]) -> None:
    found = predictions(records, Blind(), Constant())
    assert len(found) == 2 and collect(found, ["pfirrmann"]) == {}
    for case in found:
        assert all(item.predicted is None and item.truth is not None for item in case.points.values())
        assert all(items["pfirrmann"].truth and not items["pfirrmann"].probabilities for items in case.findings.values())


def test_plausible_classes_are_collected_if_every_result_states_them(records: tuple[Record, ...]) -> None:
    found = predictions(records, None, Constant())
    assert collect(found, ["pfirrmann"])["pfirrmann"].plausible is None
    stated = predictions(records, None, Constant(plausible=("2", "3")))
    item = collect(stated, ["pfirrmann"])["pfirrmann"]
    assert item.plausible is not None and (item.plausible == [0, 1, 1, 0, 0]).all()
