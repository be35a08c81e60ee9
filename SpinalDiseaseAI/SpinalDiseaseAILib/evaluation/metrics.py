"""Classification metrics, fast enough for a bootstrap; tests compare each with scikit-learn's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

BINS = 10
"""Bins of probability for reliability and calibration error."""


def mean(values: npt.ArrayLike) -> float:
    """Mean of the values that are not NaN; NaN if there are none."""
    array = np.asarray(values, dtype=np.float64)
    numbers = array[np.isfinite(array)]
    return float(numbers.mean()) if numbers.size else float("nan")


def confusion(truth: IntArray, predicted: IntArray, classes: int) -> FloatArray:
    """Counts by (true class, predicted class); (classes, classes)."""
    counts = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.float64)


def balanced_accuracy(matrix: FloatArray) -> float:
    """Mean recall over the classes that occur."""
    support = matrix.sum(1)
    seen = support > 0
    return float((np.diag(matrix)[seen] / support[seen]).mean()) if seen.any() else float("nan")


def macro_f1(matrix: FloatArray) -> float:
    """Mean F1 over the classes that occur in truth or prediction."""
    both = matrix.sum(0) + matrix.sum(1)
    seen = both > 0
    return float((2 * np.diag(matrix)[seen] / both[seen]).mean()) if seen.any() else float("nan")


def kappa(matrix: FloatArray, *, quadratic: bool) -> float:
    """Cohen's kappa; quadratic weights count an error by the square of the grades it is off. NaN if there is only one class."""
    size = len(matrix)
    grades = np.arange(size)
    weight = (grades[:, None] - grades[None]) ** 2.0 if quadratic else 1.0 - np.eye(size)
    expected = matrix.sum(1)[:, None] * matrix.sum(0)[None] / max(matrix.sum(), 1.0)
    chance = float((weight * expected).sum())
    return float(1 - (weight * matrix).sum() / chance) if chance > 0 else float("nan")


def auroc(truth: FloatArray, score: FloatArray) -> float:
    """Area under the receiver operating characteristic curve, ties counted half; NaN if either class is missing."""
    positives = truth > 0
    count = int(positives.sum())
    others = len(truth) - count
    if count == 0 or others == 0:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[positives].sum() - count * (count + 1) / 2) / (count * others))


def average_precision(truth: FloatArray, score: FloatArray) -> float:
    """Sum over thresholds of precision times the gain in recall; NaN without a positive."""
    if not truth.sum():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(truth[order])
    last = np.append(np.diff(score[order]) != 0, True)  # ties are one threshold
    hits, seen = hits[last], (np.arange(len(order)) + 1)[last]
    gain = np.diff(hits, prepend=0) / truth.sum()
    return float((gain * hits / seen).sum())


def precision_recall_f1(matrix: FloatArray) -> FloatArray:
    """Precision, recall and F1 of each class, (classes, 3); NaN where a class is never predicted, never true, or neither."""
    hits = np.diag(matrix)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([hits / matrix.sum(0), hits / matrix.sum(1), 2 * hits / (matrix.sum(0) + matrix.sum(1))], 1)


def brier(truth: FloatArray, probability: FloatArray) -> float:
    """Brier score of mutually exclusive classes: mean squared distance of (N, classes) arrays; halved for two classes.

    For two classes, half of it is the usual score of the second class's probability (Brier, Monthly Weather Review 1950).
    """
    total = float(((probability - truth) ** 2).sum(1).mean())
    return total / 2 if truth.shape[1] == 2 else total


def reliability(truth: FloatArray, probability: FloatArray, bins: int = BINS) -> FloatArray:
    """The reliability curve of a binary event: mean probability, share of events, and count in equally wide bins of probability.

    :param truth: (N,) ones and zeros.
    :param probability: (N,).
    :returns: (bins that are not empty, 3), in ascending order of probability.
    """
    bin_of = np.clip((probability * bins).astype(int), 0, bins - 1)
    count = np.bincount(bin_of, minlength=bins).astype(np.float64)
    kept = count > 0
    sums = [np.bincount(bin_of, weights=values, minlength=bins)[kept] for values in (probability, truth)]
    return np.stack([sums[0] / count[kept], sums[1] / count[kept], count[kept]], 1)


def expected_calibration_error(truth: FloatArray, probability: FloatArray, bins: int = BINS) -> float:
    """Mean difference between stated probability and observed share over the bins of :func:`reliability`, weighted by count."""
    curve = reliability(truth, probability, bins)
    return float((np.abs(curve[:, 0] - curve[:, 1]) * curve[:, 2]).sum() / curve[:, 2].sum())


def stated(truth: FloatArray, probability: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The events whose calibration is measured: the second of two classes, or whether the most probable of several is right.

    The most probable class as in Guo et al., On calibration of modern neural networks, 2017.

    :param truth: (N, classes) ones and zeros of mutually exclusive classes.
    :returns: (N,) ones and zeros, and (N,) probabilities.
    """
    if truth.shape[1] == 2:
        return truth[:, 1], probability[:, 1]
    best = probability.argmax(1)
    rows = np.arange(len(best))
    return truth[rows, best], probability[rows, best]
