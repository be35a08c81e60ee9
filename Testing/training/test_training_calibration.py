"""Calibration and plausible classes, on predictions whose true probabilities are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from SpinalDiseaseAILib.base.anatomy import finding
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.evaluation import metrics
from SpinalDiseaseAILib.evaluation.prediction_file import write_predictions
from SpinalDiseaseAILib.evaluation.predictions import GRADING, Assessment, Case, Graded, Run
from SpinalDiseaseAILib.models.bundle import CARD, LICENCE, METADATA, WEIGHTS, read_bundle
from SpinalDiseaseAILib.models.metadata import write_metadata
from SpinalDiseaseAILib.steps.calibration import Calibration, logits_of, unsureness_of
from SpinalDiseaseAILib.steps.heads import Heads
from SpinalDiseaseAILib.training.calibrating import calibrate_bundle
from SpinalDiseaseAILib.training.calibration import METHODS, Fitted, calibration_error, class_rates, cross_fitted, fit
from SpinalDiseaseAILib.training.cli import app

DISCS = 5  # per patient


def distorted(name: str, factor: Any, shift: Any = 0.0, *, count: int = 1500, seed: int = 0, spread: float = 1.5) -> Graded:
    """Truths drawn from known probabilities, and these probabilities with their logits scaled and shifted by class."""
    random = np.random.default_rng(seed)
    info = finding(name)
    size = len(info.classes)
    logits = random.normal(0, spread, (count, size)) - np.linspace(0, 1, size)
    true = Calibration.none(info).probabilities(info, logits)
    if info.exclusive:
        truth = np.eye(size)[(random.random((count, 1)) > true.cumsum(1)).sum(1).clip(max=size - 1)]
    else:
        truth = (random.random((count, size)) < true).astype(float)
    stated = Calibration.none(info).probabilities(info, logits * np.array(factor) + np.array(shift))
    return Graded(name, truth, stated, tuple(str(index // DISCS) for index in range(count)), ("L4-L5",) * count)


def applied(fitted: Fitted, graded: Graded) -> Graded:
    """New predictions, calibrated as by a bundle."""
    info = finding(graded.name)
    probability = fitted.calibration.probabilities(info, logits_of(info, graded.probability))
    assert fitted.calibration.plausible is not None
    plausible = fitted.calibration.plausible.of(info, probability)
    return replace(graded, probability=probability, plausible=plausible.astype(float))


@pytest.mark.parametrize(
    ("name", "factor", "shift"),
    [
        ("pfirrmann", 2.5, 0.0),
        ("pfirrmann", [1.0, 2.0, 0.5, 1.0, 1.0], [0.0, 1.0, -1.0, 0.0, 0.5]),
        ("narrowing", 0.5, 0.0),
        ("narrowing", 1.0, [0.0, 1.5]),
        ("disc_disease", 2.0, [0.0, 1.0, 0.0, -1.0, 0.0]),
    ],
)
def test_calibrated_probabilities_of_new_patients_are_true(name: str, factor: Any, shift: Any) -> None:
    fitted = fit(distorted(name, factor, shift))
    new = distorted(name, factor, shift, seed=1)
    assert calibration_error(applied(fitted, new)) < 0.05 < calibration_error(new)
    assert fitted.brier[fitted.method] == min(fitted.brier[key] for key in METHODS) < fitted.brier["none"]


def test_probabilities_that_are_already_calibrated_are_not_changed() -> None:
    fitted = fit(distorted("pfirrmann", 1.0))
    assert fitted.method == "none" and fitted.error[0] == pytest.approx(fitted.error[1])
    assert fitted.calibration.plausible is not None
    assert replace(fitted.calibration, plausible=None) == Calibration.none(finding("pfirrmann"))


@pytest.mark.parametrize("seed", range(3))
def test_a_calibration_that_is_worse_than_none_is_not_used(seed: int) -> None:
    fitted = fit(distorted("narrowing", 1.0, count=300, seed=seed))
    assert fitted.brier[fitted.method] <= fitted.brier["none"]


def test_a_single_temperature_is_found_if_nothing_else_is_wrong() -> None:
    calibration = METHODS["temperature"](distorted("pfirrmann", 2.0))
    assert calibration.temperature == pytest.approx((2.0,) * 5, rel=0.1) and set(calibration.bias) == {0.0}


def test_each_class_is_scaled_separately_if_needed() -> None:
    graded = distorted("disc_disease", [1.0, 2.0, 0.5, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0, -1.0], count=4000)
    calibration = METHODS["vector"](graded)
    assert calibration.temperature == pytest.approx((1.0, 2.0, 0.5, 1.0, 1.0), rel=0.2)
    assert calibration.bias == pytest.approx((0.0, -1.0, 0.0, 0.0, 1.0), abs=0.25)
    assert fit(graded).method == "vector"


@pytest.mark.parametrize("name", ["pfirrmann", "narrowing", "disc_disease"])
def test_a_network_that_is_overconfident_only_when_confident_gets_an_adaptive_temperature(name: str) -> None:
    graded = distorted(name, 1.0, count=4000)
    info = finding(name)
    size = len(info.classes)
    # A lower temperature for uncertain predictions undoes it: the network's predictions are the calibrated ones, distorted.
    logits = logits_of(info, graded.probability)
    bent = logits
    for _ in range(60):
        bent = logits * np.exp(0.3 - 0.8 * unsureness_of(info, bent))
    stated = replace(graded, probability=Calibration.none(info).probabilities(info, bent))
    calibration = METHODS["adaptive temperature"](stated)
    assert calibration.unsureness == pytest.approx(-0.8, abs=0.25)
    assert calibration.temperature == pytest.approx((float(np.exp(0.3)),) * size, rel=0.2)
    assert fit(stated).method == "adaptive temperature"


def test_a_curve_is_chosen_if_no_scaling_fits() -> None:
    random = np.random.default_rng(0)
    true = random.random(3000)
    present = (random.random(3000) < true).astype(float)
    # A step: two clusters, with little difference within each.
    stated = np.where(true < 0.5, 0.1 + 0.05 * true, 0.9 + 0.05 * true)
    graded = Graded(
        "narrowing",
        np.stack([1 - present, present], 1),
        np.stack([1 - stated, stated], 1),
        tuple(str(index // DISCS) for index in range(3000)),
        ("L4-L5",) * 3000,
    )
    fitted = fit(graded)
    assert fitted.method == "isotonic" and fitted.error[1] < 0.05


@pytest.mark.parametrize("rate", [0.8, 0.9])
@pytest.mark.parametrize("name", ["pfirrmann", "modic", "narrowing", "disc_disease"])
def test_plausible_classes_of_new_patients_hold_the_truth_at_the_rate_for_each_class(name: str, rate: float) -> None:
    fitted = fit(distorted(name, 1.5), rate)
    new = applied(fitted, distorted(name, 1.5, seed=2, count=6000))
    assert new.plausible is not None
    for k in range(new.truth.shape[1]):
        assert new.plausible[new.truth[:, k] > 0, k].mean() > rate - 0.04
    assert all(value >= rate for value in fitted.coverage.values())


def test_plausible_grades_have_no_gap() -> None:
    new = applied(fit(distorted("pfirrmann", 1.5)), distorted("pfirrmann", 1.5, seed=3))
    assert new.plausible is not None
    starts = np.diff(np.pad(new.plausible, ((0, 0), (1, 0))), axis=1) == 1
    assert (starts.sum(1) == 1).all()


def test_sets_are_small_if_the_images_are_informative_and_complete_otherwise() -> None:
    sure, unsure = fit(distorted("narrowing", 1.0, spread=12)), fit(distorted("narrowing", 1.0, spread=0.05))
    assert sure.unsure < 0.05 and sure.set_size < 1.1
    assert unsure.unsure > 0.6


def test_a_class_that_few_patients_had_is_always_plausible() -> None:
    graded = distorted("modic", 1.0)
    rare = np.flatnonzero(graded.truth[:, 3])
    keep = np.setdiff1d(np.arange(len(graded.truth)), rare[6:])
    few = Graded(
        "modic",
        graded.truth[keep],
        graded.probability[keep],
        tuple(graded.patients[index] for index in keep),
        ("L4-L5",) * len(keep),
    )
    fitted = fit(few)
    assert fitted.calibration.plausible is not None and fitted.calibration.plausible.thresholds[3] == 0
    assert fitted.support["3"] == 6


def test_a_class_that_never_occurs_has_no_coverage_and_is_always_plausible() -> None:
    graded = distorted("modic", 1.0)
    truth = graded.truth.copy()
    truth[:, 0] += truth[:, 3]
    truth[:, 3] = 0
    fitted = fit(replace(graded, truth=truth))
    assert np.isnan(fitted.coverage["3"])
    assert fitted.calibration.plausible is not None and fitted.calibration.plausible.thresholds[3] == 0


def test_the_target_rate_is_never_below_the_stated_one() -> None:
    assert all(0.9 <= rate <= 1 for rate in class_rates(distorted("pfirrmann", 1.0, count=300), 0.9))


def test_a_patient_is_never_calibrated_by_itself() -> None:
    seen: list[tuple[set[str], int]] = []

    def recording(part: Graded) -> Calibration:
        seen.append((set(part.patients), len(part.truth)))
        return Calibration.none(finding(part.name))

    graded = distorted("narrowing", 1.0, count=100)
    cross_fitted(graded, recording)
    for patients, count in seen:
        assert len(patients) * DISCS == count, "patients are whole on one side"
    assert sum(100 - count for _, count in seen) == 100, "each is left out once"


def test_calibration_that_was_right_does_not_get_worse() -> None:
    fitted = fit(distorted("pfirrmann", 1.0))
    assert fitted.brier[fitted.method] < fitted.brier["none"] + 0.005


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of two findings; its network does not matter here."""
    folder = tmp_path / "models" / "small"
    document = {
        "name": "small",
        "version": "1.0.0",
        "title": "",
        "description": "",
        "task": "classification",
        "license": "CC-BY-4.0",
        "research_only": False,
        "weights_sha256": "ab" * 32,
        "network": {},
        "findings": {key: list(finding(key).class_names) for key in ("pfirrmann", "narrowing")},
        "options": {"region_pixels": 32, "temperature": {"pfirrmann": 3.0, "narrowing": 3.0}, "bias": {"pfirrmann": [1.0] * 5}},
        "training": {"datasets": {}},
    }
    texts = {CARD: "# Card\n\n## Limits\n", WEIGHTS: "", LICENCE: "Licence\n"}
    for file, text in texts.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")
    (folder / METADATA).parent.mkdir()
    write_metadata(folder / METADATA, document)
    return folder


