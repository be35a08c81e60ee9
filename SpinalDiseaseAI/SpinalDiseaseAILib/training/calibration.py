"""Calibration of a finding with out-of-fold predictions: the mapping of its probabilities, and its plausible classes.

Every choice and every reported figure is cross-fitted: patients are divided into folds, and a calibration fitted on all folds
but one is applied to the remaining one. The calibration for the bundle is then fitted on all folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import GroupKFold

from ..base.anatomy import Finding, finding
from ..evaluation import metrics
from ..evaluation.predictions import FloatArray, Graded
from ..steps.calibration import Calibration, Curve, Plausible, logits_of, unsureness_of

FOLDS = 5
RATE = 0.9
_STEP = 0.005  # increment by which a class's rate is raised until its measured coverage is at least the stated one
_RIDGE = 1e-3  # keeps the scaling of a rare class close to none
_DECIMALS = 5


def best_temperature(graded: Graded) -> tuple[float, float]:
    """The divisor of the logits, between ½ and 3, with the smallest log loss, and that loss."""
    info = finding(graded.name)
    logits = logits_of(info, graded.probability)

    def loss(logarithm: float) -> float:
        return _loss(info, logits / np.exp(logarithm), graded.truth)

    found = minimize_scalar(loss, bounds=(np.log(0.5), np.log(3.0)), method="bounded")
    return float(np.exp(found.x)), float(found.fun)


def temperature_scaling(graded: Graded) -> Calibration:
    """One divisor for all classes (Guo et al., On calibration of modern neural networks, 2017)."""
    size = graded.truth.shape[1]
    return Calibration((0.0,) * size, (round(best_temperature(graded)[0], _DECIMALS),) * size)


def adaptive_temperature_scaling(graded: Graded) -> Calibration:
    """One divisor for all classes, which depends on how uncertain the network is.

    Balanya et al., Adaptive temperature scaling for robust calibration of deep neural networks, 2024; the logarithm of the
    temperature is linear in the entropy.
    """
    info = finding(graded.name)
    logits, size = logits_of(info, graded.probability), graded.truth.shape[1]
    unsureness = unsureness_of(info, logits)

    def loss(values: FloatArray) -> float:
        scaled = logits / np.exp(values[0] + values[1] * unsureness)
        return _loss(info, scaled, graded.truth) + _RIDGE * float((values**2).sum())

    level, slope = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(-3.0, 3.0)] * 2).x
    temperature = round(float(np.exp(level)), _DECIMALS)
    return Calibration((0.0,) * size, (temperature,) * size, unsureness=round(float(slope), _DECIMALS))


def vector_scaling(graded: Graded) -> Calibration:
    """A divisor and an offset for each class (Guo et al., 2017)."""
    info = finding(graded.name)
    logits, size = logits_of(info, graded.probability), graded.truth.shape[1]

    def loss(values: FloatArray) -> float:
        factor, shift = np.exp(values[:size]), values[size:]
        return _loss(info, logits * factor + shift, graded.truth) + _RIDGE * float((values**2).sum())

    bounds = [(np.log(1 / 5), np.log(5.0))] * size + [(-5.0, 5.0)] * size
    found = minimize(loss, np.zeros(2 * size), method="L-BFGS-B", bounds=bounds).x
    factor, shift = np.exp(found[:size]), found[size:]
    return Calibration(
        tuple(round(float(value), _DECIMALS) for value in shift / factor),
        tuple(round(float(value), _DECIMALS) for value in 1 / factor),
    )


def isotonic_regression(graded: Graded) -> Calibration:
    """A monotonic curve for each class (Zadrozny and Elkan, Transforming classifier scores into probabilities, 2002)."""
    curves = []
    for k in range(graded.truth.shape[1]):
        fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(graded.probability[:, k], graded.truth[:, k])
        before, after = (np.round(values, _DECIMALS) for values in (fitted.X_thresholds_, fitted.y_thresholds_))
        curves.append(Curve(tuple(map(float, before)), tuple(map(float, after))))
    return replace(Calibration.none(finding(graded.name)), curves=tuple(curves))


def as_it_is(graded: Graded) -> Calibration:
    """No change: predictions fitted to the same patients by log loss are often calibrated already."""
    return Calibration.none(finding(graded.name))


METHODS: dict[str, Callable[[Graded], Calibration]] = {
    "none": as_it_is,
    "temperature": temperature_scaling,
    "adaptive temperature": adaptive_temperature_scaling,
    "vector": vector_scaling,
    "isotonic": isotonic_regression,
}
"""Calibration methods, the simplest first."""


@dataclass(frozen=True)
class Fitted:
    """The calibration of one finding, with its figures.

    :param method: one of :data:`METHODS`.
    :param brier: Brier score with each method, including ``"none"``, cross-fitted.
    :param error: expected calibration error before and after calibration, cross-fitted.
    :param coverage: class to the share of its structures for which it is plausible, cross-fitted; NaN if it has none.
    :param support: class to its number of structures.
    :param set_size: mean number of plausible classes, cross-fitted.
    :param unsure: share of structures for which every class is plausible.
    """

    name: str
    calibration: Calibration
    method: str
    brier: dict[str, float]
    error: tuple[float, float]
    coverage: dict[str, float]
    support: dict[str, int]
    set_size: float
    unsure: float
    patients: int


def fit(graded: Graded, rate: float = RATE) -> Fitted:
    """Choose the method by the cross-fitted Brier score, fit it, and determine the plausible classes at a rate.

    :param graded: out-of-fold predictions without calibration.
    """
    info = finding(graded.name)
    crossed = {method: cross_fitted(graded, METHODS[method]) for method in METHODS}
    brier = {method: brier_score(item) for method, item in crossed.items()}
    method = min(METHODS, key=lambda name: brier[name])
    chosen = crossed[method]
    rates = class_rates(chosen, rate)
    sets = _crossed_sets(chosen, rates)
    truth = chosen.truth > 0
    final = replace(METHODS[method](graded), plausible=Plausible(rate, _thresholds(chosen, rates)))
    return Fitted(
        graded.name,
        final,
        method,
        brier,
        (calibration_error(graded), calibration_error(chosen)),
        {key: float(sets[truth[:, k], k].mean()) if truth[:, k].any() else np.nan for k, key in enumerate(info.class_names)},
        {key: int(truth[:, k].sum()) for k, key in enumerate(info.class_names)},
        float(sets.sum(1).mean()),
        float(sets.all(1).mean()),
        len(set(graded.patients)),
    )


def cross_fitted(graded: Graded, method: Callable[[Graded], Calibration]) -> Graded:
    """Each fold's predictions, with the calibration fitted on the other folds."""
    info = finding(graded.name)
    logits = logits_of(info, graded.probability)
    probability = np.zeros_like(graded.probability)
    for rest, left in _folds(graded):
        probability[left] = method(_part(graded, rest)).probabilities(info, logits[left])
    return replace(graded, probability=probability)


