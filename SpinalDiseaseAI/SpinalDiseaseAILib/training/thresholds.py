"""From which probability on a class counts as predicted, where several classes can hold together.

One half is right where every error costs the same. A class that holds in one disc of thirty is never as probable as that, and a
rule that never names it says nothing of it. The threshold with the best F1 names it where that is the best guess (Lipton et al.,
Optimal thresholding of classifiers to maximize F1 measure, ECML 2014).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from sklearn.metrics import f1_score

from ..base.anatomy import finding
from ..evaluation.predictions import FloatArray, Graded

USUAL = 0.5
FEWEST = 10  # structures with a class from which on a threshold of its own is worth its noise
_DECIMALS = 3

Folds = Iterable[tuple[np.ndarray, np.ndarray]]


def best_threshold(truth: FloatArray, probability: FloatArray) -> float:
    """The threshold with the best F1; half way between two probabilities that occur.

    :param truth: (N,) ones and zeros.
    :param probability: (N,).
    """
    values, place = np.unique(probability, return_inverse=True)
    between = np.concatenate([[values[0] / 2], (values[1:] + values[:-1]) / 2])
    # Named from each threshold on: as many as have that probability or a higher one.
    hits, named = (np.bincount(place, weights)[::-1].cumsum()[::-1] for weights in (truth, None))
    scores = 2 * hits / (named + truth.sum())
    return float(np.clip(between[int(np.argmax(scores))], 10.0**-_DECIMALS, 1 - 10.0**-_DECIMALS))


def thresholds_of(graded: Graded, folds: Callable[[Graded], Folds]) -> tuple[tuple[float, ...], tuple[float, float]]:
    """One threshold a class, and the macro F1 with one half everywhere and with them, both on patients that did not choose.

    A class keeps one half where its own threshold is no better on patients that did not choose it, or too few have the class.

    :param graded: calibrated probabilities, each by what was fitted on other patients.
    :param folds: indices of the patients that choose, and of those that are left.
    :raises ValueError: if the classes exclude each other.
    """
    if finding(graded.name).exclusive:
        raise ValueError(f"of {graded.name} the most probable class is predicted")
    thresholds, before, after = [], [], []
    for truth, probability in zip(graded.truth.T, graded.probability.T, strict=True):
        named = np.zeros(len(truth), dtype=bool)
        for rest, left in folds(graded):
            named[left] = probability[left] >= best_threshold(truth[rest], probability[rest])
        usual = f1_score(truth, probability >= USUAL, zero_division=0)
        own = f1_score(truth, named, zero_division=0)
        better = own > usual and truth.sum() >= FEWEST
        thresholds.append(round(best_threshold(truth, probability), _DECIMALS) if better else USUAL)
        before.append(usual)
        after.append(own if better else usual)
    return tuple(thresholds), (float(np.mean(before)), float(np.mean(after)))
