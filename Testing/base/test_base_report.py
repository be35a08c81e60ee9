from __future__ import annotations

import dataclasses

import pytest

from SpinalDiseaseAILib.base.report import DISCLAIMER, FindingResult, Report, StructureResult


def disc_disease(**probabilities: float) -> FindingResult:
    """A result in which classes that are not listed have probability zero."""
    return FindingResult("disc_disease", {f"v{n}": probabilities.get(f"v{n}", 0.0) for n in range(1, 6)}, "m")


def test_of_exclusive_classes_the_most_probable_one_is_predicted() -> None:
    result = FindingResult("pfirrmann", {"1": 0.1, "2": 0.1, "3": 0.45, "4": 0.3, "5": 0.05}, "m")
    assert (result.predicted, result.confidence, result.abnormal) == (("3",), 0.45, False)


def test_every_class_at_one_half_or_above_is_predicted_if_several_can_apply() -> None:
    result = disc_disease(v2=0.9, v3=0.2, v5=0.5)
    assert result.predicted == ("v2", "v5")
    assert result.confidence == 0.5, "the lowest of the predicted"
    assert result.abnormal


def test_the_most_probable_class_is_predicted_if_several_can_apply_and_none_reaches_one_half() -> None:
    result = disc_disease(v1=0.4, v2=0.3)
    assert (result.predicted, result.confidence, result.abnormal) == (("v1",), 0.4, False)


def test_an_abnormal_class_makes_the_result_abnormal() -> None:
    assert FindingResult("narrowing", {"absent": 0.4, "present": 0.6}, "m").abnormal
    assert not FindingResult("narrowing", {"absent": 0.6, "present": 0.4}, "m").abnormal


def test_a_result_is_unsure_if_every_class_is_plausible() -> None:
    values = {"absent": 0.4, "present": 0.6}
    assert FindingResult("narrowing", values, "m", ("absent", "present"), 0.9).unsure
    assert not FindingResult("narrowing", values, "m", ("present",), 0.9).unsure
    assert not FindingResult("narrowing", values, "m").unsure, "a model without plausible classes says nothing of its doubt"


def test_structures_and_findings_are_looked_up_by_name(full_report: Report) -> None:
    disc = full_report.structure("L4-L5")
    assert disc is not None and disc.finding("pfirrmann") is disc.findings[0]
    assert disc.finding("modic") is None
    assert full_report.structure("L1") is None


def test_replacing_structures_leaves_the_others_and_the_order(full_report: Report) -> None:
    moved = StructureResult("L4", (5.0, 5.0, 5.0), 1.0, manual=True)
    changed = full_report.with_structures((moved,))
    assert [item.name for item in changed.structures] == [item.name for item in full_report.structures]
    assert changed.structure("L4") is moved
    assert changed.structure("L4-L5") is full_report.structure("L4-L5")
    assert full_report.structure("L4") is not moved, "the report itself does not change"


def test_a_report_is_for_research_only_if_one_model_is(full_report: Report) -> None:
    assert full_report.research_only
    assert not dataclasses.replace(full_report, models=full_report.models[:1]).research_only


def test_a_report_cannot_be_changed(full_report: Report) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        full_report.device = "cuda"  # type: ignore[misc]


def test_the_disclaimer_says_what_the_product_is_not() -> None:
    assert "not a medical device" in DISCLAIMER
