"""The table of measurements of a result."""

from dataclasses import replace

import numpy as np
import pytest
import vtk
from scene_examples import make_report, make_study

from SpinalDiseaseAILib.base.quantities import Measurement
from SpinalDiseaseAILib.scene.corrections import renumberResult
from SpinalDiseaseAILib.scene.mrb import read_scene, write_scene
from SpinalDiseaseAILib.scene.results import resultFromNode, resultsInScene, writeReport

SPINE = (Measurement("lordosis_l1_s1", 47.6),)


def measured(value=8.44):
    """A report whose discs have a height, and a slip that could not be measured."""
    report = make_report()
    entries = (Measurement("disc_height_middle", value), Measurement("slip", None, "S1 has no mask."))
    structures = tuple(replace(item, measurements=entries if "-" in item.name else ()) for item in report.structures)
    return replace(report, structures=structures, measurements=SPINE)


@pytest.fixture
def table(scene, t2_node):
    return writeReport(measured(), scene, t2_node).measurementsNode


def column(table, name):
    array = table.GetTable().GetColumnByName(name)
    return [array.GetValue(row) for row in range(array.GetNumberOfValues())]


def test_there_is_one_row_per_structure_and_quantity_and_the_spine_is_last(table):
    rows = list(zip(column(table, "level"), column(table, "measurement"), strict=True))
    assert rows[:2] == [("T12-L1", "Disc height, middle"), ("T12-L1", "Slip over the next vertebra")]
    assert rows[-1] == ("Lumbar spine", "Lumbar lordosis, L1 to S1")
    assert len(rows) == 6 * 2 + 1


def test_values_are_numbers_with_a_unit_and_missing_ones_have_a_reason(table):
    assert table.GetTable().GetColumnByName("value").IsA("vtkDoubleArray")
    assert table.GetColumnType("value") == vtk.VTK_DOUBLE
    assert column(table, "value")[0] == pytest.approx(8.44) and column(table, "unit")[0] == "mm"
    assert np.isnan(column(table, "value")[1]) and column(table, "reason")[1] == "S1 has no mask."
    assert column(table, "value")[-1] == pytest.approx(47.6) and column(table, "unit")[-1] == "deg"


def test_the_table_is_found_from_any_node_of_the_result_and_is_locked(table):
    assert resultFromNode(table).measurementsNode is table
    assert table.GetLocked()


def test_a_result_without_measurements_has_no_table(result):
    assert result.measurementsNode is None


def test_a_new_analysis_updates_the_same_table(scene, t2_node, table):
    again = writeReport(measured(9.5), scene, t2_node)
    assert again.measurementsNode is table
    assert column(table, "value")[0] == pytest.approx(9.5)


def test_another_numbering_renames_the_table_and_drops_values_that_no_longer_apply(table):
    renumberResult(resultFromNode(table).reportNode, -1)
    assert column(table, "level")[0] == "T11-T12"
    assert np.isnan(column(table, "value")[-1]), "an angle from L1 to S1 is one between other vertebrae now"
    assert "S1" not in column(table, "reason")[1]


def test_a_saved_scene_restores_the_table(tmp_path):
    write_scene(measured(), make_study(), tmp_path / "scene.mrb")
    (result,) = resultsInScene(read_scene(tmp_path / "scene.mrb"))
    assert column(result.measurementsNode, "value")[0] == pytest.approx(8.44)
    assert np.isnan(column(result.measurementsNode, "value")[1])
    assert result.measurementsNode.GetColumnDescription("value")
