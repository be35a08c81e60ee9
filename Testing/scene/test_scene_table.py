"""The table of findings of a result."""

from dataclasses import replace

import numpy as np
import pytest
import slicer
import vtk
from scene_examples import finding, make_report

from SpinalDiseaseAILib.scene.findingTable import PANEL_COLUMNS, levelOfRow, wideColumns
from SpinalDiseaseAILib.scene.results import writeReport


def column(result, name):
    array = result.tableNode.GetTable().GetColumnByName(name)
    return [array.GetValue(row) for row in range(array.GetNumberOfValues())]


def test_there_is_one_row_per_structure_and_finding(result):
    rows = list(zip(column(result, "level"), column(result, "finding"), strict=True))
    assert rows[:3] == [("T12-L1", "Pfirrmann grade"), ("T12-L1", "Disc bulging"), ("L1-L2", "Pfirrmann grade")]
    assert len(rows) == len(set(rows)) == 12


def test_a_row_says_the_prediction_its_confidence_and_every_class(result):
    assert column(result, "structure")[0] == "disc"
    assert column(result, "predicted")[:2] == ["grade 4", "present"]
    np.testing.assert_allclose(column(result, "confidence")[:2], [0.7, 0.85])
    assert column(result, "probabilities")[1] == "absent 0.15 · present 0.85"
    assert column(result, "model")[0] == "lumbar-mr-degeneration"


def test_a_row_gives_the_plausible_classes_and_whether_the_images_are_inconclusive(scene, t2_node):
    report = make_report()
    disc = report.structure("L5-S1")
    grade = replace(disc.findings[0], plausible=("3", "4"), coverage=0.9)
    bulging = replace(disc.findings[1], plausible=("absent", "present"), coverage=0.9)
    table = writeReport(report.with_structures((replace(disc, findings=(grade, bulging)),)), scene, t2_node)
    assert column(table, "plausible")[-2:] == ["grade 3, grade 4", "not sure"]
    assert column(table, "plausible")[0] == ""


def test_probabilities_are_numbers_class_by_class_and_sum_to_one(result):
    first = [column(result, f"p{slot}")[0] for slot in range(1, 6)]
    np.testing.assert_allclose(first, [0.075, 0.075, 0.075, 0.7, 0.075])
    assert np.isnan(column(result, "p3")[1]), "bulging has two classes"


def test_columns_are_typed_and_described(result):
    node = result.tableNode
    for name, kind in (("level", vtk.VTK_STRING), ("confidence", vtk.VTK_DOUBLE), ("p1", vtk.VTK_DOUBLE)):
        assert node.GetColumnType(name) == kind
        assert node.GetColumnDescription(name) and node.GetColumnTitle(name)
    assert node.GetColumnUnitLabel("p1") == "1"
    assert node.GetUseColumnTitleAsColumnHeader()


def test_the_numbers_cannot_be_edited_by_hand(result):
    assert result.tableNode.GetLocked()


def test_classes_that_occur_together_are_all_predicted(scene, t2_node):
    report = make_report()
    disc = replace(report.structure("L5-S1"), findings=(finding("disc_disease", "v2"),))
    both = replace(disc.findings[0], probabilities={"v1": 0.1, "v2": 0.8, "v3": 0.6, "v4": 0.1, "v5": 0.2})
    report = report.with_structures((replace(disc, findings=(both,)),))
    table = writeReport(report, scene, t2_node)
    assert column(table, "predicted")[-1] == "bulging, protrusion"
    assert column(table, "confidence")[-1] == pytest.approx(0.6)


def test_a_report_without_findings_has_an_empty_table_with_columns(scene, t2_node):
    report = make_report()
    bare = replace(report, structures=tuple(replace(item, findings=()) for item in report.structures))
    table = writeReport(bare, scene, t2_node)
    assert column(table, "level") == []
    assert "p1" not in [table.tableNode.GetColumnName(index) for index in range(table.tableNode.GetNumberOfColumns())]


def test_another_report_replaces_rows_and_columns(scene, t2_node, result):
    again = writeReport(make_report(pfirrmann="1"), scene, t2_node)
    assert again.tableNode is result.tableNode
    assert column(again, "predicted")[0] == "grade 1"
    assert again.tableNode.GetTable().GetNumberOfRows() == 12


def test_a_row_has_its_level_and_no_row_has_none(result):
    assert levelOfRow(result.tableNode, 2) == "L1-L2"
    assert levelOfRow(result.tableNode, 99) == ""


def test_a_narrow_view_shows_only_what_a_reader_needs(result):
    names = [result.tableNode.GetColumnName(index) for index in range(result.tableNode.GetNumberOfColumns())]
    left = [name for index, name in enumerate(names) if index not in wideColumns(result.tableNode)]
    assert tuple(left) == PANEL_COLUMNS


def test_the_table_reads_as_numpy_columns(result):
    assert slicer.util.arrayFromTableColumn(result.tableNode, "confidence").dtype == np.float64
