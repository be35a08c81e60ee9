"""Figures of grading, and the trivial baseline beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from SpinalDiseaseAILib.base.anatomy import finding
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.report import FindingResult
from SpinalDiseaseAILib.datasets.collection import read_dataset
from SpinalDiseaseAILib.datasets.records import Record
from SpinalDiseaseAILib.evaluation.grades import Graded, collect, pair_t1, predictions, prior, summary


class Constant:
    """Says the same of every disc, and remembers what it was given."""

    def __init__(self) -> None:
        self.contrasts: list[set[str]] = []

    def classify(self, volumes: dict, points: dict, names: tuple[str, ...]) -> dict[str, tuple[FindingResult, ...]]:
        self.contrasts.append(set(volumes))
        grades = {"1": 0.1, "2": 0.2, "3": 0.4, "4": 0.2, "5": 0.1}
        return {name: (FindingResult("pfirrmann", grades, "model"),) for name in names if "-" in name}


class Blind:
    """A localizer that finds nothing."""

    def locate(self, volume: object, *, spacing_known: bool = True) -> object:
        raise InputError("No lumbar spine was found in the image.")


def graded(name: str, truth: list[int], predicted: list[int]) -> Graded:
    size = len(finding(name).classes)
    patients = tuple(str(index // 2) for index in range(len(truth)))
    return Graded(name, np.eye(size)[truth], 0.8 * np.eye(size)[predicted] + 0.2 / size, patients, ("L4-L5",) * len(truth))


@pytest.fixture
def records(data: Path) -> tuple[Record, ...]:
    return read_dataset("spider", data, ("report",))


def test_every_known_grade_is_set_beside_its_prediction(records: tuple[Record, ...]) -> None:
    found = predictions(records, None, Constant(), use_t1=False)
    assert set(found) == {"7_t2", "15_t2"}
    result = collect(found, ["pfirrmann", "modic"])
    assert set(result) == {"pfirrmann"}  # the model says nothing of Modic types
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


def test_a_t1_plane_of_another_field_of_view_is_no_pair(records: tuple[Record, ...]) -> None:
    t2 = next(record for record in records if record.contrast == "T2")
    t1 = next(record for record in records if record.contrast == "T1" and record.patient == t2.patient)
    assert pair_t1(t2, records) == t1
    for other in (replace(t1, spacing=(1.0, 1.0)), replace(t1, patient="other"), replace(t1, points={})):
        assert pair_t1(t2, (t2, other)) is None
    assert pair_t1(replace(t2, series="7_t2_SPACE"), records) is None


def test_planes_without_points_grades_or_a_spine_are_passed_over(records: tuple[Record, ...]) -> None:
    bare = [replace(record, points={}) for record in records] + [replace(record, findings={}) for record in records]
    assert predictions(bare, None, Constant()) == {}
    assert predictions(records, Blind(), Constant()) == {}


def test_the_baseline_is_the_share_of_each_class_at_the_same_level_among_training_patients(data: Path) -> None:
    training = read_dataset("spider", data, ("train",))
    item = graded("pfirrmann", [0, 1], [0, 1])
    shares = prior(replace(item, structures=("L4-L5", "L1-L2")), training).probability
    for row, name in zip(shares, ("L4-L5", "L1-L2"), strict=True):
        found = [record.findings[name]["pfirrmann"][0] for record in training if record.contrast == "T2"]
        assert row == pytest.approx([found.count(key) / len(found) for key in finding("pfirrmann").class_names])
    assert prior(replace(item, structures=("L3", "L3")), training).probability == pytest.approx(np.full((2, 5), 0.2))


def test_a_patient_with_several_series_counts_once_in_the_baseline(data: Path) -> None:
    training = read_dataset("spider", data, ("train",))
    item = graded("pfirrmann", [0], [0])
    often = (*training, *(replace(record, series=f"{record.series}_SPACE") for record in training if record.patient == "3"))
    assert (prior(item, often).probability == prior(item, training).probability).all()


def test_grades_have_accuracy_kappa_and_neighbours() -> None:
    figures = summary(graded("pfirrmann", [0, 1, 2, 3, 4, 0], [0, 1, 2, 3, 3, 2]))
    assert set(figures) == {"accuracy", "balanced accuracy", "macro F1", "quadratic kappa", "kappa", "within one grade"}
    assert figures["accuracy"].value == pytest.approx(4 / 6)
    assert figures["within one grade"].value == pytest.approx(5 / 6)
    assert figures["balanced accuracy"].value == pytest.approx((0.5 + 1 + 1 + 1 + 0) / 5)


def test_findings_that_are_present_or_absent_have_a_ranking_too() -> None:
    figures = summary(graded("narrowing", [0, 0, 1, 1], [0, 1, 1, 1]))
    assert figures["AUROC, any change"].value == pytest.approx(0.75)
    assert set(figures) == {"accuracy", "balanced accuracy", "macro F1", "AUROC, any change", "average precision, any change"}


def test_modic_types_are_ranked_by_any_change() -> None:
    assert summary(graded("modic", [0, 0, 1, 3], [0, 0, 2, 1]))["AUROC, any change"].value == 1


def test_classes_that_hold_together_are_ranked_one_by_one() -> None:
    item = graded("disc_disease", [0, 1, 1, 4], [0, 1, 1, 1])
    figures = summary(item)
    assert figures["AUROC, v2"].value == pytest.approx(1 - 0.5 / 2 + 0, abs=0.3)
    assert np.isnan(figures["AUROC, v3"].value) and len(figures) == 10
