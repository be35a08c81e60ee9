"""Findings are refined with the masks if there are masks; otherwise there are no results."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from SpinalDiseaseAILib.base.anatomy import finding
from SpinalDiseaseAILib.models.finding_weights import FindingWeights
from SpinalDiseaseAILib.steps.calibration import Calibration, Plausible
from SpinalDiseaseAILib.steps.disc_findings import MASK_FEATURES, FindingWeigher
from SpinalDiseaseAILib.steps.disc_grades import LEVELS
from SpinalDiseaseAILib.steps.heads import Heads

FINDINGS = ("herniation", "pfirrmann")
INPUTS = {name: finding(name).class_names for name in FINDINGS}
OUTPUTS = sum(map(len, INPUTS.values()))
NARROW = MASK_FEATURES.index("canal to the patient's usual canal")


@pytest.fixture
def network() -> FindingWeights:
    """A correction by which a narrow canal raises the probability of a herniation."""
    model = FindingWeights(FINDINGS, len(MASK_FEATURES), len(LEVELS)).eval()
    with torch.no_grad():
        model.correction.weight[1, OUTPUTS + NARROW] = -2.0
    return model


def weigher(network: FindingWeights, weighed: tuple[str, ...] = ("herniation",), **calibrations: Calibration) -> FindingWeigher:
    return FindingWeigher(network, Heads(INPUTS, calibrations), weighed, "lumbar-mr-degeneration", "ab" * 32, "weigher")


def features(narrow: float = 0.0) -> np.ndarray:
    values = np.zeros(len(MASK_FEATURES))
    values[NARROW] = narrow
    return values


LOGITS = np.linspace(-1.0, 1.0, OUTPUTS)


def test_features_of_the_masks_change_the_probability(network: FindingWeights) -> None:
    wide, narrow = (
        weigher(network).weigh({"L4-L5": LOGITS}, {"L4-L5": features(value)})["L4-L5"]["herniation"] for value in (0.0, -1.0)
    )
    positive = finding("herniation").class_names[1]
    assert narrow.probabilities[positive] > wide.probabilities[positive] + 0.2
    assert sum(narrow.probabilities.values()) == pytest.approx(1)


def test_only_refined_findings_are_returned_and_they_name_the_model(network: FindingWeights) -> None:
    found = weigher(network).weigh({"L4-L5": LOGITS}, {"L4-L5": features()})
    assert list(found["L4-L5"]) == ["herniation"]
    assert found["L4-L5"]["herniation"].model == "weigher"


def test_without_a_correction_the_results_of_the_network_stay(network: FindingWeights) -> None:
    found = weigher(network).weigh({"L4-L5": LOGITS}, {"L4-L5": features()})["L4-L5"]["herniation"]
    own = np.exp(LOGITS[:2]) / np.exp(LOGITS[:2]).sum()
    assert list(found.probabilities.values()) == pytest.approx(own, abs=1e-6)


def test_a_feature_that_could_not_be_measured_counts_as_average(network: FindingWeights) -> None:
    unknown = features()
    unknown[NARROW] = np.nan
    found = weigher(network).weigh({"L4-L5": LOGITS, "L5-S1": LOGITS}, {"L4-L5": unknown, "L5-S1": features()})
    assert found["L4-L5"]["herniation"].probabilities == pytest.approx(found["L5-S1"]["herniation"].probabilities)


def test_an_extreme_feature_counts_no_more_than_one_at_the_limit(network: FindingWeights) -> None:
    far, farther = (
        weigher(network).weigh({"L4-L5": LOGITS}, {"L4-L5": features(value)})["L4-L5"]["herniation"] for value in (-5.0, -500.0)
    )
    assert far.probabilities == farther.probabilities


def test_a_disc_without_features_and_a_vertebra_are_left_out(network: FindingWeights) -> None:
    found = weigher(network).weigh({"L4-L5": LOGITS, "L4": LOGITS}, {"L5-S1": features(), "L4": features()})
    assert found == {}


def test_an_offset_common_to_all_classes_of_a_finding_makes_no_difference(network: FindingWeights) -> None:
    shifted = LOGITS + np.repeat([3.0, -7.0], [2, 5])
    found, other = (weigher(network).weigh({"L4-L5": values}, {"L4-L5": features()}) for values in (LOGITS, shifted))
    assert found["L4-L5"]["herniation"].probabilities == pytest.approx(other["L4-L5"]["herniation"].probabilities, abs=1e-6)


def test_its_own_calibration_and_plausible_classes_are_applied(network: FindingWeights) -> None:
    sure = Calibration((0.0, 0.0), (0.25, 0.25), plausible=Plausible(0.9, (0.0, 0.0)))
    found = weigher(network, herniation=sure).weigh({"L4-L5": LOGITS}, {"L4-L5": features()})["L4-L5"]["herniation"]
    scaled = np.exp(4 * LOGITS[:2]) / np.exp(4 * LOGITS[:2]).sum()
    assert list(found.probabilities.values()) == pytest.approx(scaled, abs=1e-6)
    assert found.unsure and found.coverage == 0.9


@pytest.mark.parametrize("weighed", [(), ("modic",), ("herniation", "narrowing")])
def test_findings_that_the_classifier_does_not_give_are_refused(weighed: tuple[str, ...], network: FindingWeights) -> None:
    with pytest.raises(ValueError, match="cannot be weighed"):
        weigher(network, weighed)


@pytest.mark.parametrize(("findings", "words"), [(("flatness",), "no finding"), (("disc_disease",), "hold together")])
def test_unknown_findings_and_those_with_classes_that_can_apply_together_are_refused(
    findings: tuple[str, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        FindingWeights(findings, len(MASK_FEATURES), len(LEVELS))
