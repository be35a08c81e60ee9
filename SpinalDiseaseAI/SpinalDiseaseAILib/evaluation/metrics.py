"""Metrics of classification, fast enough for a bootstrap; tests hold each to scikit-learn's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


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
    """Cohen's kappa; with quadratic weights an error counts by the square of its grades. NaN if there is but one class."""
    size = len(matrix)
    grades = np.arange(size)
    weight = (grades[:, None] - grades[None]) ** 2.0 if quadratic else 1.0 - np.eye(size)
    expected = matrix.sum(1)[:, None] * matrix.sum(0)[None] / max(matrix.sum(), 1.0)
    chance = float((weight * expected).sum())
    return float(1 - (weight * matrix).sum() / chance) if chance > 0 else float("nan")


def auroc(truth: FloatArray, score: FloatArray) -> float:
    """Area under the receiver operating characteristic, ties counted half; NaN if one class is missing."""
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
