"""Figures of a finding overall, by class and by level, and the trivial baselines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as reference

from SpinalDiseaseAILib.base.anatomy import finding
from SpinalDiseaseAILib.datasets.collection import read_dataset
from SpinalDiseaseAILib.evaluation.baselines import LEVEL_SHARES, MAJORITY, NORMAL, always, baselines, majority, prior
from SpinalDiseaseAILib.evaluation.classification import by_class, class_summary, level_summary, overall, summary
from SpinalDiseaseAILib.evaluation.predictions import Graded

LEVELS = ("L3-L4", "L4-L5", "L5-S1")


def graded(name: str, truth: list[int], predicted: list[int]) -> Graded:
    size = len(finding(name).classes)
    patients = tuple(str(index // 2) for index in range(len(truth)))
    return Graded(name, np.eye(size)[truth], 0.8 * np.eye(size)[predicted] + 0.2 / size, patients, ("L4-L5",) * len(truth))


def random_graded(name: str, count: int = 240) -> Graded:
    """Noisy predictions of three levels per patient."""
    random = np.random.default_rng(0)
    size = len(finding(name).classes)
    if finding(name).exclusive:
        truth = np.eye(size)[random.integers(0, size, count)]
        weight = random.random((count, size)) + 0.7 * truth
        probability = weight / weight.sum(1, keepdims=True)
    else:
        truth = (random.random((count, size)) < 0.3).astype(float)
        probability = np.clip(0.4 * truth + 0.6 * random.random((count, size)), 0, 1)
    return Graded(name, truth, probability, tuple(str(n // 3) for n in range(count)), LEVELS * (count // 3))


def everything(item: Graded) -> np.ndarray:
    return np.arange(len(item.truth))


def test_figures_of_grades_are_those_of_scikit_learn() -> None:
    item = random_graded("pfirrmann")
    true, chosen = item.truth.argmax(1), item.probability.argmax(1)
    found = overall(item, everything(item))
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(true, chosen))
    assert found["balanced accuracy"] == pytest.approx(reference.balanced_accuracy_score(true, chosen))
    assert found["macro F1"] == pytest.approx(reference.f1_score(true, chosen, average="macro"))
    assert found["kappa"] == pytest.approx(reference.cohen_kappa_score(true, chosen))
    assert found["quadratic kappa"] == pytest.approx(reference.cohen_kappa_score(true, chosen, weights="quadratic"))
    ranked = reference.roc_auc_score(true, item.probability, multi_class="ovr", average="macro")
    assert found["AUROC, mean over classes"] == pytest.approx(ranked)
    assert found["within one grade"] == pytest.approx((np.abs(true - chosen) <= 1).mean())


def test_figures_of_a_binary_finding_are_those_of_scikit_learn() -> None:
    item = random_graded("narrowing")
    found = overall(item, everything(item))
    assert found["AUROC, any change"] == pytest.approx(reference.roc_auc_score(item.truth[:, 1], item.probability[:, 1]))
    precision = reference.average_precision_score(item.truth[:, 1], item.probability[:, 1])
    assert found["average precision, any change"] == pytest.approx(precision)
    assert found["Brier score"] == pytest.approx(reference.brier_score_loss(item.truth[:, 1], item.probability[:, 1]))
    assert "quadratic kappa" not in found and "AUROC, mean over classes" not in found


def test_figures_of_classes_that_can_occur_together_are_those_of_scikit_learn() -> None:
    item = random_graded("disc_disease")
    named = item.probability >= 0.5
    best = item.probability.argmax(1)
    named[~named.any(1), best[~named.any(1)]] = True
    found = overall(item, everything(item))
    assert found["macro F1"] == pytest.approx(reference.f1_score(item.truth, named, average="macro"))
    assert found["all classes right"] == pytest.approx(reference.accuracy_score(item.truth, named))
    assert found["mean AUROC"] == pytest.approx(reference.roc_auc_score(item.truth, item.probability))
    precision = reference.average_precision_score(item.truth, item.probability)
    assert found["mean average precision"] == pytest.approx(precision)


@pytest.mark.parametrize("name", ["pfirrmann", "modic", "narrowing", "disc_disease"])
def test_figures_of_each_class_are_those_of_scikit_learn(name: str) -> None:
    item = random_graded(name)
    found = by_class(item, everything(item))
    assert tuple(found) == finding(name).class_names
    for k, values in enumerate(found.values()):
        if finding(name).exclusive:
            named = item.probability.argmax(1) == k
        else:
            named = (item.probability[:, k] >= 0.5) | ((item.probability.max(1) < 0.5) & (item.probability.argmax(1) == k))
        precision, recall, f1, _ = reference.precision_recall_fscore_support(item.truth[:, k], named, average="binary")
        assert (values["precision"], values["recall"], values["F1"]) == pytest.approx((precision, recall, f1))
        assert values["support"] == item.truth[:, k].sum()
        assert values["AUROC"] == pytest.approx(reference.roc_auc_score(item.truth[:, k], item.probability[:, k]))


def test_a_class_that_is_never_predicted_has_no_precision_and_one_that_never_occurs_no_recall() -> None:
    found = by_class(graded("pfirrmann", [0, 1, 1], [0, 0, 2]), np.arange(3))
    assert np.isnan(found["2"]["precision"]) and found["2"]["recall"] == 0
    assert np.isnan(found["3"]["recall"]) and found["3"]["precision"] == 0
    assert np.isnan(found["5"]["F1"])


def test_every_figure_has_an_interval_over_patients() -> None:
    item = random_graded("pfirrmann", 60)
    for figures in (summary(item, repeats=20), class_summary(item, repeats=20)["3"], level_summary(item, repeats=20)["L4-L5"]):
        assert figures and all(figure.low <= figure.high for figure in figures.values())
    assert list(level_summary(item, repeats=2)) == list(LEVELS)
    assert list(level_summary(replace(item, structures=item.structures[::-1]), repeats=2)) == list(LEVELS)
    part = item.truth[1::3].argmax(1) == item.probability[1::3].argmax(1)
    assert level_summary(item, repeats=2)["L4-L5"]["accuracy"].value == pytest.approx(part.mean())


def test_plausible_classes_are_measured_if_they_are_stated() -> None:
    item = graded("pfirrmann", [0, 1, 2, 4], [0, 1, 2, 3])
    assert "not sure" not in overall(item, np.arange(4))
    plausible = np.array([[1, 1, 0, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 1, 1]], float)
    found = overall(replace(item, plausible=plausible), np.arange(4))
    assert found["truth among the plausible classes"] == 0.75
    assert found["plausible classes, mean number"] == 2.5 and found["not sure"] == 0.25
    classes = by_class(replace(item, plausible=plausible), np.arange(4))
    assert (classes["1"]["coverage"], classes["2"]["coverage"]) == (1, 0) and "coverage" not in classes["4"]


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


def test_always_normal_and_always_the_most_frequent_class_are_baselines_too(data: Path) -> None:
    training = read_dataset("spider", data, ("train",))
    item = graded("narrowing", [0, 1, 1], [0, 1, 1])
    found = baselines(item, training)
    assert list(found) == [LEVEL_SHARES, MAJORITY, NORMAL]
    assert (found[NORMAL].probability == [1, 0]).all() and overall(found[NORMAL], np.arange(3))["accuracy"] == pytest.approx(
        1 / 3
    )
    seen = [r.findings[name]["narrowing"][0] for r in training if r.contrast == "T2" for name in r.findings]
    index = int(seen.count("present") > seen.count("absent"))
    assert (majority(item, training).probability == np.eye(2)[index]).all()
    assert (majority(item, ()).probability == always(item, 0).probability).all()


@pytest.mark.parametrize(("grades", "expected"), [("22234", "2"), ("55541", "5"), ("1", "1")])
def test_the_most_frequent_class_is_counted_over_all_levels_of_the_training_patients(
    data: Path, grades: str, expected: str
) -> None:
    record = read_dataset("spider", data, ("train",))[0]
    training = [
        replace(record, patient=str(index), findings={"L4-L5": {"pfirrmann": (grade,)}}) for index, grade in enumerate(grades)
    ]
    found = majority(graded("pfirrmann", [0, 1], [0, 1]), training)
    assert (found.probability == np.eye(5)[int(expected) - 1]).all()
