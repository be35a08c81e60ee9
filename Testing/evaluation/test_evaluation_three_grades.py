"""Figures of the degeneration grade: those of the paper, for every variant, on the same discs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score, recall_score, roc_auc_score
from test_evaluation_grades import Blind, Constant

from SpinalDiseaseAILib.datasets.collection import read_dataset
from SpinalDiseaseAILib.evaluation.predictions import Assessment, Graded
from SpinalDiseaseAILib.evaluation.three_grades import PUBLISHED, graded_cases, overall, summary, table_of_variant
from SpinalDiseaseAILib.models.disc_grade_model import VARIANTS, DiscGradeModel
from SpinalDiseaseAILib.steps.disc_grades import CLASSES, LEVELS, DiscGrader
from SpinalDiseaseAILib.steps.measurements.disc_features import FEATURES


def graded(count: int = 120) -> Graded:
    """Grades, and predictions of them with noise."""
    random = np.random.default_rng(3)
    truth = random.integers(0, 3, count)
    logits = np.eye(3)[truth] * 1.5 + random.normal(size=(count, 3))
    probability = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    patients = tuple(str(index // 6) for index in range(count))
    return Graded("degeneration", np.eye(3)[truth], probability, patients, tuple(LEVELS[index % 6] for index in range(count)))


def test_figures_are_those_of_scikit_learn() -> None:
    item = graded()
    found = overall(item, np.arange(len(item.truth)))
    truth, named = item.truth.argmax(1), item.probability.argmax(1)
    assert found["accuracy"] == pytest.approx((truth == named).mean())
    assert found["sensitivity"] == pytest.approx(recall_score(truth, named, average="macro"))
    assert found["F1"] == pytest.approx(f1_score(truth, named, average="macro"))
    against = [recall_score(truth != grade, named != grade) for grade in range(3)]
    assert found["specificity"] == pytest.approx(np.mean(against))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 2), (1, 2)])
def test_a_pair_of_grades_is_ranked_by_the_share_of_the_higher_one(low: int, high: int) -> None:
    item = graded()
    truth = item.truth.argmax(1)
    chosen = (truth == low) | (truth == high)
    share = item.probability[chosen, high] / item.probability[chosen][:, [low, high]].sum(1)
    found = overall(item, np.arange(len(truth)))[f"AUC, {CLASSES[low]} against {CLASSES[high]}"]
    assert found == pytest.approx(roc_auc_score(truth[chosen] == high, share))


def test_a_perfect_prediction_has_perfect_figures_and_one_grade_alone_has_no_auc() -> None:
    item = graded()
    perfect = Graded("degeneration", item.truth, item.truth, item.patients, item.structures)
    found = overall(perfect, np.arange(len(item.truth)))
    assert all(found[name] == 1 for name in found if name not in ("Brier score", "expected calibration error"))
    alone = np.flatnonzero(item.truth[:, 0])
    assert np.isnan(overall(item, alone)["AUC, moderate against severe"])


def test_intervals_are_over_patients() -> None:
    figure = summary(graded(), repeats=50)["accuracy"]
    assert figure.low < figure.value < figure.high and figure.count == 120


def grader() -> DiscGrader:
    model = DiscGradeModel(len(FEATURES), len(LEVELS), len(CLASSES)).eval()
    return DiscGrader(model, "both", "region", "lumbar-mr-disc-grade")


def test_a_plane_on_which_nothing_is_found_keeps_its_truth_and_has_no_grades(data) -> None:
    records = read_dataset("spider", data, ("train",))
    found = graded_cases(records, Blind(), None, Constant(), grader())  # type: ignore[arg-type]
    assert set(found) == set(VARIANTS)
    for cases in found.values():
        assert len(cases) == sum(record.contrast == "T2" and bool(record.findings) for record in records)
        items = [item for case in cases for findings in case.findings.values() for item in findings.values()]
        assert items and all(item.truth and not item.probabilities for item in items)


def test_published_figures_and_baselines_are_given_too(data) -> None:
    training = read_dataset("spider", data, ("train",))
    (*_, cases) = graded_cases(training, Blind(), None, Constant(), grader()).values()  # type: ignore[arg-type]
    guess = dict(zip(CLASSES, (0.5, 0.3, 0.2), strict=True))
    said = []
    for case in cases:
        truths = {name: items["degeneration"].truth for name, items in case.findings.items()}
        said.append(replace(case, findings={name: {"degeneration": Assessment(truth, guess)} for name, truth in truths.items()}))
    table = table_of_variant("both", "both", ("lumbar-mr-disc-grade",), "spider", said, training)
    rows = {row.name: row for row in table.rows}
    assert rows["accuracy"].further[PUBLISHED] == 0.913
    assert rows["AUC, moderate against severe"].further[PUBLISHED] == 0.90
    assert rows["F1"].further[PUBLISHED] is None
    assert rows["accuracy"].baseline is not None
    assert "used in an analysis" in table.title