def brier_score(graded: Graded) -> float:
    """Brier score of a finding; the mean over classes if these do not exclude each other."""
    if finding(graded.name).exclusive:
        return metrics.brier(graded.truth, graded.probability)
    return float(((graded.truth - graded.probability) ** 2).mean())


def calibration_error(graded: Graded) -> float:
    """Expected calibration error of a finding; the mean over classes if these do not exclude each other."""
    if finding(graded.name).exclusive:
        return metrics.expected_calibration_error(*metrics.stated(graded.truth, graded.probability))
    return float(
        np.mean([metrics.expected_calibration_error(*pair) for pair in zip(graded.truth.T, graded.probability.T, strict=True)])
    )


def class_rates(graded: Graded, rate: float) -> tuple[float, ...]:
    """The target rate of each class: the stated rate, raised if the cross-fitted coverage of the class falls short of it."""
    truth = graded.truth > 0
    rates = []
    for k in range(truth.shape[1]):
        asked = rate
        while asked < 1 and truth[:, k].any():
            chosen = np.concatenate(
                [
                    graded.probability[left, k] >= _threshold(graded.probability[rest, k][truth[rest, k]], asked)
                    for rest, left in _folds(graded)
                ]
            )
            order = np.concatenate([left for _, left in _folds(graded)])
            if chosen[truth[order, k]].mean() >= rate:
                break
            asked = min(1.0, asked + _STEP)
        rates.append(asked)
    return tuple(rates)


def _threshold(scores: FloatArray, rate: float) -> float:
    """The largest threshold that a new score of the same kind reaches with at least the given rate; 0 for too few scores."""
    dropped = int(np.floor((1 - rate) * (len(scores) + 1) + 1e-9))
    return float(np.sort(scores)[dropped - 1]) if dropped >= 1 else 0.0


def _thresholds(graded: Graded, rates: tuple[float, ...]) -> tuple[float, ...]:
    """The threshold of each class, rounded down so that no score falls below a threshold equal to it."""
    unit = 10.0**_DECIMALS
    values = (_threshold(graded.probability[graded.truth[:, k] > 0, k], rate) for k, rate in enumerate(rates))
    return tuple(float(np.floor(value * unit) / unit) for value in values)


def _crossed_sets(graded: Graded, rates: tuple[float, ...]) -> np.ndarray:
    """Plausible classes in each fold, with thresholds from the other folds; (N, classes)."""
    sets = np.zeros(graded.truth.shape, dtype=bool)
    for rest, left in _folds(graded):
        plausible = Plausible(RATE, _thresholds(_part(graded, rest), rates))
        sets[left] = plausible.of(finding(graded.name), graded.probability[left])
    return sets


def _folds(graded: Graded) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices of the items in the other folds and in the fold held out, for each fold; folds are by patient."""
    count = min(FOLDS, len(set(graded.patients)))
    yield from GroupKFold(count).split(graded.truth, groups=np.array(graded.patients))


def _part(graded: Graded, items: np.ndarray) -> Graded:
    return Graded(
        graded.name,
        graded.truth[items],
        graded.probability[items],
        tuple(graded.patients[index] for index in items),
        tuple(graded.structures[index] for index in items),
    )


def _loss(info: Finding, logits: FloatArray, truth: FloatArray) -> float:
    """Mean log loss of logits; also the mean over classes if these do not exclude each other."""
    if info.exclusive:
        return float((np.logaddexp.reduce(logits, axis=1) - (logits * truth).sum(1)).mean())
    return float((np.logaddexp(0, logits) - logits * truth).mean())
