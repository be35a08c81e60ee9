"""Figures of one finding over structures: accuracy, ranking and calibration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..base.anatomy import STRUCTURES, finding
from . import metrics
from .intervals import REPEATS, Figure, Indices, bootstrap_figures
from .predictions import FloatArray, Graded


def summary(graded: Graded, *, repeats: int = REPEATS) -> dict[str, Figure]:
    """The table of one finding, with intervals over patients."""
    return _figures(graded, lambda i: overall(graded, i), repeats)


def class_summary(graded: Graded, *, repeats: int = REPEATS) -> dict[str, dict[str, Figure]]:
    """The same for each class: class name to figures; ``support`` is the number of structures with the class."""
    flat = _figures(
        graded,
        lambda i: {f"{key}\n{name}": value for key, values in by_class(graded, i).items() for name, value in values.items()},
        repeats,
    )
    result: dict[str, dict[str, Figure]] = {}
    for joined, figure in flat.items():
        key, name = joined.split("\n")
        result.setdefault(key, {})[name] = figure
    return result


def level_summary(graded: Graded, *, repeats: int = REPEATS) -> dict[str, dict[str, Figure]]:
    """The leading figures for each level, from cranial to caudal: structure to figures."""
    result = {}
    for name in sorted(set(graded.structures), key=[item.name for item in STRUCTURES].index):
        chosen = np.flatnonzero(np.array(graded.structures) == name)
        part = Graded(
            graded.name,
            graded.truth[chosen],
            graded.probability[chosen],
            tuple(graded.patients[index] for index in chosen),
            (name,) * len(chosen),
        )
        result[name] = _figures(part, lambda i, part=part: leading(part, i), repeats)  # type: ignore[misc]
    return result


def _figures(graded: Graded, of: Callable[[Indices], dict[str, float]], repeats: int) -> dict[str, Figure]:
    return bootstrap_figures(graded.patients, of, repeats=repeats)


def predicted(graded: Graded) -> FloatArray:
    """1 for each class that a report gives as predicted, otherwise 0; (N, classes)."""
    best = np.zeros_like(graded.probability)
    best[np.arange(len(best)), graded.probability.argmax(1)] = 1
    if finding(graded.name).exclusive:
        return best
    likely = (graded.probability >= 0.5).astype(np.float64)
    return np.where(likely.any(1, keepdims=True), likely, best)


def leading(graded: Graded, i: Indices) -> dict[str, float]:
    """The two figures that summarize a finding: its accuracy and its ranking.

    :param i: indices of items, possibly repeated.
    """
    truth, probability = graded.truth[i], graded.probability[i]
    if not finding(graded.name).exclusive:
        return {
            "most probable class holds": float(truth[np.arange(len(i)), probability.argmax(1)].mean()),
            "mean AUROC": metrics.mean([metrics.auroc(truth[:, k], probability[:, k]) for k in range(truth.shape[1])]),
        }
    right = truth.argmax(1) == probability.argmax(1)
    return {
        "accuracy": float(right.mean()),
        "AUROC, any change": metrics.auroc((truth.argmax(1) > 0).astype(float), 1 - probability[:, 0]),
    }


def overall(graded: Graded, i: Indices) -> dict[str, float]:
    """Every overall figure of a finding on some items."""
    return _of_one_class(graded, i) if finding(graded.name).exclusive else _of_several_classes(graded, i)


def _of_one_class(graded: Graded, i: Indices) -> dict[str, float]:
    info = finding(graded.name)
    truth, probability = graded.truth[i], graded.probability[i]
    true, chosen = truth.argmax(1), probability.argmax(1)
    matrix = metrics.confusion(true, chosen, len(info.classes))
    result = {
        "accuracy": float(np.trace(matrix) / matrix.sum()),
        "balanced accuracy": metrics.balanced_accuracy(matrix),
        "macro F1": metrics.macro_f1(matrix),
        "kappa": metrics.kappa(matrix, quadratic=False),
    }
    if info.ordinal and len(matrix) > 2:
        result["quadratic kappa"] = metrics.kappa(matrix, quadratic=True)
        result["within one grade"] = float((np.abs(true - chosen) <= 1).mean())
    if len(matrix) > 2:
        ranked = [metrics.auroc(truth[:, k], probability[:, k]) for k in range(len(matrix))]
        result["AUROC, mean over classes"] = metrics.mean(ranked)
    if not (info.ordinal and len(matrix) > 2):
        changed = (true > 0).astype(np.float64)
        result["AUROC, any change"] = metrics.auroc(changed, 1 - probability[:, 0])
        result["average precision, any change"] = metrics.average_precision(changed, 1 - probability[:, 0])
    result["Brier score"] = metrics.brier(truth, probability)
    result["expected calibration error"] = metrics.expected_calibration_error(*metrics.stated(truth, probability))
    return result | _of_sets(graded, i)


def _of_several_classes(graded: Graded, i: Indices) -> dict[str, float]:
    truth, probability, named = graded.truth[i], graded.probability[i], predicted(graded)[i]
    classes = range(truth.shape[1])
    hits, both = (truth * named).sum(0), truth.sum(0) + named.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = 2 * hits / both
    return {
        "most probable class holds": float(truth[np.arange(len(i)), probability.argmax(1)].mean()),
        "all classes right": float((truth == named).all(1).mean()),
        "macro F1": metrics.mean(list(f1)),
        "mean AUROC": metrics.mean([metrics.auroc(truth[:, k], probability[:, k]) for k in classes]),
        "mean average precision": metrics.mean([metrics.average_precision(truth[:, k], probability[:, k]) for k in classes]),
        "Brier score": float(((truth - probability) ** 2).mean()),
        "expected calibration error": metrics.mean(
            [metrics.expected_calibration_error(truth[:, k], probability[:, k]) for k in classes]
        ),
    } | _of_sets(graded, i)


def _of_sets(graded: Graded, i: Indices) -> dict[str, float]:
    """Figures of the plausible classes, if the model states them."""
    if graded.plausible is None:
        return {}
    truth, plausible = graded.truth[i], graded.plausible[i]
    return {
        "truth among the plausible classes": float((truth * plausible).sum() / truth.sum()),
        "plausible classes, mean number": float(plausible.sum(1).mean()),
        "not sure": float(plausible.all(1).mean()),
    }


def by_class(graded: Graded, i: Indices) -> dict[str, dict[str, float]]:
    """Figures of each class on some items: class name to figures."""
    truth, probability, named = graded.truth[i], graded.probability[i], predicted(graded)[i]
    result = {}
    for k, key in enumerate(finding(graded.name).class_names):
        matrix = metrics.confusion(truth[:, k].astype(np.intp), named[:, k].astype(np.intp), 2)
        precision, recall, f1 = metrics.precision_recall_f1(matrix)[1]
        result[key] = {
            "support": float(truth[:, k].sum()),
            "precision": float(precision),
            "recall": float(recall),
            "F1": float(f1),
            "AUROC": metrics.auroc(truth[:, k], probability[:, k]),
            "average precision": metrics.average_precision(truth[:, k], probability[:, k]),
        }
        if graded.plausible is not None and truth[:, k].any():
            result[key]["coverage"] = float(graded.plausible[i][truth[:, k] > 0, k].mean())
    return result
