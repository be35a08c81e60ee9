"""A report under another numbering."""

from dataclasses import replace

import pytest

from SpinalDiseaseAILib.base import anatomy
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.numbering import description_of, renumbered_report
from SpinalDiseaseAILib.base.report import Numbering, Report, StructureResult


@pytest.fixture
def lumbar_report():
    """The 11 key points, with three numberings."""
    structures = tuple(StructureResult(name, (0.0, 0.0, -17.0 * index), 0.9) for index, name in enumerate(anatomy.KEY_POINTS))
    numberings = (Numbering(0, 0.7, "own"), Numbering(-1, 0.2, "one up"), Numbering(None, 0.1, "no sacrum in view"))
    return Report("lumbar-mr", structures, numberings, (), ())


def test_every_structure_keeps_its_place_and_its_findings_and_gets_another_name(lumbar_report):
    moved, names = renumbered_report(lumbar_report, -1)
    assert [item.name for item in moved.structures] == ["T11-T12", "T12", *anatomy.KEY_POINTS[:-2]]
    assert [replace(item, name="") for item in moved.structures] == [replace(item, name="") for item in lumbar_report.structures]
    assert names["L5-S1"] == "L4-L5"


def test_the_numberings_stay_the_same_relative_to_the_new_names(lumbar_report):
    moved, _ = renumbered_report(lumbar_report, -1)
    assert [(item.shift, item.description) for item in moved.numberings] == [
        (1, "every structure is one level lower: L4 would be L5"),
        (0, "as reported"),
        (None, "cannot number: no sacrum in view"),
    ]


@pytest.mark.parametrize(
    ("shift", "text"),
    [
        (1, "every structure is one level lower: L4 would be L5"),
        (-1, "every structure is one level higher: L5 would be L4"),
        (2, "every structure is 2 levels lower"),
        (-2, "every structure is 2 levels higher"),
    ],
)
def test_a_numbering_is_described_in_words_with_an_example_if_there_is_a_true_one(shift, text):
    assert description_of(shift) == text


def test_structures_without_a_name_in_the_new_numbering_are_left_out_and_named_in_a_note(lumbar_report):
    moved, names = renumbered_report(lumbar_report, 1)
    assert [item.name for item in moved.structures] == [*anatomy.KEY_POINTS[2:], "S1"]
    assert "L5-S1" not in names
    assert "moved by +1 level" in moved.notes[-1].text and "L5-S1 had no name" in moved.notes[-1].text


def test_a_sixth_lumbar_vertebra_is_left_out(lumbar_report):
    extra = StructureResult("L6", (0.0, 0.0, -190.0), 0.9)
    moved, _ = renumbered_report(replace(lumbar_report, structures=(*lumbar_report.structures, extra)), -1)
    assert len(moved.structures) == 11
    assert "L6 had no name" in moved.notes[-1].text


def test_a_shift_that_leaves_nothing_is_refused(lumbar_report):
    with pytest.raises(InputError, match="leaves no structure"):
        renumbered_report(lumbar_report, 20)
