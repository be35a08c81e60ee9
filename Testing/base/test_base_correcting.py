"""A reader's corrections: recorded, in order, and carried over to a new analysis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from SpinalDiseaseAILib.base.correcting import (
    NOT_MEASURED_AGAIN,
    carried_over,
    shift_of,
    with_graded,
    with_other_numbering,
    with_point,
    without_point,
)
from SpinalDiseaseAILib.base.corrections import ADDED, MOVED, REMOVED, RENUMBERED, Correction
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.json_io import report_from_json, report_to_json
from SpinalDiseaseAILib.base.masks import LABELS, Masks
from SpinalDiseaseAILib.base.numbering import NOTE_CODE, OTHER_LEVELS
from SpinalDiseaseAILib.base.quantities import OUT_OF_DATE, Measurement
from SpinalDiseaseAILib.base.report import ModelProvenance, Note, Numbering, Report, StructureResult

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


def test_a_moved_point_replaces_the_old_one_and_is_recorded(report: Report) -> None:
    result = with_point(report, moved("L4"), WHEN)
    assert result.structure("L4") == moved("L4")
    assert result.corrections == (Correction(MOVED, "L4", "reader", WHEN),)
    assert [item.name for item in result.structures] == [item.name for item in report.structures]


def test_a_point_that_was_moved_twice_is_recorded_once_with_the_later_time(report: Report) -> None:
    result = with_point(with_point(report, moved("L4"), WHEN), moved("L4"), LATER)
    assert result.corrections == (Correction(MOVED, "L4", "reader", LATER),)


@pytest.mark.parametrize(("name", "place"), [("L2-L3", 0), ("L6", 5), ("S1", 6)])
def test_an_added_structure_is_inserted_in_cranial_to_caudal_order(report: Report, name: str, place: int) -> None:
    result = with_point(report, moved(name), WHEN)
    assert [item.name for item in result.structures].index(name) == place
    assert kinds(with_point(result, moved(name), LATER)) == [(ADDED, name)]


def test_a_point_that_is_moved_after_another_was_added_counts_as_moved(report: Report) -> None:
    result = with_point(with_point(report, moved("L2-L3"), WHEN), moved("L4"), LATER)
    assert kinds(result) == [(ADDED, "L2-L3"), (MOVED, "L4")]


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


def test_a_new_analysis_keeps_the_corrections_of_a_reader(report: Report) -> None:
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


def area(value: float) -> tuple[Measurement, ...]:
    return (Measurement("disc_area", value), Measurement("slip", None, "L5 has no mask."))


@pytest.fixture
def measured(report: Report) -> Report:
    """A report with measurements of discs and of the lordosis."""
    structures = tuple(replace(item, measurements=area(300)) if "-" in item.name else item for item in report.structures)
    return replace(report, structures=structures, measurements=(Measurement("lordosis_l1_s1", 40.0),))


def again(name: str, value: float | None = None, beside: str = "", notes: tuple[Note, ...] = ()) -> Report:
    """The report of a regraded level, with measurements if the study was outlined."""
    item = replace(moved(name), measurements=() if value is None else area(value))
    graded = Report("lumbar-mr", (item,), (), (ModelProvenance("grades", "1", "0" * 64, "MIT"),), (), notes=notes)
    if value is None:
        return graded
    spine = (Measurement("lordosis_l1_s1", 41.0),)
    return replace(graded, measurements=spine, remeasured={beside: area(value + 1)} if beside else {})


def test_regrading_a_level_updates_its_measurements_those_of_its_neighbours_and_of_the_spine(measured: Report) -> None:
    result = with_graded(measured, again("L4-L5", 200.0, beside="L5-S1"), WHEN)
    assert [result.structure(name).measurement("disc_area").value for name in ("L3-L4", "L4-L5", "L5-S1")] == [300, 200, 201]
    assert result.structure("L5-S1").manual is False and result.measurements[0].value == 41
    assert kinds(result) == [(MOVED, "L4-L5")] and [model.name for model in result.models] == ["grades"]


def test_without_masks_the_measurements_of_the_level_say_that_they_are_out_of_date_and_what_to_do(measured: Report) -> None:
    result = with_graded(measured, again("L4-L5", notes=(NOT_MEASURED_AGAIN,)), WHEN)
    assert {item.reason for item in result.structure("L4-L5").measurements} == {OUT_OF_DATE} and "analyze" in OUT_OF_DATE
    assert all(item.value is None for item in result.structure("L4-L5").measurements)
    assert result.structure("L3-L4").measurement("disc_area").value == 300 and result.measurements[0].value == 40
    assert result.notes == (NOT_MEASURED_AGAIN,)
    assert with_graded(result, again("L5", notes=(NOT_MEASURED_AGAIN,)), WHEN).notes == (NOT_MEASURED_AGAIN,)


def test_the_lordosis_is_out_of_date_if_a_level_at_its_ends_was_corrected(measured: Report) -> None:
    result = with_graded(measured, again("L5-S1", notes=(NOT_MEASURED_AGAIN,)), WHEN)
    assert {item.reason for item in result.measurements} == {OUT_OF_DATE}


def test_out_of_date_measurements_are_repeated_with_the_next_level_once_there_are_masks_again(measured: Report) -> None:
    stale = with_graded(measured, again("L4-L5", notes=(NOT_MEASURED_AGAIN,)), WHEN)
    result = with_graded(stale, again("L3-L4", 200.0, beside="L4-L5"), LATER)
    assert result.notes == () and result.structure("L4-L5").measurement("disc_area").value == 201


def test_a_report_that_was_never_measured_gets_no_measurements_and_no_note_about_them(report: Report) -> None:
    result = with_graded(report, again("L4-L5", notes=(NOT_MEASURED_AGAIN,)), WHEN)
    assert not result.measured and result.notes == ()


def test_a_level_regraded_by_another_version_of_a_model_adds_that_version_to_the_report(report: Report) -> None:
    older = ModelProvenance("grades", "0.9", "f" * 64, "MIT")
    result = with_graded(replace(report, models=(older,)), again("L4-L5"), WHEN)
    assert [(model.name, model.version) for model in result.models] == [("grades", "0.9"), ("grades", "1")]
    assert with_graded(result, again("L3-L4"), WHEN).models == result.models


def test_a_regraded_level_gets_its_name_in_the_current_numbering(measured: Report) -> None:
    shifted, _ = with_other_numbering(measured, -1, WHEN)
    result = with_graded(shifted, again("L4-L5", 200.0, beside="L5-S1"), LATER)
    assert result.structure("L3-L4").manual and result.structure("L3-L4").measurement("disc_area").value == 200
    assert result.structure("L4-L5").measurement("disc_area").value == 201
    assert result.structure("L3-L4").measurement("slip").reason == OTHER_LEVELS, "the reason names a level by its other name"
    assert [item.reason for item in result.measurements] == [OTHER_LEVELS], "it is the lordosis between other vertebrae"


def test_a_level_without_a_name_in_the_current_numbering_is_left_out(report: Report) -> None:
    shifted, _ = with_other_numbering(report, 1, WHEN)
    result = with_graded(shifted, again("L5-S1"), LATER)
    assert [item.name for item in result.structures] == [item.name for item in shifted.structures]


def test_masks_at_the_corrected_points_get_the_names_of_the_current_numbering(measured: Report) -> None:
    labels = np.full((1, 2, 2), LABELS["L4-L5"], dtype=np.uint8)
    masks = Masks(Image(labels, np.eye(4)), {LABELS["L4-L5"]: "L4-L5"})
    shifted, _ = with_other_numbering(measured, -1, WHEN)
    result = with_graded(shifted, replace(again("L4-L5", 200.0), masks=masks), LATER)
    assert result.masks.of("L3-L4").all()
    assert with_graded(result, again("L4-L5", 200.0), LATER).masks is result.masks, "masks that did not change are not sent again"


def test_a_point_that_stays_where_the_reader_put_it_keeps_the_time_of_its_correction(measured: Report) -> None:
    first = with_graded(measured, again("L4-L5", 200.0), WHEN)
    assert with_graded(first, again("L4-L5", 200.0), LATER).corrections == (Correction(MOVED, "L4-L5", "reader", WHEN),)


def test_measurements_of_neighbouring_levels_survive_json(measured: Report) -> None:
    graded = again("L4-L5", 200.0, beside="L5-S1")
    assert report_from_json(report_to_json(graded)) == graded
    assert "remeasured" not in report_to_json(measured)
