"""Bootstrap intervals over patients: images of one patient are not independent, so whole patients are drawn, not images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

REPEATS = 1000
DETAIL_REPEATS = 300
"""Draws for the intervals of tables by level and by class, of which there are many."""

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Figure:
    """A figure with its interval.

    :param value: on all patients.
    :param low: 2.5th percentile over the bootstrap; NaN if it cannot be computed.
    :param high: 97.5th percentile.
    :param count: number of items behind the figure.
    """

    value: float
    low: float
    high: float
    count: int

    def text(self, digits: int = 3) -> str:
        """``0.912 (0.880–0.941)``"""
        return f"{self.value:.{digits}f} ({self.low:.{digits}f}–{self.high:.{digits}f})"


def patient_bootstrap(
    patients: Sequence[str], metric: Callable[[Indices], float], *, repeats: int = REPEATS, seed: int = 0
) -> Figure:
    """A metric with its 95 % interval over patients.

    :param patients: patient of each item.
    :param metric: maps indices of items, possibly repeated, to a number; NaN if it is not defined on them.
    """
    return bootstrap_figures(patients, lambda drawn: {"": metric(drawn)}, repeats=repeats, seed=seed)[""]


def bootstrap_figures(
    patients: Sequence[str], metrics: Callable[[Indices], Mapping[str, float]], *, repeats: int = REPEATS, seed: int = 0
) -> dict[str, Figure]:
    """Several metrics with their 95 % intervals, on the same draws of patients.

    :param metrics: maps indices of items, possibly repeated, to numbers by name; NaN or absent if not defined on them.
    :returns: a figure for each number that exists on all items.
    """
    names = np.asarray(patients)
    groups = [np.flatnonzero(names == name) for name in dict.fromkeys(patients)]
    random = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {}
    for _ in range(repeats):
        items = np.concatenate([groups[index] for index in random.integers(len(groups), size=len(groups))])
        for name, value in metrics(items).items():
            if np.isfinite(value):
                drawn.setdefault(name, []).append(value)
    result = {}
    for name, value in metrics(np.arange(len(names))).items():
        kept = drawn.get(name, [])
        low, high = np.percentile(kept, (2.5, 97.5)) if kept else (float("nan"), float("nan"))
        result[name] = Figure(value, float(low), float(high), len(names))
    return result
