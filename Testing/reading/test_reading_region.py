"""The body part that a series shows, judged by tags, words and sizes."""

from __future__ import annotations

import pytest

from SpinalDiseaseAILib.reading.region import wrong_region


def code(body_part: str, *texts: str, height: float = 280, coverage: float = 60) -> str:
    found = wrong_region(body_part, texts, height=height, coverage=coverage)
    return found.code if found else ""


@pytest.mark.parametrize("body_part", ["LSPINE", "SPINE", "", "LUMBAR SPINE", "MRI LWK", "TSPINE", "TLSPINE", "L-SPINE"])
def test_a_lumbar_or_undecided_body_part_is_accepted(body_part: str) -> None:
    assert code(body_part) == ""


@pytest.mark.parametrize(
    ("body_part", "expected"),
    [
        ("CSPINE", "cervical-study"),
        ("C-SPINE", "cervical-study"),
        ("CERVICAL_SPINE", "cervical-study"),
        ("NECK", "cervical-study"),
        ("HEAD", "brain-study"),
        ("BRAIN", "brain-study"),
        ("KNEE", "other-region"),
        ("HIP", "other-region"),
    ],
)
def test_another_body_part_is_refused(body_part: str, expected: str) -> None:
    assert code(body_part) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t2 c-spine sag", "cervical-study"),
        ("HWS t2 tse", "cervical-study"),
        ("t1 Brain", "brain-study"),
        ("MR THORACIC SPINE", "other-region"),
        ("T-SPINE t2 sag", "other-region"),
        ("t2_tse_sag_BWS", "other-region"),
        ("Rachis dorsal", "other-region"),
    ],
)
def test_a_description_of_another_region_is_refused(text: str, expected: str) -> None:
    assert code("", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "t2_tse_sag",
        "LWS t2",
        "T2 sag lumbar spine",
        "L-spine",
        "sag t2 384",
        "SAG T2 FRFSE",
        "T2 spine",
        "thoracolumbar spine",
        "Thoraco-lumbar",
        "MRI dorsolumbar spine",
        "T/L spine",
        "thoracic and lumbar spine",
    ],
)
def test_a_description_of_the_lumbar_spine_or_of_no_region_is_accepted(text: str) -> None:
    assert code("", text) == ""


def test_a_description_that_says_lumbar_outweighs_the_body_part_of_the_protocol_folder() -> None:
    assert code("CSPINE", "lumbar spine t2") == ""


def test_the_description_of_the_series_outweighs_that_of_the_study() -> None:
    assert code("SPINE", "c spine t2 sag", "cervical and lumbar spine") == "cervical-study"


def test_a_field_of_view_that_cannot_hold_the_lumbar_spine_is_refused_whatever_the_tags_say() -> None:
    assert code("LSPINE", "lumbar", height=140) == "field-of-view"
    assert code("LSPINE", "lumbar", height=175) == ""


def test_a_stack_with_the_width_and_height_of_a_head_is_refused_if_no_tag_names_the_region() -> None:
    assert code("", height=240, coverage=160) == "brain-study"
    assert code("", height=320, coverage=160) == ""
    assert code("LSPINE", height=240, coverage=160) == ""
