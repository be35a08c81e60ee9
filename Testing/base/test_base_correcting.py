"""A reader's corrections: recorded, in order, and carried over to a new analysis."""

from __future__ import annotations

from dataclasses import replace

import pytest

from SpinalDiseaseAILib.base.correcting import carried_over, shift_of, with_other_numbering, with_point, without_point
from SpinalDiseaseAILib.base.corrections import ADDED, MOVED, REMOVED, RENUMBERED, Correction
from SpinalDiseaseAILib.base.json_io import report_from_json, report_to_json
from SpinalDiseaseAILib.base.numbering import NOTE_CODE
from SpinalDiseaseAILib.base.report import Numbering, Report, StructureResult

WHEN, LATER = "2026-01-02T03:04:05+00:00", "2026-01-02T03:05:00+00:00"


@pytest.fixture
def report() -> Report:
    names = ("L3", "L3-L4", "L4", "L4-L5", "L5", "L5-S1")
    structures = tuple(StructureResult(name, (0.0, 0.0, -17.0 * index), 0.9) for index, name in enumerate(names))
    return Report("lumbar-mr", structures, (Numbering(0, 0.9, "as reported"),), (), ())


def moved(name: str) -> StructureResult:
    return StructureResult(name, (1.0, 2.0, 3.0), 1.0, manual=True)


def kinds(report: Report) -> list[tuple[str, str]]:
    return [(item.kind, item.structure) for item in report.corrections]


def test_a_moved_point_stands_in_the_report_and_is_recorded(report: Report) -> None:
    result = with_point(report, moved("L4"), WHEN)
    assert result.structure("L4") == moved("L4")
    assert result.corrections == (Correction(MOVED, "L4", "reader", WHEN),)
    assert [item.name for item in result.structures] == [item.name for item in report.structures]


def test_a_point_that_was_moved_twice_is_recorded_once_with_the_later_time(report: Report) -> None:
    result = with_point(with_point(report, moved("L4"), WHEN), moved("L4"), LATER)
    assert result.corrections == (Correction(MOVED, "L4", "reader", LATER),)


@pytest.mark.parametrize(("name", "place"), [("L2-L3", 0), ("L6", 5), ("S1", 6)])
def test_an_added_structure_comes_to_its_place_from_cranial_to_caudal(report: Report, name: str, place: int) -> None:
    result = with_point(report, moved(name), WHEN)
    assert [item.name for item in result.structures].index(name) == place
    assert kinds(with_point(result, moved(name), LATER)) == [(ADDED, name)]


def test_a_removed_structure_is_left_out_and_recorded(report: Report) -> None:
    result = without_point(report, "L3", WHEN)
    assert result.structure("L3") is None and kinds(result) == [(REMOVED, "L3")]
    assert kinds(with_point(result, moved("L3"), LATER)) == [(ADDED, "L3")]


def test_renumbering_moves_the_names_of_earlier_corrections_too(report: Report) -> None:
    result, names = with_other_numbering(with_point(report, moved("L4"), WHEN), -1, LATER)
    assert names["L4"] == "L3"
    assert kinds(result) == [(MOVED, "L3"), (RENUMBERED, "")]
    assert shift_of(result) == -1


def test_renumbering_there_and_back_leaves_no_trace(report: Report) -> None:
    there, _ = with_other_numbering(report, -1, WHEN)
    back, _ = with_other_numbering(there, 1, LATER)
    assert back.structures == report.structures
    assert back.corrections == () and not [note for note in back.notes if note.code == NOTE_CODE]


def test_a_new_analysis_takes_over_what_a_reader_corrected(report: Report) -> None:
    corrected, _ = with_other_numbering(without_point(with_point(report, moved("L4"), WHEN), "L3", WHEN), -1, LATER)
    fresh = replace(report, structures=tuple(replace(item, confidence=0.5) for item in report.structures))
    result = carried_over(fresh, corrected)
    assert {item.name: item.confidence for item in result.structures} == {
        "L2-L3": 0.5, "L3": 1.0, "L3-L4": 0.5, "L4": 0.5, "L4-L5": 0.5
    }  # fmt: skip
    assert set(result.corrections) == set(corrected.corrections)


def test_corrections_go_through_json_and_older_reports_have_none(report: Report) -> None:
    corrected = with_point(report, moved("L4"), WHEN)
    assert report_from_json(report_to_json(corrected)) == corrected
    old = report_to_json(report).replace('"corrections": []', '"unused": 0')
    assert report_from_json(old).corrections == ()


def test_a_correction_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="guessed"):
        Correction("guessed", "L4", "reader", WHEN)
