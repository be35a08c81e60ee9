"""Calibration of one finding: from a network's logits to probabilities, and from those to the plausible classes.

The fitted parameters are in the bundle; here they are only applied, in plain NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from ..base.anatomy import Finding

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

LEAST_PROBABILITY = 1e-4
"""Smallest probability after a curve: no finite number of patients shows that something is impossible."""

_NOTHING = 1e-12  # smallest probability passed to the logarithm


@dataclass(frozen=True)
class Curve:
    """A non-decreasing piecewise linear curve that maps probabilities to calibrated probabilities.

    :param before: probabilities at its points, in 0 … 1, non-decreasing.
    :param after: calibrated probabilities there, as many, non-decreasing.
    :raises ValueError: if the values do not form such a curve.
    """

    before: tuple[float, ...]
    after: tuple[float, ...]

    def __post_init__(self) -> None:
        rises = all(a <= b for values in (self.before, self.after) for a, b in zip(values, values[1:], strict=False))
        inside = all(0 <= value <= 1 for value in (*self.before, *self.after))
        if not self.before or len(self.before) != len(self.after) or not rises or not inside:
            raise ValueError(f"{self.before} to {self.after} is no rising curve of probabilities")


@dataclass(frozen=True)
class Plausible:
    """Which classes of a finding are plausible: class-conditional conformal prediction.

    A class is plausible if its probability reaches the threshold of that class. The threshold is the largest that still includes
    patients with the class at the stated rate, so frequent classes do not gain coverage at the expense of rare ones.

    Sources: Vovk, Conditional validity of inductive conformal predictors, 2012 (class by class); Sadinle et al., Least ambiguous
    set-valued classifiers with bounded error levels, 2019 (thresholds of probability).

    :param rate: fraction of patients with a class for whom it is plausible, such as 0.9.
    :param thresholds: one per class, in 0 … 1; at 0 a class is always plausible, as required if too few patients had it.
    :raises ValueError: if a number is out of its range.
    """

    rate: float
    thresholds: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1 or not all(0 <= value <= 1 for value in self.thresholds):
            raise ValueError(f"rate {self.rate} and thresholds {self.thresholds} should be in 0 … 1")

    def of(self, info: Finding, probabilities: FloatArray) -> BoolArray:
        """Which classes are plausible, in the shape of the probabilities, (N, classes).

        The most probable class always is, and so is every grade between two plausible grades. Both only enlarge the sets, so
        the rate is maintained.
        """
        chosen: BoolArray = probabilities >= np.array(self.thresholds)
        chosen[np.arange(len(chosen)), probabilities.argmax(1)] = True
        if info.exclusive and info.ordinal:
            above: BoolArray = np.maximum.accumulate(chosen, 1)
            below: BoolArray = np.maximum.accumulate(chosen[:, ::-1], 1)[:, ::-1]
            chosen = above & below
        return chosen


@dataclass(frozen=True)
class Calibration:
    """How the logits of one finding become probabilities.

    :param bias: added to the logits first, one per class.
    :param temperature: divides them next, one per class; all equal unless each class was scaled separately.
    :param unsureness: the temperature is also multiplied by e to the power of this times :func:`unsureness_of`; negative if
        confident predictions are wrong more often than stated. Source: Balanya et al., Adaptive temperature scaling for robust
        calibration of deep neural networks, 2024.
    :param curves: applied to each class's probability last; empty for none.
    :param plausible: None if the bundle states no plausible classes.
    """

    bias: tuple[float, ...]
    temperature: tuple[float, ...]
    curves: tuple[Curve, ...] = ()
    plausible: Plausible | None = None
    unsureness: float = 0.0

    @classmethod
    def none(cls, info: Finding) -> Calibration:
        """Leaves the network's probabilities as they are."""
        return cls((0.0,) * len(info.classes), (1.0,) * len(info.classes))

    @classmethod
    def of_options(cls, info: Finding, options: dict[str, Any]) -> Calibration:
        """The calibration of a finding in a bundle's options.

        :raises ValueError, TypeError, KeyError, AttributeError: if they do not have the form of :meth:`options`.
        """
        size = len(info.classes)
        temperature = options.get("temperature", {}).get(info.name, 1.0)
        temperatures = tuple(map(float, temperature)) if isinstance(temperature, list) else (float(temperature),) * size
        bias = tuple(map(float, options.get("bias", {}).get(info.name, (0.0,) * size)))
        unsureness = float(options.get("unsureness", {}).get(info.name, 0.0))
        curves = options.get("isotonic", {}).get(info.name, {})
        sets = options.get("plausible", {}).get(info.name)
        if len(bias) != size or len(temperatures) != size or not all(map(isfinite, (*bias, *temperatures, unsureness))):
            raise ValueError(f"{info.name} needs one bias and one temperature a class, not {bias} and {temperatures}")
        if min(temperatures) <= 0:
            raise ValueError(f"temperatures should be above zero, not {temperatures}")
        return cls(
            bias,
            temperatures,
            tuple(Curve(*(tuple(map(float, part)) for part in curves[key])) for key in info.class_names) if curves else (),
            Plausible(float(sets["rate"]), tuple(float(sets["thresholds"][key]) for key in info.class_names)) if sets else None,
            unsureness,
        )

    def options(self, info: Finding) -> dict[str, Any]:
        """Option name to its value for this finding, as :meth:`of_options` reads it."""
        alike = len(set(self.temperature)) == 1
        result: dict[str, Any] = {
            "bias": list(self.bias),
            "temperature": self.temperature[0] if alike else list(self.temperature),
        }
        if self.unsureness:
            result["unsureness"] = self.unsureness
        if self.curves:
            result["isotonic"] = {
                key: [list(curve.before), list(curve.after)] for key, curve in zip(info.class_names, self.curves, strict=True)
            }
        if self.plausible:
            thresholds = dict(zip(info.class_names, self.plausible.thresholds, strict=True))
            result["plausible"] = {"rate": self.plausible.rate, "thresholds": thresholds}
        return result

    def probabilities(self, info: Finding, logits: FloatArray) -> FloatArray:
        """Probabilities (N, classes) of logits (N, classes); they sum to 1 if the finding is exclusive."""
        scaled = (logits + np.array(self.bias)) / np.array(self.temperature)
        if self.unsureness:
            scaled = scaled / np.exp(self.unsureness * unsureness_of(info, logits))
        values = _stated(info, scaled)
        if not self.curves:
            return values
        bent = np.stack([np.interp(values[:, k], curve.before, curve.after) for k, curve in enumerate(self.curves)], 1)
        bent = np.clip(bent, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
        total = bent.sum(1, keepdims=True) if info.exclusive else np.ones((len(bent), 1))
        result: FloatArray = bent / total
        return result


def unsureness_of(info: Finding, logits: FloatArray) -> FloatArray:
    """Normalized entropy of the probabilities that logits state: 0 if certain, 1 if all classes are equally probable.

    :returns: (N, 1) if the finding is exclusive, else one value per class, (N, classes).
    """
    stated = _stated(info, logits)
    every = stated[..., None, :] if info.exclusive else np.stack([stated, 1 - stated], -1)
    entropy: FloatArray = -(every * np.log(np.maximum(every, _NOTHING))).sum(-1) / np.log(every.shape[-1])
    return entropy


def _stated(info: Finding, logits: FloatArray) -> FloatArray:
    """Softmax of logits (N, classes) if the finding is exclusive, else the sigmoid of each."""
    if info.exclusive:
        scaled = np.exp(logits - logits.max(1, keepdims=True))
        values: FloatArray = scaled / scaled.sum(1, keepdims=True)
        return values
    # Both forms are the sigmoid; each is used where the other would overflow.
    size = np.exp(-np.abs(logits))
    values = np.where(logits >= 0, 1, size) / (1 + size)
    return values


def logits_of(info: Finding, probabilities: FloatArray) -> FloatArray:
    """Logits of probabilities (N, classes); if the finding is exclusive, up to a common offset."""
    clipped = np.clip(probabilities, 1e-7, 1 - 1e-7)
    result: FloatArray = np.log(clipped) if info.exclusive else np.log(clipped / (1 - clipped))
    return result
