"""From logits to probabilities, and from those to plausible classes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from SpinalDiseaseAILib.base.anatomy import finding
from SpinalDiseaseAILib.steps.calibration import LEAST_PROBABILITY, Calibration, Curve, Plausible, logits_of, unsureness_of
from SpinalDiseaseAILib.steps.heads import Heads

FINDINGS = {name: finding(name).class_names for name in ("pfirrmann", "disc_disease", "vertebra_disease")}
OUTPUTS = sum(map(len, FINDINGS.values()))
PFIRRMANN, NARROWING, DISEASE = finding("pfirrmann"), finding("narrowing"), finding("disc_disease")


def test_classes_that_exclude_each_other_sum_to_one_and_others_do_not() -> None:
    logits = np.random.default_rng(0).normal(0, 2, (6, OUTPUTS)).astype(np.float32)
    values = Heads(FINDINGS).probabilities(logits)
    assert values["pfirrmann"].sum(1) == pytest.approx(np.ones(6))
    assert values["pfirrmann"] == pytest.approx(torch.from_numpy(logits[:, :5]).softmax(1).numpy(), rel=1e-5)
    assert values["disc_disease"] == pytest.approx(torch.from_numpy(logits[:, 5:10]).sigmoid().numpy(), rel=1e-5)
    assert values["vertebra_disease"] == pytest.approx(torch.from_numpy(logits[:, 10:]).softmax(1).numpy(), rel=1e-5)


def test_a_temperature_above_one_makes_probabilities_less_certain_and_keeps_their_order() -> None:
    logits = np.array([[0.0, 1, 3, 2, -1] + [1.0] * (OUTPUTS - 5)], dtype=np.float32)
    plain = Heads(FINDINGS).probabilities(logits)
    warm = Heads.of_options(FINDINGS, {"temperature": {"pfirrmann": 2.0}}).probabilities(logits)
    assert warm["pfirrmann"].max() < plain["pfirrmann"].max()
    assert (warm["pfirrmann"].argsort() == plain["pfirrmann"].argsort()).all()
    assert (warm["disc_disease"] == plain["disc_disease"]).all()


def test_a_bias_undoes_the_class_weights_of_the_training() -> None:
    true = np.array([[0.7, 0.2, 0.05, 0.04, 0.01]])
    weight = np.array([0.5, 1.0, 2.0, 2.0, 4.0])
    logits = np.concatenate([np.log(true * weight), np.zeros((1, OUTPUTS - 5))], 1).astype(np.float32)
    values = Heads.of_options(FINDINGS, {"bias": {"pfirrmann": list(-np.log(weight))}}).probabilities(logits)
    assert values["pfirrmann"] == pytest.approx(true, rel=1e-5)
    assert values["disc_disease"] == pytest.approx(np.full((1, 5), 0.5))


def test_large_logits_give_finite_probabilities() -> None:
    logits = np.full((1, OUTPUTS), 500, dtype=np.float32) * ([1, -1] * (OUTPUTS // 2))
    for values in Heads(FINDINGS).probabilities(logits).values():
        assert np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1


def test_every_class_can_have_a_temperature_of_its_own() -> None:
    options = {"temperature": {"narrowing": [1.0, 2.0]}, "bias": {"narrowing": [0.0, 1.0]}}
    found = Calibration.of_options(NARROWING, options).probabilities(NARROWING, np.array([[0.0, 3.0]]))
    assert found[0, 1] == pytest.approx(1 / (1 + np.exp(-2.0)))  # (3 + 1) / 2 against 0


def test_a_curve_bends_a_probability_and_the_classes_still_sum_to_one() -> None:
    curve = Curve((0.0, 0.5, 1.0), (0.0, 0.2, 1.0))
    calibration = Calibration((0.0, 0.0), (1.0, 1.0), (Curve((0.0, 0.5, 1.0), (0.0, 0.8, 1.0)), curve))
    found = calibration.probabilities(NARROWING, np.log([[0.5, 0.5], [0.25, 0.75], [0.0, 1.0]] + np.array(1e-12)))
    assert found.sum(1) == pytest.approx(np.ones(3))
    assert found[:, 1] == pytest.approx([0.2, 0.6, 1 - LEAST_PROBABILITY], abs=1e-4)
    assert found.min() > 0, "that something cannot be is never said"


@pytest.mark.parametrize(
    ("before", "after"), [((), ()), ((0.1, 0.2), (0.1,)), ((0.2, 0.1), (0, 1)), ((0, 1), (0.5, 0.4)), ((0, 1), (0, 1.5))]
)
def test_a_curve_that_falls_or_leaves_the_range_of_probabilities_is_refused(
    before: tuple[float, ...], after: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match="no rising curve"):
        Curve(before, after)


@pytest.mark.parametrize("name", ["pfirrmann", "narrowing", "disc_disease"])
def test_a_calibration_goes_to_the_options_of_a_bundle_and_back(name: str) -> None:
    info = finding(name)
    size = len(info.classes)
    curve = Curve((0.0, 0.4, 1.0), (0.1, 0.4, 0.9))
    for calibration in (
        Calibration.none(info),
        Calibration((0.5,) * size, tuple(1.0 + k for k in range(size))),
        Calibration((0.5,) * size, (2.0,) * size, (curve,) * size, Plausible(0.9, (0.1,) * size)),
        Calibration((0.0,) * size, (2.0,) * size, unsureness=-0.5),
    ):
        written = json.loads(json.dumps({key: {name: value} for key, value in calibration.options(info).items()}))
        assert Calibration.of_options(info, written) == calibration


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": {"pfirrmann": 0}},
        {"temperature": {"pfirrmann": [1.0, 1.0]}},
        {"temperature": {"pfirrmann": float("inf")}},
        {"bias": {"pfirrmann": [0.0] * 4}},
        {"unsureness": {"pfirrmann": float("nan")}},
        {"bias": {"pfirrmann": [0.0, 0.0, 0.0, 0.0, float("nan")]}},
        {"unsureness": {"pfirrmann": [0.1] * 5}},
        {"isotonic": {"pfirrmann": {"1": [[0, 1], [0, 1]]}}},
        {"plausible": {"pfirrmann": {"rate": 0.9, "thresholds": {"1": 0.1}}}},
        {"plausible": {"pfirrmann": {"rate": 90, "thresholds": dict.fromkeys("12345", 0.1)}}},
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Calibration.of_options(PFIRRMANN, options)


@pytest.mark.parametrize("name", ["pfirrmann", "narrowing", "disc_disease"])
def test_unsureness_is_0_for_a_certain_network_and_1_for_an_uncertain_one(name: str) -> None:
    info = finding(name)
    size = len(info.classes)
    sure = np.where(np.arange(size) == 0, 50.0, -50.0)[None]
    assert unsureness_of(info, sure) == pytest.approx(0, abs=1e-6)
    assert unsureness_of(info, np.zeros((1, size))) == pytest.approx(1)
    between = unsureness_of(info, sure / 40)
    assert ((between > 0.1) & (between < 0.9)).all()


@pytest.mark.parametrize("slope", [-1.1, 0.6])
@pytest.mark.parametrize("name", ["pfirrmann", "narrowing", "disc_disease"])
def test_an_adaptive_temperature_keeps_the_order_of_classes_and_of_patients(name: str, slope: float) -> None:
    info = finding(name)
    size = len(info.classes)
    calibration = Calibration((0.0,) * size, (1.3,) * size, unsureness=slope)
    logits = np.random.default_rng(0).normal(0, 2, (200, size))
    before, after = Calibration.none(info).probabilities(info, logits), calibration.probabilities(info, logits)
    assert np.array_equal(before.argsort(1), after.argsort(1))
    if size == 2 or not info.exclusive:
        assert np.array_equal(before[:, 1].argsort(), after[:, 1].argsort())
    assert np.isfinite(after).all() and (not info.exclusive or np.allclose(after.sum(1), 1))


def test_an_adaptive_temperature_that_falls_with_unsureness_flattens_certain_and_sharpens_uncertain_results() -> None:
    info = finding("narrowing")
    calibration = Calibration((0.0, 0.0), (2.0, 2.0), unsureness=-1.4)
    stated = Calibration.none(info).probabilities(info, np.array([[0.0, 0.3], [0.0, 4.0]]))[:, 1]
    changed = calibration.probabilities(info, np.array([[0.0, 0.3], [0.0, 4.0]]))[:, 1]
    assert changed[0] > stated[0] and changed[1] < stated[1]


def plausible(name: str, thresholds: list[float], probabilities: list[float]) -> list[str]:
    info = finding(name)
    chosen = Plausible(0.9, tuple(thresholds)).of(info, np.array([probabilities]))[0]
    return [key for key, among in zip(info.class_names, chosen, strict=True) if among]


def test_a_class_is_plausible_if_it_reaches_its_own_threshold() -> None:
    assert plausible("narrowing", [0.5, 0.1], [0.85, 0.15]) == ["absent", "present"]
    assert plausible("narrowing", [0.5, 0.2], [0.85, 0.15]) == ["absent"]


def test_the_most_probable_class_is_always_plausible() -> None:
    assert plausible("narrowing", [0.9, 0.9], [0.6, 0.4]) == ["absent"]
    assert plausible("disc_disease", [0.9] * 5, [0.1, 0.3, 0.2, 0.0, 0.0]) == ["v2"]


def test_plausible_grades_have_no_gap_and_other_classes_may() -> None:
    assert plausible("pfirrmann", [0.2] * 5, [0.3, 0.1, 0.35, 0.2, 0.05]) == ["1", "2", "3", "4"]
    assert plausible("modic", [0.2] * 4, [0.3, 0.1, 0.35, 0.25]) == ["0", "2", "3"]
    assert plausible("disc_disease", [0.5] * 5, [0.1, 0.6, 0.2, 0.7, 0.0]) == ["v2", "v4"]


def test_results_carry_the_plausible_classes_and_their_rate() -> None:
    thresholds = dict(zip("12345", (0.9, 0.2, 0.2, 0.2, 0.9), strict=True))
    heads = Heads.of_options(FINDINGS, {"plausible": {"pfirrmann": {"rate": 0.8, "thresholds": thresholds}}})
    logits = np.zeros((2, OUTPUTS))
    logits[0, :5] = np.log([0.05, 0.3, 0.05, 0.4, 0.2])
    results = heads.results(logits, "model")
    first, second = results["pfirrmann"]
    assert (first.plausible, first.coverage, first.unsure) == (("2", "3", "4"), 0.8, False)
    assert second.plausible == ("1", "2", "3", "4")  # all alike: the first is the most probable
    assert (results["disc_disease"][0].plausible, results["disc_disease"][0].coverage) == ((), 0.0)


@pytest.mark.parametrize("info", [PFIRRMANN, NARROWING, DISEASE])
def test_logits_of_probabilities_give_the_probabilities_back(info: object) -> None:
    random = np.random.default_rng(0)
    size = len(info.classes)  # type: ignore[attr-defined]
    values = Calibration.none(info).probabilities(info, random.normal(0, 2, (20, size)))  # type: ignore[arg-type]
    again = Calibration.none(info).probabilities(info, logits_of(info, values))  # type: ignore[arg-type]
    assert again == pytest.approx(values, abs=1e-9)


def test_a_class_that_too_few_patients_had_is_always_plausible() -> None:
    assert plausible("narrowing", [0.0, 1.0], [0.0, 1.0]) == ["absent", "present"]
    with pytest.raises(ValueError, match="should be in"):
        Plausible(0.9, (-0.1, 0.5))
    with pytest.raises(ValueError, match="should be in"):
        Plausible(0.9, (0.5, 1.1))
