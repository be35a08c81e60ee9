"""The model that weighs findings learns from the masks of other patients, and is used only for findings that it helps."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from SpinalDiseaseAILib.base.anatomy import finding
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.evaluation.predictions import GRADING, Assessment, Case, Run
from SpinalDiseaseAILib.models.bundle import CARD, METADATA, read_bundle
from SpinalDiseaseAILib.pipelines.model_store import ModelStore
from SpinalDiseaseAILib.steps.disc_findings import MASK_FEATURES
from SpinalDiseaseAILib.steps.disc_grades import LEVELS
from SpinalDiseaseAILib.training import finding_weights_bundle
from SpinalDiseaseAILib.training.cli import configuration
from SpinalDiseaseAILib.training.finding_weights import Discs, crossed, discs_of, fitted, with_logits
from SpinalDiseaseAILib.training.finding_weights_bundle import helps, pack_weigher

FINDINGS = tuple(read_bundle("lumbar-mr-degeneration").findings)
HERNIATION, BULGING = FINDINGS.index("herniation"), FINDINGS.index("bulging")
Features = dict[tuple[str, str], np.ndarray]


def predictions(patients: int = 30) -> tuple[Run, Features]:
    """Networks that know nothing about herniation and everything about bulging; the first mask feature shows herniation."""
    random = np.random.default_rng(2)
    cases, features = [], {}
    for patient in range(patients):
        found = {}
        for disc in LEVELS:
            truth = {name: str(random.choice(finding(name).class_names)) for name in FINDINGS}
            values = random.normal(size=len(MASK_FEATURES))
            values[0] = 3.0 * finding("herniation").class_names.index(truth["herniation"]) + random.normal() * 0.4
            values[-1] = np.nan if disc == "L5-S1" else values[-1]
            features[str(patient), disc] = values
            found[disc] = {name: assessment(name, truth[name], random) for name in FINDINGS}
        cases.append(Case(str(patient), str(patient), Path("x.png"), (1, 1), None, findings=found))
    return Run("Grades", GRADING, "spider", ("train",), (), tuple(cases), calibrated=False), features


def assessment(name: str, truth: str, random: np.random.Generator) -> Assessment:
    classes = finding(name).class_names
    logits = random.normal(size=len(classes)) + (4.0 if name == "bulging" else 0.0) * np.array([key == truth for key in classes])
    shares = np.exp(logits) / np.exp(logits).sum()
    return Assessment((truth,), dict(zip(classes, shares.tolist(), strict=True)))


def right(discs: Discs, logits: np.ndarray, index: int) -> float:
    sizes = [len(finding(name).classes) for name in FINDINGS]
    start = sum(sizes[:index])
    return float((logits[:, start : start + sizes[index]].argmax(1) == discs.truth[:, index].numpy()).mean())


@pytest.fixture(scope="module")
def discs() -> Discs:
    run, features = predictions()
    return discs_of(run.cases, FINDINGS, features)


@pytest.fixture(scope="module")
def found(discs: Discs) -> np.ndarray:
    """Predictions for every disc by models that have not seen its patient."""
    return crossed(discs)


def test_it_learns_from_the_masks_for_patients_that_it_has_not_seen(discs: Discs, found: np.ndarray) -> None:
    assert right(discs, discs.logits.numpy(), HERNIATION) < 0.65 and right(discs, found, HERNIATION) > 0.9


def test_predictions_stay_if_the_network_knows_better(discs: Discs, found: np.ndarray) -> None:
    assert right(discs, found, BULGING) >= right(discs, discs.logits.numpy(), BULGING) - 0.02


def test_a_patients_own_truth_never_affects_the_patients_predictions(discs: Discs, found: np.ndarray) -> None:
    turned = discs.truth.clone()
    own = [i for i, patient in enumerate(discs.patients) if patient == "7"]
    turned[own, HERNIATION] = 1 - turned[own, HERNIATION]
    assert crossed(replace(discs, truth=turned))[own] == pytest.approx(found[own])


def test_unknown_features_and_unknown_truths_leave_finite_coefficients(discs: Discs) -> None:
    truth = discs.truth.clone()
    truth[::3] = -1
    features = discs.features.clone()
    features[:, 3] = np.nan
    model = fitted(replace(discs, truth=truth, features=features))
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())
    with torch.inference_mode():
        assert torch.isfinite(model(discs.logits, features, discs.levels)).all()


def test_without_information_rare_grades_get_more_than_their_share_and_two_classes_about_theirs(discs: Discs) -> None:
    count = len(discs.places)
    grade, bulging = FINDINGS.index("pfirrmann"), FINDINGS.index("bulging")
    truth = torch.zeros_like(discs.truth)
    truth[: count // 10, grade] = 4
    truth[: count // 10, bulging] = 1
    blind = replace(discs, logits=torch.zeros_like(discs.logits), features=torch.full_like(discs.features, np.nan), truth=truth)
    model = fitted(blind)
    with torch.inference_mode():
        logits = model(blind.logits, blind.features, blind.levels)
    sizes = [len(finding(name).classes) for name in FINDINGS]
    grades, pair = (logits.split(sizes, 1)[index].softmax(1).mean(0) for index in (grade, bulging))
    assert float(grades[4] / grades[0]) == pytest.approx((1 / 9) ** 0.5, rel=0.25)  # the square root of the shares
    assert float(pair[1] / pair[0]) == pytest.approx(1 / 9, rel=0.25)


def test_discs_without_features_or_without_some_finding_are_left_out() -> None:
    run, features = predictions(4)
    features.pop(("0", "L4-L5"))
    first = run.cases[1]
    lacking = {disc: {key: item for key, item in items.items() if key != "modic"} for disc, items in first.findings.items()}
    found = discs_of((run.cases[0], replace(first, findings=lacking), *run.cases[2:]), FINDINGS, features)
    assert len(found.places) == 3 * len(LEVELS) - 1 and ("0", "L4-L5") not in found.places


def test_weighed_findings_replace_the_networks_and_others_stay(discs: Discs, found: np.ndarray) -> None:
    run, _ = predictions()
    cases = with_logits(run.cases, discs, found, ("herniation",))
    before, after = (items[0].findings["L4-L5"] for items in (run.cases, cases))
    assert after["bulging"] == before["bulging"] and after["herniation"].truth == before["herniation"].truth
    assert after["herniation"].probabilities != before["herniation"].probabilities
    assert sum(after["herniation"].probabilities.values()) == pytest.approx(1)


def test_a_bundle_is_packed_for_the_findings_that_it_helps_with(tmp_path: Path) -> None:
    run, features = predictions()
    classifier = read_bundle("lumbar-mr-degeneration")
    done = pack_weigher(configuration("disc-findings"), [run], classifier, features, tmp_path)
    weigher, bundle = ModelStore().weigher(done.folder.name, str(tmp_path))
    assert "herniation" in bundle.findings
    assert set(bundle.findings) == {name for name, losses in done.losses.items() if helps(*losses)} < set(FINDINGS)
    assert (weigher.classifier, weigher.weights) == (classifier.name, classifier.sha256)
    document = json.loads((done.folder / METADATA).read_text(encoding="utf-8"))
    assert document["training"]["patients"] == 30
    assert set(document["training"]["log_loss"]) == set(FINDINGS)
    assert document["options"]["calibration"]["herniation"]["coverage"].keys() == set(finding("herniation").class_names)
    assert "| Disc herniation |" in (done.folder / CARD).read_text(encoding="utf-8")
    assert "weighed with the masks" in done.run.title and not done.run.calibrated
    assert "| Disc bulging |" in done.text and "as it is" in done.text


def test_a_shipped_bundle_states_the_gain_of_weighing_for_each_finding() -> None:
    bundle = read_bundle("lumbar-mr-disc-findings")
    document = json.loads((bundle.folder / METADATA).read_text(encoding="utf-8"))
    losses = {name: (item["own"], item["weighed"]) for name, item in document["training"]["log_loss"].items()}
    assert set(losses) == set(FINDINGS)
    assert {name for name, pair in losses.items() if helps(*pair)} == set(bundle.findings)


def test_predictions_without_any_segmented_disc_are_refused_with_a_sentence(tmp_path: Path) -> None:
    run, _ = predictions(4)
    with pytest.raises(InputError, match="no out-of-fold findings of lumbar-mr-degeneration"):
        pack_weigher(configuration("disc-findings"), [run], read_bundle("lumbar-mr-degeneration"), {}, tmp_path)


def test_if_weighing_helps_no_finding_no_bundle_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, features = predictions()
    monkeypatch.setattr(finding_weights_bundle, "LEAST_GAIN", 0.99)
    with pytest.raises(InputError, match="helps for no finding"):
        pack_weigher(configuration("disc-findings"), [run], read_bundle("lumbar-mr-degeneration"), features, tmp_path)
    assert not any(tmp_path.iterdir())
