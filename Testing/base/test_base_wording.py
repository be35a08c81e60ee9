"""Short texts of results."""

from __future__ import annotations

from dataclasses import replace

import pytest

from SpinalDiseaseAILib.base import anatomy
from SpinalDiseaseAILib.base.report import FindingResult, StructureResult
from SpinalDiseaseAILib.base.wording import Severity, doubt, headline, severity, short_text, summary


def result(name: str, *favourites: str, probability: float = 0.8) -> FindingResult:
    info = anatomy.finding(name)
    rest = 0.1 if not info.exclusive else (1 - probability) / (len(info.classes) - 1)
    return FindingResult(name, {key: probability if key in favourites else rest for key in info.class_names}, "model")


@pytest.mark.parametrize(
    ("finding", "favourites", "text", "level"),
    [
        ("pfirrmann", ("1",), "Pfirrmann 1", Severity.NORMAL),
        ("pfirrmann", ("3",), "Pfirrmann 3", Severity.BORDERLINE),
        ("pfirrmann", ("4",), "Pfirrmann 4", Severity.ABNORMAL),
        ("pfirrmann", ("5",), "Pfirrmann 5", Severity.SEVERE),
        ("degeneration", ("mild",), "mild degeneration", Severity.NORMAL),
        ("degeneration", ("moderate",), "moderate degeneration", Severity.BORDERLINE),
        ("degeneration", ("severe",), "severe degeneration", Severity.SEVERE),
        ("modic", ("0",), "no Modic change", Severity.NORMAL),
        ("modic", ("3",), "Modic 3", Severity.ABNORMAL),
        ("narrowing", ("absent",), "no narrowing", Severity.NORMAL),
        ("narrowing", ("present",), "narrowing", Severity.ABNORMAL),
        ("upper_endplate", ("present",), "upper endplate change", Severity.ABNORMAL),
        ("disc_disease", ("v1",), "normal", Severity.NORMAL),
        ("disc_disease", ("v2", "v5"), "bulging, Schmorl node", Severity.ABNORMAL),
        ("vertebra_disease", ("v2",), "degenerative", Severity.ABNORMAL),
    ],
)
def test_a_result_is_named_in_few_words_and_has_a_severity(
    finding: str, favourites: tuple[str, ...], text: str, level: Severity
) -> None:
    assert short_text(result(finding, *favourites)) == text
    assert severity(result(finding, *favourites)) is level


def test_every_class_of_every_finding_has_its_own_words() -> None:
    for info in anatomy.FINDINGS:
        texts = [short_text(result(info.name, name)) for name in info.class_names]
        assert len(set(texts)) == len(texts)


def test_a_summary_names_the_grade_and_what_is_abnormal() -> None:
    findings = (result("pfirrmann", "4"), result("narrowing", "present"), result("bulging", "absent"))
    structure = StructureResult("L4-L5", (0, 0, 0), 1.0, findings)
    assert summary(structure) == "Pfirrmann 4 (0.80) · narrowing 0.80"
    assert [item.name for item in headline(structure)] == ["pfirrmann", "narrowing"]


def test_other_plausible_classes_are_named_in_words() -> None:
    grade, narrowing = result("pfirrmann", "4"), result("narrowing", "present", probability=0.6)
    assert doubt(grade) == doubt(replace(grade, plausible=("4",), coverage=0.9)) == ""
    assert doubt(replace(grade, plausible=("3", "4", "5"), coverage=0.9)) == "or grade 3, grade 5"
    assert doubt(replace(narrowing, plausible=("absent", "present"), coverage=0.9)) == "not sure"


def test_a_summary_says_not_sure_if_every_class_is_plausible() -> None:
    unsure = replace(result("narrowing", "present", probability=0.6), plausible=("absent", "present"), coverage=0.9)
    assert summary(StructureResult("L4-L5", (0, 0, 0), 1.0, (unsure,))) == "narrowing 0.60, not sure"


def test_a_summary_says_when_nothing_is_abnormal_and_is_empty_when_nothing_was_assessed() -> None:
    assert summary(StructureResult("L1", (0, 0, 0), 1.0, (result("vertebra_disease", "v1"),))) == "nothing abnormal"
    assert summary(StructureResult("L1", (0, 0, 0), 1.0)) == ""
