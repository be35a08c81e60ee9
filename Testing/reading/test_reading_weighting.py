"""Tissue contrast from timing, or from the description if the header states no timing."""

from __future__ import annotations

from typing import Any

import pytest

from SpinalDiseaseAILib.reading.slices import Acquisition
from SpinalDiseaseAILib.reading.weighting import Evidence, Weighting, judge

SE = ("SE",)
W = Weighting


def acquisition(repetition: float | None = None, echo: float | None = None, **other: Any) -> Acquisition:
    return Acquisition(repetition_time=repetition, echo_time=echo, **{"scanning_sequence": SE, **other})


def case(given: Acquisition, weighting: Weighting, name: str) -> object:
    return pytest.param(given, weighting, id=name)


@pytest.mark.parametrize(
    ("given", "weighting"),
    [
        case(acquisition(3600, 110), W.T2, "turbo spin echo T2"),
        case(acquisition(2100, 80), W.T2, "T2 of a short protocol"),
        case(acquisition(1000, 124, three_dimensional=True), W.T2, "T2 SPACE at a short repetition"),
        case(acquisition(600, 11), W.T1, "T1"),
        case(acquisition(745, 14, fat_suppressed=True), W.FAT_SUPPRESSED_T1, "T1 with fat saturation"),
        case(acquisition(3600, 110, fat_suppressed=True), W.FAT_SUPPRESSED_T2, "T2 with fat saturation"),
        case(acquisition(3600, 110, image_type=("DERIVED", "PRIMARY", "W")), W.FAT_SUPPRESSED_T2, "Dixon water"),
        case(acquisition(4000, 70, inversion_time=160), W.STIR, "STIR by inversion time"),
        case(acquisition(4000, 70, scanning_sequence=("SE", "IR")), W.STIR, "inversion recovery, time unknown"),
        case(acquisition(4000, 70, sequence_name="*tir2d1_18"), W.STIR, "turbo inversion recovery by its name"),
        case(acquisition(2500, 12, inversion_time=860, scanning_sequence=("SE", "IR")), W.T1, "T1 FLAIR"),
        case(acquisition(9000, 110, inversion_time=2500), W.FLAIR, "FLAIR"),
        case(acquisition(3000, 30), W.PROTON_DENSITY, "proton density"),
        case(acquisition(8000, 900), W.MYELOGRAM, "myelogram"),
        case(acquisition(600, 15, scanning_sequence=("GR",)), W.GRADIENT_ECHO, "gradient echo"),
        case(acquisition(4000, 80, scanning_sequence=("EP", "SE")), W.DIFFUSION, "echo planar"),
        case(acquisition(3600, 110, contrast="STIR"), W.STIR, "what an enhanced object states"),
        case(acquisition(3600, 110, contrast="T2"), W.T2, "T2 that an enhanced object states"),
        case(acquisition(text="SAG T2 TSE"), W.T2, "T2 by description"),
        case(acquisition(text="t1_tse_sag_320"), W.T1, "T1 by description"),
        case(acquisition(text="T2W_TSE-SAG"), W.T2, "T2W by description"),
        case(acquisition(text="SAG T2 TSE STIR"), W.STIR, "STIR by description"),
        case(acquisition(text="sag t2 fs"), W.FAT_SUPPRESSED_T2, "fat saturation by description"),
        case(acquisition(3600, 110, text="t2 stir sag"), W.STIR, "STIR by description where timing is that of T2"),
        case(acquisition(3600, 110, text="t1 sag"), W.T2, "timing against description"),
        case(acquisition(text="survey"), W.UNKNOWN, "nothing tells"),
    ],
)
def test_the_weighting_of(given: Acquisition, weighting: Weighting) -> None:
    assert judge(given).weighting is weighting


def test_the_reason_quotes_the_numbers_that_it_is_based_on() -> None:
    assert judge(acquisition(3600, 110)).because == "TR 3600 ms and TE 110 ms indicate T2 weighting"


def test_timing_is_better_evidence_than_a_description_and_a_description_than_none() -> None:
    evidence = [judge(item).evidence for item in (acquisition(3600, 110), acquisition(text="t2 sag"), acquisition())]
    assert evidence == [Evidence.TIMING, Evidence.DESCRIPTION, Evidence.NONE]
