"""Joint refinement of findings: what the correction may depend on, and what it may not."""

from __future__ import annotations

import pytest
import torch

from SpinalDiseaseAILib.models.finding_weights import FindingWeights

FINDINGS = ("pfirrmann", "narrowing")  # five classes and two
FEATURES, LEVELS = 3, 6
CODES = torch.eye(LEVELS)[:2]


@pytest.fixture
def model() -> FindingWeights:
    """A model with non-zero coefficients, so that every input matters."""
    torch.manual_seed(0)
    made = FindingWeights(FINDINGS, FEATURES, LEVELS).requires_grad_(False)
    made.correction.weight.normal_()
    made.centre.copy_(torch.tensor([1.0, 2.0, 3.0]))
    made.scale.copy_(torch.tensor([0.5, 1.0, 2.0]))
    return made


def test_an_offset_common_to_all_classes_of_a_finding_changes_nothing(model: FindingWeights) -> None:
    logits, features = torch.randn(2, 7), torch.randn(2, FEATURES)
    added = torch.tensor([3.0] * 5 + [-2.0] * 2)
    torch.testing.assert_close(model(logits + added, features, CODES), model(logits, features, CODES))


def test_features_are_clamped_at_four_standard_deviations(model: FindingWeights) -> None:
    far = model.centre + 4 * model.scale
    logits = torch.zeros(2, 7)
    torch.testing.assert_close(
        model(logits, torch.stack([far, far]), CODES), model(logits, torch.stack([100 * far, 1e6 * far]), CODES)
    )


def test_the_inputs_of_the_correction_are_clamped_at_logits_of_four(model: FindingWeights) -> None:
    features = torch.zeros(1, FEATURES)
    sure, surer = (model.centred(torch.tensor([[0.0] * 5 + [value, -value]])) for value in (4.0, 40.0))
    torch.testing.assert_close(model.inputs(sure, features, CODES[:1]), model.inputs(surer, features, CODES[:1]))


def test_findings_with_classes_that_can_apply_together_are_refused() -> None:
    with pytest.raises(ValueError, match="can hold together"):
        FindingWeights(("disc_disease",), FEATURES, LEVELS)
