"""The model of disc degeneration learns from its examples, and chooses its variant on patients it was not fitted on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from SpinalDiseaseAILib.base.anatomy import finding
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.datasets.records import split_of
from SpinalDiseaseAILib.evaluation.predictions import GRADING, Assessment, Case, Run
from SpinalDiseaseAILib.models.bundle import read_bundle
from SpinalDiseaseAILib.steps.calibration import Calibration
from SpinalDiseaseAILib.steps.disc_grades import LEVELS
from SpinalDiseaseAILib.steps.measurements.disc_features import FEATURES
from SpinalDiseaseAILib.training import disc_grades
from SpinalDiseaseAILib.training.cli import configuration
from SpinalDiseaseAILib.training.disc_grade_bundle import pack_grader
from SpinalDiseaseAILib.training.disc_grades import Example, examples_of, fitted, log_losses, tensors


def examples(region_noise: float, mask_noise: float, patients: int = 24) -> list[Example]:
    """Discs whose grade is given by both the region network and the first feature, with noise."""
    random = np.random.default_rng(5)
    result = []
    for patient in range(patients):
        for disc in LEVELS:
            grade = int(random.integers(3))
            logits = np.eye(3)[grade] * 2 + random.normal(size=3) * region_noise
            features = random.normal(size=len(FEATURES))
            features[0] = -2.0 * grade + random.normal() * mask_noise
            region = logits - np.log(np.exp(logits).sum())
            result.append(Example(str(patient), disc, region, features, grade))
    return result


def test_it_learns_from_the_masks() -> None:
    items = examples(region_noise=5.0, mask_noise=0.3)
    logs = fitted(items)(*tensors(items))["masks"]
    truth = torch.tensor([item.grade for item in items])
    assert (logs.argmax(1) == truth).float().mean() > 0.9


def test_features_are_standardized_over_the_measured_discs() -> None:
    items = [replace(item, features=None) if n % 3 == 0 else item for n, item in enumerate(examples(1.0, 1.0))]
    model = fitted(items)
    measured = np.stack([item.features for item in items if item.features is not None])
    np.testing.assert_allclose(model.centre.numpy(), measured.mean(0), atol=1e-5)
    np.testing.assert_allclose(model.scale.numpy(), measured.std(0, ddof=1), rtol=1e-4)


def test_the_combination_relies_on_the_source_that_is_right() -> None:
    masks, region = (fitted(examples(*noise)).both_weights.tolist() for noise in ((5.0, 0.3), (0.3, 8.0)))
    assert masks[1] > masks[0] and region[0] > region[1]


def test_losses_are_of_tuning_patients_and_the_better_source_has_the_lower_one() -> None:
    items = examples(region_noise=5.0, mask_noise=0.3, patients=40)
    assert any(split_of("spider", item.patient) == "tune" for item in items)
    losses = log_losses(items)
    assert losses["masks"] < losses["region"] and losses["both"] < losses["region"]


def test_training_patients_do_not_affect_the_choice_of_the_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    items = examples(region_noise=1.0, mask_noise=1.0, patients=40)
    model = fitted(items[:24])
    monkeypatch.setattr(disc_grades, "fitted", lambda examples: model)  # so that the losses differ only by which patients count
    tuning = [item for item in items if split_of("spider", item.patient) == "tune"]
    assert 0 < len(tuning) < len(items)
    assert log_losses(items) == pytest.approx(log_losses(tuning))


def test_discs_without_features_count_only_for_the_region_network() -> None:
    items = examples(1.0, 1.0)
    some = [replace(item, features=None) if n % 3 else item for n, item in enumerate(items)]
    assert all(torch.isfinite(value).all() for value in fitted(some).state_dict().values())


def run_of(items: list[Example]) -> Run:
    """Uncalibrated predictions, with most of the probability on Pfirrmann 2, 3 or 4."""
    cases = []
    for item in items:
        grade = ("2", "3", "4")[item.grade]
        probabilities = {key: 0.6 if key == grade else 0.1 for key in finding("pfirrmann").class_names}
        findings = {item.disc: {"pfirrmann": Assessment((grade,), probabilities)}}
        cases.append(Case(item.patient, f"{item.patient}_{item.disc}", Path("x.png"), (1, 1), None, findings=findings))
    return Run("Grades", GRADING, "spider", ("train",), (), tuple(cases), calibrated=False)


def test_examples_are_read_from_out_of_fold_predictions() -> None:
    (item,) = examples_of(run_of(examples(1, 1)[:1]), Calibration.none(finding("pfirrmann")), {})
    assert np.exp(item.region).max() == pytest.approx(0.7, abs=0.11) and item.features is None


def test_a_bundle_is_packed_that_can_be_read_and_says_why_its_variant_was_chosen(tmp_path: Path) -> None:
    items = examples(1.0, 0.3, patients=30)
    features = {(f"{item.patient}_{item.disc}", item.disc): item.features for item in items if item.features is not None}
    said: list[str] = []
    place = pack_grader(configuration("disc-grade"), [run_of(items)], "lumbar-mr-degeneration", features, tmp_path, said.append)
    bundle = read_bundle(place.name, tmp_path)
    assert bundle.task == "disc grade" and bundle.options["variant"] in ("region", "masks", "both")
    assert bundle.findings == {"degeneration": ("mild", "moderate", "severe")}
    assert "Log loss on tuning patients" in said[0]


def test_calibrated_or_other_predictions_are_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no out-of-fold Pfirrmann grades"):
        pack_grader(configuration("disc-grade"), [], "lumbar-mr-degeneration", {}, tmp_path, print)