def run_of(count: int = 600, **change: Any) -> Run:
    graded = {name: distorted(name, 2.0, count=count) for name in ("pfirrmann", "narrowing")}
    cases = []
    for index in range(count):
        items = {}
        for name, item in graded.items():
            names = finding(name).class_names
            truth = tuple(key for key, value in zip(names, item.truth[index], strict=True) if value)
            items[name] = Assessment(truth, dict(zip(names, item.probability[index].tolist(), strict=True)))
        cases.append(Case(str(index // DISCS), f"plane {index}", Path("p.png"), (9, 9), None, {}, {"L4-L5": items}))
    run = Run("Out of fold", GRADING, "spider", ("train",), (), tuple(cases), calibrated=False)
    return replace(run, **change)


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    write_predictions(tmp_path / "predictions.json", [run_of()])
    return tmp_path / "predictions.json"


def test_a_bundle_is_calibrated_by_a_file_of_predictions(bundle: Path, predictions: Path) -> None:
    result = CliRunner().invoke(app, ["calibrate", str(predictions), "--bundle", str(bundle)])
    assert result.exit_code == 0, result.output
    options = read_bundle("small", bundle.parent).options
    assert options["region_pixels"] == 32 and options["calibrated_on"] == "out-of-fold predictions of 120 patients"
    heads = Heads.of_options(read_bundle("small", bundle.parent).findings, options)
    new = distorted("pfirrmann", 2.0, seed=5)
    outputs = np.concatenate([logits_of(finding("pfirrmann"), new.probability), np.zeros((len(new.truth), 2))], 1)
    error = metrics.expected_calibration_error(*metrics.stated(new.truth, heads.probabilities(outputs)["pfirrmann"]))
    assert error < 0.07 < calibration_error(new)
    results = heads.results(outputs, "small")["pfirrmann"]
    assert {item.coverage for item in results} == {0.9} and all(item.plausible for item in results)
    assert set(options["calibration"]["narrowing"]) >= {"method", "brier", "coverage", "expected_calibration_error", "support"}


def test_the_card_states_calibration_and_coverage_once_however_often_it_is_fitted(bundle: Path, predictions: Path) -> None:
    for _ in range(2):
        calibrate_bundle([predictions], bundle)
    card = (bundle / CARD).read_text(encoding="utf-8")
    assert card.startswith("# Card\n\n## Limits\n") and card.count("## Calibration") == card.count("| Pfirrmann grade |") / 2 == 1
    assert "grade 3 0." in card and "120 patients" in card


def test_predictions_of_several_folds_are_combined(bundle: Path, tmp_path: Path) -> None:
    whole = run_of()
    for number, part in enumerate((whole.cases[:300], whole.cases[300:])):
        write_predictions(tmp_path / f"{number}.json", [replace(whole, cases=part)])
    (first, *_) = calibrate_bundle([tmp_path / "0.json", tmp_path / "1.json"], bundle)
    assert first.patients == 120
    with pytest.raises(InputError, match="more than once"):
        calibrate_bundle([tmp_path / "0.json", tmp_path / "0.json"], bundle)


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"calibrated": True}, "calibrated already"),
        ({"task": "localization"}, "no run that grades"),
        ({"cases": ()}, "no finding of the model small. It grades pfirrmann, "),
        ({"cases": run_of(40).cases}, "of 8 patients"),
    ],
)
def test_unsuitable_predictions_are_refused_with_a_sentence(
    bundle: Path, tmp_path: Path, change: dict[str, Any], because: str
) -> None:
    before = (bundle / METADATA).read_text(encoding="utf-8")
    write_predictions(tmp_path / "p.json", [run_of(50, **change)])
    with pytest.raises(InputError, match=because):
        calibrate_bundle([tmp_path / "p.json"], bundle)
    assert (bundle / METADATA).read_text(encoding="utf-8") == before


def test_another_run_of_the_file_is_taken_by_its_title(bundle: Path, tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.json", [run_of(100, title="First"), run_of(title="Second")])
    assert calibrate_bundle([tmp_path / "p.json"], bundle, title="Second")[0].patients == 120
    with pytest.raises(InputError, match="'First', 'Second'"):
        calibrate_bundle([tmp_path / "p.json"], bundle, title="Third")
