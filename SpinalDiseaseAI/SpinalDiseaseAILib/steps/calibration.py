"""Calibration of one finding: from a network's logits to probabilities, and from those to the classes that are plausible.

What is fitted lies in the bundle; here it is only applied, in plain NumPy.
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
"""Smallest probability that a curve gives: a finite number of patients never shows that something cannot be."""

_NOTHING = 1e-12  # a probability below which the logarithm is not taken


@dataclass(frozen=True)
class Curve:
    """A rising curve through points, straight between them: probability before to probability after.

    :param before: rising, in 0 … 1.
    :param after: not falling, as many.
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

    A class is plausible from its own threshold of probability on. The threshold is the largest that still lets through patients
    who have the class at the stated rate, so that a rare class is not covered at the cost of a frequent one.

    Sources: Vovk, Conditional validity of inductive conformal predictors, 2012 (class by class); Sadinle et al., Least ambiguous
    set-valued classifiers with bounded error levels, 2019 (thresholds of probability).

    :param rate: share of patients with a class for whom it is plausible, such as 0.9.
    :param thresholds: one a class, in 0 … 1; at 0 a class is always plausible, as it must be where too few patients had it.
    """

    rate: float
    thresholds: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1 or not all(0 <= value <= 1 for value in self.thresholds):
            raise ValueError(f"rate {self.rate} and thresholds {self.thresholds} should be in 0 … 1")

    def of(self, info: Finding, probabilities: FloatArray) -> BoolArray:
        """Which classes are plausible, (N, classes) as the probabilities are.

        The most probable class always is, and of grades every one between two that are: sets only grow by this, so that the
        rate is kept.
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

    :param bias: added to the logits first, one a class.
    :param temperature: divides them next: one a class, all alike unless each class was scaled by itself.
    :param unsureness: power of e that the temperature rises by from a network that is sure to one that is not, see
        :func:`unsureness_of`; below zero where sure networks are wrong more often than they say. Source: Balanya et al., Adaptive
        temperature scaling for robust calibration of deep neural networks, 2024.
    :param curves: then bend each class's probability; empty for none.
    :param plausible: None where the bundle states no plausible classes.
    """

    bias: tuple[float, ...]
    temperature: tuple[float, ...]
    curves: tuple[Curve, ...] = ()
    plausible: Plausible | None = None
    unsureness: float = 0.0

    @classmethod
    def none(cls, info: Finding) -> Calibration:
        """Probabilities as the network states them."""
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
        """Option name to what it holds for this finding, as :meth:`of_options` reads it."""
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
        """Probabilities (N, classes) of logits (N, classes); they sum to 1 where one class alone holds."""
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
    """Entropy of what logits state, as a share of the most that it can be: 0 sure, 1 all classes alike.

    :returns: (N, 1) where one class alone holds, else one a class, (N, classes).
    """
    stated = _stated(info, logits)
    every = stated[..., None, :] if info.exclusive else np.stack([stated, 1 - stated], -1)
    entropy: FloatArray = -(every * np.log(np.maximum(every, _NOTHING))).sum(-1) / np.log(every.shape[-1])
    return entropy


def _stated(info: Finding, logits: FloatArray) -> FloatArray:
    """Softmax of logits (N, classes) where one class alone holds, else the sigmoid of each."""
    if info.exclusive:
        scaled = np.exp(logits - logits.max(1, keepdims=True))
        values: FloatArray = scaled / scaled.sum(1, keepdims=True)
        return values
    # Both forms are the sigmoid; each is exact where the other overflows.
    size = np.exp(-np.abs(logits))
    values = np.where(logits >= 0, 1, size) / (1 + size)
    return values


def logits_of(info: Finding, probabilities: FloatArray) -> FloatArray:
    """Logits that give these probabilities: where one class alone holds, up to a number that is added to all of them."""
    clipped = np.clip(probabilities, 1e-7, 1 - 1e-7)
    result: FloatArray = np.log(clipped) if info.exclusive else np.log(clipped / (1 - clipped))
    return result
