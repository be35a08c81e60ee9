"""Bootstrap intervals over patients: the images of a patient are not independent, so patients are drawn, not images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

REPEATS = 1000


@dataclass(frozen=True)
class Figure:
    """A figure with its interval.

    :param value: on all patients.
    :param low: 2.5th percentile over the bootstrap; NaN if it cannot be computed.
    :param high: 97.5th percentile.
    :param count: items that the figure is of.
    """

    value: float
    low: float
    high: float
    count: int

    def text(self, digits: int = 3) -> str:
        """``0.912 (0.880–0.941)``"""
        return f"{self.value:.{digits}f} ({self.low:.{digits}f}–{self.high:.{digits}f})"


def patient_bootstrap(
    patients: Sequence[str], metric: Callable[[npt.NDArray[np.intp]], float], *, repeats: int = REPEATS, seed: int = 0
) -> Figure:
    """A metric with its 95 % interval over patients.

    :param patients: patient of each item.
    :param metric: from item indices, possibly repeated, to a number; NaN where it is not defined on them.
    """
    names = np.asarray(patients)
    groups = [np.flatnonzero(names == name) for name in dict.fromkeys(patients)]
    everything = np.arange(len(names))
    random = np.random.default_rng(seed)
    values = []
    for _ in range(repeats):
        drawn = np.concatenate([groups[index] for index in random.integers(len(groups), size=len(groups))])
        values.append(metric(drawn))
    kept = np.array([value for value in values if np.isfinite(value)])
    low, high = np.percentile(kept, (2.5, 97.5)) if kept.size else (float("nan"), float("nan"))
    return Figure(metric(everything), float(low), float(high), len(names))
