from __future__ import annotations

import dataclasses
import re

import pytest
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts

from SpinalDiseaseAILib.base import anatomy
from SpinalDiseaseAILib.base.anatomy import FINDINGS, KEY_POINTS, PRIVATE_SCHEME, STRUCTURES, Code, Kind

MEANINGS = {
    value: (meaning, groups)
    for entries in concepts["SCT"].values()
    for value, (meaning, groups) in entries.items()
    if groups  # the entry that the context groups of PS3.16 use
}
"""SNOMED CT code value to its meaning in DICOM and the context groups that contain it."""

CODED = [item for item in STRUCTURES if item.code is not None]
CLASS_CODES = [(finding.name, item.name, item.code) for finding in FINDINGS for item in finding.classes]


@pytest.mark.skipif(7603 not in cid_concepts, reason="pydicom's dictionary is older than DICOM's codes of single levels")
@pytest.mark.parametrize("structure", CODED, ids=lambda item: item.name)
def test_the_code_of_a_structure_is_dicoms_own(structure: anatomy.Structure) -> None:
    assert structure.code is not None and structure.code.scheme == "SCT"
    meaning, groups = MEANINGS[structure.code.value]
    assert structure.code.meaning == meaning
    if structure.name != "S1":
        assert (7603 if structure.kind is Kind.VERTEBRA else 7604) in groups


def test_a_transitional_vertebra_and_its_discs_have_no_code() -> None:
    assert [item.name for item in STRUCTURES if item.code is None] == ["L6", "L5-L6", "L6-S1"]


@pytest.mark.parametrize(("finding", "name", "code"), CLASS_CODES, ids=lambda part: str(part))
def test_a_class_has_dicoms_code_or_one_of_the_private_scheme(finding: str, name: str, code: Code) -> None:
    if code.scheme == "SCT":
        assert code.meaning == MEANINGS[code.value][0]
    else:
        assert code.scheme == PRIVATE_SCHEME
        assert re.fullmatch(r"[A-Z0-9-]{1,16}", code.value), "DICOM allows 16 characters"


def test_one_code_never_means_two_things() -> None:
    meanings: dict[tuple[str, str], str] = {}
    for _, _, code in CLASS_CODES:
        assert meanings.setdefault((code.value, code.scheme), code.meaning) == code.meaning


def test_the_region_is_the_lumbar_spine() -> None:
    assert MEANINGS[anatomy.LUMBAR_REGION.value][0] == "Lumbar spine"


def test_structures_run_from_cranial_to_caudal_with_discs_and_vertebrae_alternating() -> None:
    names = [item.name for item in CODED]
    assert names[0] == "T11" and names[-1] == "S1"
    for vertebra, disc, following in zip(names[::2], names[1::2], names[2::2], strict=False):
        assert disc == f"{vertebra}-{following}"


def test_the_key_points_are_the_eleven_of_the_challenge() -> None:
    assert len(KEY_POINTS) == 11
    names = [item.name for item in STRUCTURES]
    start = names.index("T12-L1")
    assert list(KEY_POINTS) == names[start : start + 11]
    assert KEY_POINTS[0] == "T12-L1" and KEY_POINTS[-1] == "L5-S1"


def test_names_and_colours_are_unique_and_colours_are_in_range() -> None:
    assert len({item.name for item in STRUCTURES}) == len(STRUCTURES)
    assert len({item.colour for item in STRUCTURES}) == len(STRUCTURES)
    assert all(0 <= value <= 1 for item in STRUCTURES for value in item.colour)


@pytest.mark.parametrize(
    ("finding", "classes"),
    [
        ("pfirrmann", ("1", "2", "3", "4", "5")),
        ("degeneration", ("mild", "moderate", "severe")),
        ("modic", ("0", "1", "2", "3")),
        ("narrowing", ("absent", "present")),
        ("bulging", ("absent", "present")),
        ("herniation", ("absent", "present")),
        ("upper_endplate", ("absent", "present")),
        ("lower_endplate", ("absent", "present")),
        ("spondylolisthesis", ("absent", "present")),
        ("disc_disease", ("v1", "v2", "v3", "v4", "v5")),
        ("vertebra_disease", ("v1", "v2")),
        ("canal_stenosis", ("normal_mild", "moderate", "severe")),
        ("left_foraminal_narrowing", ("normal_mild", "moderate", "severe")),
        ("right_foraminal_narrowing", ("normal_mild", "moderate", "severe")),
        ("left_subarticular_stenosis", ("normal_mild", "moderate", "severe")),
        ("right_subarticular_stenosis", ("normal_mild", "moderate", "severe")),
    ],
)
def test_every_finding_has_its_classes_in_order(finding: str, classes: tuple[str, ...]) -> None:
    assert anatomy.finding(finding).class_names == classes


def test_there_is_no_other_finding() -> None:
    assert len(FINDINGS) == 16


def test_only_disc_diseases_can_apply_several_at_once() -> None:
    assert [item.name for item in FINDINGS if not item.exclusive] == ["disc_disease"]


def test_the_first_class_is_normal_and_the_last_is_not() -> None:
    assert all(not item.classes[0].abnormal and item.classes[-1].abnormal for item in FINDINGS)


@pytest.mark.parametrize(("name", "display"), [("L4", "L4 vertebra"), ("L4-L5", "L4-L5 disc")])
def test_a_structure_is_shown_with_its_kind(name: str, display: str) -> None:
    assert anatomy.structure(name).display == display


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError):
        anatomy.structure("L7")
    with pytest.raises(KeyError):
        anatomy.finding("scoliosis")
    with pytest.raises(KeyError, match="pfirrmann has no class '6'; its classes are 1, 2, 3, 4, 5"):
        anatomy.finding("pfirrmann").class_of("6")


@pytest.mark.parametrize(
    ("name", "shift", "moved"),
    [("L4", -1, "L3"), ("L4-L5", -1, "L3-L4"), ("L5", -1, "L4"), ("T12-L1", 1, "L1-L2"), ("L1", 1, "L2"), ("L1", 2, "L3")],
)
def test_the_numbering_moves_up_and_down_by_whole_levels(name: str, shift: int, moved: str) -> None:
    assert anatomy.renumbered(name, shift) == moved
    assert anatomy.renumbered(moved, -shift) == name == anatomy.renumbered(name, 0)


@pytest.mark.parametrize(
    ("name", "shift"), [("L5-S1", 1), ("T11", -1), ("T12-L1", -2), ("L6", 1), ("L7", 0), ("canal", 0), ("", 1)]
)
def test_structures_outside_the_table_have_no_name_in_another_numbering(name: str, shift: int) -> None:
    assert anatomy.renumbered(name, shift) == ""


def test_the_tables_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        STRUCTURES[0].name = "T10"  # type: ignore[misc]
