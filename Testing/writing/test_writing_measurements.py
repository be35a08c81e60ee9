"""Measurements in the files of a report: a table, a section of the page, a picture."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from SpinalDiseaseAILib.base.anatomy import Kind, structure
from SpinalDiseaseAILib.base.quantities import Measurement, Place, quantities_of
from SpinalDiseaseAILib.base.report import Report, StructureResult
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.writing import write_results
from SpinalDiseaseAILib.writing.html_report import html_of
from SpinalDiseaseAILib.writing.measurement_overlay import draw_measurements
from SpinalDiseaseAILib.writing.measurement_table import MEASUREMENT_COLUMNS, measurement_table

FILES = {"measurements.tsv", "measurements.png"}


def with_measurements(item: StructureResult) -> StructureResult:
    """Every quantity of a structure: the slip at L5-S1 cannot be measured, everything else is 12.25."""
    x, y, z = item.position
    line = ((x, y, z + 4), (x, y, z - 4))
    entries = []
    for info in quantities_of(Place.DISC if structure(item.name).kind is Kind.DISC else Place.VERTEBRA):
        if item.name == "L5-S1" and info.name == "slip":
            entries.append(Measurement(info.name, None, "S1 <has> no mask."))
        else:
            entries.append(Measurement(info.name, 12.25, lines=(line,) if info.unit == "mm" else ()))
    return replace(item, measurements=tuple(entries))


@pytest.fixture
def measured(report: Report) -> Report:
    """The report with everything measured except the slip of L5 over S1."""
    spine = (Measurement("lordosis_l1_s1", 48.4), Measurement("lordosis_l1_l5", None, "L5 has no mask."))
    return replace(report, structures=tuple(map(with_measurements, report.structures)), measurements=spine)


def rows(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(measurement_table(report)), delimiter="\t"))


def test_the_table_has_a_row_per_structure_and_quantity_with_value_and_unit(measured: Report) -> None:
    found = rows(measured)
    assert tuple(found[0]) == MEASUREMENT_COLUMNS
    assert len(found) == sum(len(item.measurements) for item in measured.structures) + 2
    (height,) = [row for row in found if (row["structure"], row["measurement"]) == ("L4-L5", "disc_height_middle")]
    assert (height["value"], height["unit"], height["reason"], height["kind"]) == ("12.25", "mm", "", "disc")
    assert height["reference"]


def test_failed_measurements_have_a_reason_and_no_value(measured: Report) -> None:
    (slip,) = [row for row in rows(measured) if (row["structure"], row["measurement"]) == ("L5-S1", "slip")]
    assert (slip["value"], slip["reason"]) == ("", "S1 <has> no mask.")


def test_measurements_of_the_whole_spine_are_in_the_table(measured: Report) -> None:
    spine = {row["measurement"]: row for row in rows(measured) if row["structure"] == "lumbar spine"}
    assert (spine["lordosis_l1_s1"]["value"], spine["lordosis_l1_s1"]["unit"]) == ("48.4", "deg")
    assert spine["lordosis_l1_l5"]["reason"] == "L5 has no mask."


def test_the_page_shows_units_values_and_reasons(measured: Report, study: Study) -> None:
    page = html_of(measured, study, b"")
    assert "Disc height, middle (mm)" in page and "Disc area, mid-sagittal (mm²)" in page
    assert '<td title="12.2 mm">12.2</td>' in page
    assert "Lumbar lordosis, L1 to S1: <strong>48°</strong>" in page
    assert "<li>L5-S1: Slip over the next vertebra. S1 &lt;has&gt; no mask.</li>" in page
    assert "<li>Lumbar lordosis, L1 to L5. L5 has no mask.</li>" in page


def test_the_page_states_a_reason_shared_by_several_levels_once_with_the_levels(measured: Report, study: Study) -> None:
    names = ("L2-L3", "L3-L4")
    lost = (Measurement("slip", None, "No."), Measurement("meyerding_grade", None, "No."))
    changed = tuple(replace(item, measurements=lost) for item in measured.structures if item.name in names)
    page = html_of(measured.with_structures(changed), study, b"")
    assert page.count("<li>L2-L3, L3-L4: Slip over the next vertebra; Meyerding grade. No.</li>") == 1


def test_the_long_words_of_headings_break_with_a_hyphen(measured: Report, study: Study) -> None:
    page = html_of(measured, study, b"")
    for word in ("antero\u00adposterior", "cerebro\u00adspinal", "Meyer\u00adding"):
        assert word in page, word


def test_the_table_distinguishes_studies_without_a_uid_like_the_table_of_findings(measured: Report) -> None:
    nameless = replace(measured, study_uid="")
    assert {row["image_sha256"] for row in rows(nameless)} == {measured.series[0].sha256}


def test_many_models_do_not_widen_the_picture_and_no_number_is_cut_off(measured: Report, study: Study) -> None:
    many = replace(measured, models=measured.models * 8)
    few, more = draw_measurements(measured, study), draw_measurements(many, study)
    assert more.width == few.width and more.height > few.height


def test_a_report_without_measurements_has_no_section_and_no_files(report: Report, study: Study, tmp_path: Path) -> None:
    assert "Measurements</h2>" not in html_of(report, study, b"")
    assert not FILES & set(write_results(report, study, tmp_path))
    assert not FILES & {path.name for path in tmp_path.iterdir()}


def test_the_files_are_written_with_the_others_and_replaced_by_a_report_without(
    measured: Report, report: Report, study: Study, tmp_path: Path
) -> None:
    assert set(write_results(measured, study, tmp_path)) >= FILES
    write_results(report, study, tmp_path)
    assert not FILES & {path.name for path in tmp_path.iterdir()}


def test_the_picture_shows_the_lines_where_they_were_measured(measured: Report, study: Study) -> None:
    without = replace(measured, structures=tuple(replace(item, measurements=()) for item in measured.structures))
    drawn, plain = (np.asarray(draw_measurements(item, study)).astype(int) for item in (measured, without))
    assert drawn.shape == plain.shape
    changed = np.abs(drawn - plain).sum(2) > 60
    assert changed.mean() > 0.002
    assert not np.array_equal(drawn, plain)


def test_the_picture_names_no_patient(measured: Report, study: Study, tmp_path: Path) -> None:
    files = write_results(measured, study, tmp_path)
    assert not [name for name in FILES if b"DOE^JANE" in files[name].read_bytes()]


def test_a_report_whose_points_are_all_at_the_border_is_drawn(measured: Report, study: Study) -> None:
    corner = tuple(float(value) for value in study.primary.image.to_ras((0, 0, 0)))
    moved = replace(measured, structures=tuple(replace(item, position=corner) for item in measured.structures))
    assert draw_measurements(moved, study).size[0] > 100
