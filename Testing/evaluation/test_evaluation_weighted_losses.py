"""The losses of two challenges, compared with scikit-learn and with values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss

from SpinalDiseaseAILib.evaluation.weighted_losses import rsna2022_score, rsna2024_score, severity_log_loss


def severities(seed: int, count: int = 50) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    weight = random.random((count, 3)) + 0.05
    return np.eye(3)[random.integers(0, 3, count)], weight / weight.sum(1, keepdims=True)


def test_the_severity_loss_is_the_weighted_log_loss_of_scikit_learn() -> None:
    truth, probability = severities(0)
    weight = np.array([1, 2, 4])[truth.argmax(1)]
    assert severity_log_loss(truth, probability) == pytest.approx(log_loss(truth, probability, sample_weight=weight))


def test_structures_of_unknown_severity_are_left_out() -> None:
    truth, probability = severities(1)
    more = np.concatenate([truth, np.zeros((3, 3))]), np.concatenate([probability, np.full((3, 3), 1 / 3)])
    assert severity_log_loss(*more) == pytest.approx(severity_log_loss(truth, probability))


def test_the_score_of_2024_is_the_mean_of_three_conditions_and_any_severe_canal_stenosis() -> None:
    conditions = {name: severities(seed, 10) for seed, name in enumerate(("canal", "foraminal", "subarticular"))}
    studies = np.repeat(["a", "b"], 5)
    truth, probability = conditions["canal"]
    severe = [truth[rows, 2].max() for rows in (slice(5), slice(5, 10))]
    stated = [probability[rows, 2].max() for rows in (slice(5), slice(5, 10))]
    heavy = [(truth @ [1, 2, 4])[rows].max() for rows in (slice(5), slice(5, 10))]
    any_severe = log_loss(severe, stated, sample_weight=heavy, labels=[0, 1])
    expected = np.mean([*(severity_log_loss(*item) for item in conditions.values()), any_severe])
    assert rsna2024_score(conditions, "canal", studies) == pytest.approx(expected)


def test_the_score_of_2022_by_hand() -> None:
    truth = np.array([[1, 1, 0, 0, 0, 0, 0, 0], [0] * 8], float)
    probability = np.full((2, 8), 0.5)
    assert rsna2022_score(truth, probability) == pytest.approx(np.log(2))
    probability[0, 0], probability[1, 1] = 0.25, 0.75
    first = (14 * np.log(4) + (2 + 6) * np.log(2)) / (14 + 2 + 6)
    second = (7 * np.log(2) + np.log(4) + 6 * np.log(2)) / (7 + 7)
    assert rsna2022_score(truth, probability) == pytest.approx((first + second) / 2)


def test_confident_errors_cost_much_but_not_infinitely_much() -> None:
    assert 30 < rsna2022_score(np.ones((1, 8)), np.zeros((1, 8))) < 40
