"""report.tsv: one row per structure and finding."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from SpinalDiseaseAILib.base import anatomy
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.writing.table import COLUMNS, table_of


def rows_of(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table_of(report)), delimiter="\t"))


def test_there_is_one_row_for_each_structure_and_finding(report: Report) -> None:
    found = [(row["structure"], row["finding"]) for row in rows_of(report) if row["finding"]]
    assert found == [(item.name, entry.name) for item in report.structures for entry in item.findings]


def test_a_structure_without_findings_keeps_a_row_for_its_point(report: Report) -> None:
    row = next(row for row in rows_of(report) if row["structure"] == "L3")
    assert (row["finding"], row["predicted"], row["probability_1"]) == ("", "", "")
    structure = report.structure("L3")
    assert structure is not None
    written = tuple(float(row[name]) for name in ("right_mm", "anterior_mm", "superior_mm"))
    assert written == pytest.approx(structure.position, abs=0.005)


def test_every_class_of_the_finding_has_its_probability_and_no_other_column_has_one(report: Report) -> None:
    row = next(row for row in rows_of(report) if row["structure"] == "L4-L5" and row["finding"] == "pfirrmann")
    filled = {name: float(value) for name, value in row.items() if name.startswith("probability_") and value}
    assert filled == pytest.approx({"probability_4": 0.7} | {f"probability_{grade}": 0.075 for grade in (1, 2, 3, 5)})
    assert (row["predicted"], row["text"], row["abnormal"], row["confidence"]) == ("4", "Pfirrmann 4", "1", "0.7000")


def test_plausible_classes_and_their_rate_are_in_the_row_or_empty_if_there_are_none(report: Report) -> None:
    disc = report.structure("L4-L5")
    assert disc is not None
    grade, narrowing = disc.findings
    sure = replace(grade, plausible=("3", "4"), coverage=0.9)
    unsure = replace(narrowing, plausible=("absent", "present"), coverage=0.9)
    rows = rows_of(report.with_structures((replace(disc, findings=(sure, unsure)),)))
    found = [(row["plausible"], row["coverage"], row["unsure"]) for row in rows if row["structure"] == "L4-L5"]
    assert found == [("3,4", "0.90", "0"), ("absent,present", "0.90", "1")]
    assert {(row["plausible"], row["coverage"], row["unsure"]) for row in rows if row["structure"] == "L3-L4"} == {("", "", "")}


def test_studies_without_a_uid_are_distinguished_by_the_hash_of_their_image(report: Report) -> None:
    (t2,) = report.series
    t1 = replace(t2, role="sagittal T1", sha256="0" * 64)
    for series in ((t2, t1), (t1, t2)):
        rows = rows_of(replace(report, study_uid="", series=series))
        assert {(row["study_uid"], row["image_sha256"]) for row in rows} == {("", t2.sha256)}, "of the series with the levels"


def test_every_table_has_the_same_columns_so_that_tables_can_be_joined(report: Report) -> None:
    assert table_of(report).splitlines()[0].split("\t") == list(COLUMNS)
    assert {f"probability_{name}" for info in anatomy.FINDINGS for name in info.class_names} <= set(COLUMNS)
    assert len(set(COLUMNS)) == len(COLUMNS)


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1"])
def test_no_cell_is_a_formula_whatever_an_untrusted_scene_contains(report: Report, text: str) -> None:
    structures = tuple(
        replace(item, findings=tuple(replace(entry, model=text) for entry in item.findings)) for item in report.structures
    )
    rows = rows_of(replace(report, study_uid=text, structures=structures))
    assert {row["study_uid"] for row in rows} == {f"'{text}"}
    assert {row["model"] for row in rows if row["finding"]} == {f"'{text}"}
    assert all(float(row["right_mm"]) < 1000 for row in rows)  # a minus sign before a number is not a formula
