"""Every metric, compared with scikit-learn's, or with values worked out by hand if it has none."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from SpinalDiseaseAILib.evaluation.metrics import (
    auroc,
    average_precision,
    balanced_accuracy,
    brier,
    confusion,
    expected_calibration_error,
    kappa,
    macro_f1,
    precision_recall_f1,
    reliability,
    stated,
)


def grades(seed: int, classes: int = 5, count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, count)
    return truth, np.clip(truth + random.integers(-1, 2, count), 0, classes - 1)


def scores(seed: int, count: int = 90, digits: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = (random.random(count) < 0.3).astype(float)
    return truth, np.round(truth * 0.5 + random.random(count), digits)  # rounded: many ties


@pytest.mark.parametrize("seed", range(4))
def test_metrics_of_grades_are_those_of_scikit_learn(seed: int) -> None:
    truth, predicted = grades(seed)
    matrix = confusion(truth, predicted, 5)
    assert (matrix == reference.confusion_matrix(truth, predicted, labels=range(5))).all()
    assert balanced_accuracy(matrix) == pytest.approx(reference.balanced_accuracy_score(truth, predicted))
    assert macro_f1(matrix) == pytest.approx(reference.f1_score(truth, predicted, average="macro"))
    assert kappa(matrix, quadratic=False) == pytest.approx(reference.cohen_kappa_score(truth, predicted))
    assert kappa(matrix, quadratic=True) == pytest.approx(reference.cohen_kappa_score(truth, predicted, weights="quadratic"))


@pytest.mark.parametrize("digits", [1, 6])
@pytest.mark.parametrize("seed", range(4))
def test_metrics_of_scores_are_those_of_scikit_learn_ties_included(seed: int, digits: int) -> None:
    truth, score = scores(seed, digits=digits)
    assert auroc(truth, score) == pytest.approx(reference.roc_auc_score(truth, score))
    assert average_precision(truth, score) == pytest.approx(reference.average_precision_score(truth, score))


def test_classes_that_do_not_occur_do_not_count() -> None:
    truth, predicted = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    matrix = confusion(truth, predicted, 5)
    assert balanced_accuracy(matrix) == pytest.approx(0.75)
    assert macro_f1(matrix) == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_a_class_that_is_only_predicted_counts_in_macro_f1_and_not_in_balanced_accuracy() -> None:
    matrix = confusion(np.array([0, 0, 1]), np.array([0, 2, 1]), 3)
    assert macro_f1(matrix) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert balanced_accuracy(matrix) == pytest.approx((0.5 + 1) / 2)


def test_quadratic_kappa_by_hand() -> None:
    matrix = np.array([[2.0, 1.0], [0.0, 1.0]])
    assert kappa(matrix, quadratic=True) == pytest.approx(1 - 1 / ((3 * 2 + 1 * 2) / 4))


def test_figures_that_cannot_be_computed_are_nan() -> None:
    nothing = np.zeros((3, 3))
    one_class = confusion(np.array([1, 1]), np.array([1, 1]), 3)
    values = [
        balanced_accuracy(nothing),
        macro_f1(nothing),
        kappa(one_class, quadratic=True),
        auroc(np.ones(4), np.arange(4.0)),
        auroc(np.zeros(4), np.arange(4.0)),
        average_precision(np.zeros(4), np.arange(4.0)),
    ]
    assert np.isnan(values).all()


def test_a_constant_score_has_the_auroc_of_chance_and_the_precision_of_the_prevalence() -> None:
    truth = np.array([1.0, 0, 0, 1, 0])
    assert auroc(truth, np.full(5, 0.3)) == 0.5
    assert average_precision(truth, np.full(5, 0.3)) == pytest.approx(0.4)


def test_precision_recall_and_f1_are_those_of_scikit_learn_and_nan_where_they_do_not_exist() -> None:
    truth, predicted = grades(0)
    found = precision_recall_f1(confusion(truth, predicted, 5))
    expected = reference.precision_recall_fscore_support(truth, predicted)[:3]
    assert found == pytest.approx(np.stack(expected, 1))
    bare = precision_recall_f1(confusion(np.array([0, 0]), np.array([0, 1]), 3))
    assert np.isnan(bare[1, 1]) and np.isnan(bare[2]).all() and bare[0, 0] == 1


def stated_probabilities(seed: int, classes: int, count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    weight = random.random((count, classes)) ** 2
    return np.eye(classes)[random.integers(0, classes, count)], weight / weight.sum(1, keepdims=True)


def test_the_brier_score_is_that_of_scikit_learn_and_for_several_classes_their_sum() -> None:
    truth, probability = stated_probabilities(0, 2)
    assert brier(truth, probability) == pytest.approx(reference.brier_score_loss(truth[:, 1], probability[:, 1]))
    truth, probability = stated_probabilities(1, 5)
    assert brier(truth, probability) == pytest.approx(np.mean([np.sum(row**2) for row in probability - truth]))


def test_the_reliability_curve_is_that_of_scikit_learn() -> None:
    truth, probability = stated_probabilities(2, 2)
    curve = reliability(truth[:, 1], probability[:, 1])
    share, mean = calibration_curve(truth[:, 1], probability[:, 1], n_bins=10)
    assert curve[:, 0] == pytest.approx(mean) and curve[:, 1] == pytest.approx(share)
    assert curve[:, 2].sum() == len(truth)


def test_the_calibration_error_by_hand() -> None:
    truth, probability = np.array([1.0, 0, 1, 1]), np.array([0.05, 0.05, 0.9, 1.0])
    # One bin states 0.05 and has an observed share of ½; the other states 0.95 and has a share of 1.
    assert expected_calibration_error(truth, probability) == pytest.approx((2 * 0.45 + 2 * 0.05) / 4)
    assert expected_calibration_error(truth, truth) == 0


def test_calibration_is_measured_for_the_second_of_two_classes_or_the_most_probable_of_several() -> None:
    truth, probability = stated_probabilities(3, 2)
    assert (stated(truth, probability)[1] == probability[:, 1]).all()
    right, best = stated(np.eye(3)[[0, 2]], np.array([[0.5, 0.3, 0.2], [0.6, 0.1, 0.3]]))
    assert right.tolist() == [1, 0] and best.tolist() == [0.5, 0.6]
