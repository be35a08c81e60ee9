"""Mild, moderate or severe: sums of Pfirrmann probabilities, masks, and both."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from SpinalDiseaseAILib.base.anatomy import DEGENERATION_OF_PFIRRMANN, finding
from SpinalDiseaseAILib.models.disc_grade_model import DiscGradeModel
from SpinalDiseaseAILib.steps.disc_grades import CLASSES, LEVELS, DiscGrader, summed
from SpinalDiseaseAILib.steps.measurements.disc_features import FEATURES

PFIRRMANN = {"1": 0.1, "2": 0.3, "3": 0.4, "4": 0.15, "5": 0.05}
BRIGHT = np.full(len(FEATURES), 1.0)


@pytest.fixture
def model() -> DiscGradeModel:
    """A regression in which every feature raises the probability of mild."""
    network = DiscGradeModel(len(FEATURES), len(LEVELS), len(CLASSES))
    with torch.no_grad():
        network.masks.weight.zero_()
        network.masks.bias.zero_()
        network.masks.weight[0, : len(FEATURES)] = 0.3
    return network.eval()


def grader(model: DiscGradeModel, variant: str = "both") -> DiscGrader:
    return DiscGrader(model, variant, "region", "lumbar-mr-disc-grade")


def test_every_pfirrmann_grade_has_a_grade_of_degeneration_and_the_order_is_kept() -> None:
    grades = [CLASSES.index(DEGENERATION_OF_PFIRRMANN[key]) for key in finding("pfirrmann").class_names]
    assert grades == [0, 0, 1, 2, 2]


def test_probabilities_of_pfirrmann_grades_are_summed() -> None:
    assert np.exp(summed(PFIRRMANN)) == pytest.approx([0.4, 0.4, 0.2])


def test_a_grade_with_probability_zero_has_a_finite_logarithm() -> None:
    assert np.isfinite(summed({"1": 1.0, "2": 0.0, "3": 0.0, "4": 0.0, "5": 0.0})).all()


def test_the_region_variant_alone_gives_the_sums(model: DiscGradeModel) -> None:
    found = grader(model, "region").grade({"L4-L5": PFIRRMANN}, {"L4-L5": BRIGHT})
    assert list(found["L4-L5"].probabilities.values()) == pytest.approx([0.4, 0.4, 0.2], abs=1e-6)


def test_a_bright_disc_in_the_masks_shifts_the_grade_to_mild(model: DiscGradeModel) -> None:
    found = grader(model).grade({"L4-L5": PFIRRMANN}, {"L4-L5": BRIGHT})
    assert found["L4-L5"].predicted == ("mild",)
    assert found["L4-L5"].probabilities["mild"] > 0.5


def test_a_disc_that_cannot_be_measured_has_the_grade_from_the_region_network(model: DiscGradeModel) -> None:
    found = grader(model).grade({"L4-L5": PFIRRMANN, "L5-S1": PFIRRMANN}, {"L4-L5": BRIGHT})
    assert list(found["L5-S1"].probabilities.values()) == pytest.approx([0.4, 0.4, 0.2], abs=1e-6)
    assert found["L4-L5"].probabilities != found["L5-S1"].probabilities


def test_probabilities_of_every_variant_sum_to_one_and_name_their_model(model: DiscGradeModel) -> None:
    by_variant = grader(model).probabilities({"L4-L5": PFIRRMANN}, {"L4-L5": BRIGHT})
    assert set(by_variant) == {"region", "masks", "both"}
    assert all(values["L4-L5"].sum() == pytest.approx(1) for values in by_variant.values())
    result = grader(model).grade({"L4-L5": PFIRRMANN}, {})["L4-L5"]
    assert (result.name, result.model) == ("degeneration", "lumbar-mr-disc-grade")


def test_a_vertebra_and_a_study_without_discs_have_no_grade(model: DiscGradeModel) -> None:
    assert grader(model).grade({"L4": PFIRRMANN}, {}) == {}
    assert grader(model).grade({}, {}) == {}


def test_an_unknown_variant_or_one_that_needs_masks_where_there_are_none_is_refused(model: DiscGradeModel) -> None:
    with pytest.raises(ValueError, match="cannot be used"):
        DiscGrader(model, "neither", "region", "m")
    with pytest.raises(ValueError, match="cannot be used"):
        DiscGrader(model, "both", "masks", "m")
