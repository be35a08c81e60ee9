"""A reader's corrections in the scene: differences between points and report, the computed report, and the chart."""

import pytest
from scene_examples import finding, make_report, make_study

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.report import StructureResult
from SpinalDiseaseAILib.scene.chart import chartOf, writeChart
from SpinalDiseaseAILib.scene.computed import computedText
from SpinalDiseaseAILib.scene.corrections import (
    applyGraded,
    applyRemoved,
    modelPoints,
    pendingChanges,
    renumberResult,
    restoreComputed,
)
from SpinalDiseaseAILib.scene.mrb import add_study, read_scene
from SpinalDiseaseAILib.scene.pointList import highlightPoint, indexOfPoint, preparePlacing, presentPoints, takeAwayPoint
from SpinalDiseaseAILib.scene.results import correctionsOf, reportFromNode, resultFromNode, resultsInScene, writeReport


@pytest.fixture
def result(scene):
    return writeReport(make_report(), scene)


def graded(*structures):
    report = make_report()
    return type(report)(**{**vars(report), "structures": structures})


def move(result, name, position):
    result.pointsNode.SetNthControlPointPositionWorld(indexOfPoint(result.pointsNode, name), *position)


def test_a_new_result_has_nothing_pending(result):
    assert not pendingChanges(result.reportNode)
    assert correctionsOf(result.reportNode) == ()


def test_moved_added_and_removed_points_are_pending_until_the_report_follows(result):
    move(result, "L4-L5", (1.0, 2.0, 3.0))
    takeAwayPoint(result.pointsNode, "L2")
    changes = pendingChanges(result.reportNode)
    assert changes.placed == {"L4-L5": (1.0, 2.0, 3.0)} and changes.removed == ("L2",)
    applyRemoved(result.reportNode, changes.removed)
    again = StructureResult("L4-L5", (1.0, 2.0, 3.0), 1.0, (finding("pfirrmann", "2"),), manual=True)
    applyGraded(result.reportNode, graded(again))
    assert not pendingChanges(result.reportNode)
    assert [(item.kind, item.structure) for item in correctionsOf(result.reportNode)] == [("removed", "L2"), ("moved", "L4-L5")]


def test_a_point_whose_label_is_not_a_structure_is_not_graded(result):
    result.pointsNode.SetFixedNumberOfControlPoints(False)
    result.pointsNode.AddControlPointWorld((1, 2, 3), "biopsy")
    assert not pendingChanges(result.reportNode)
    assert "biopsy" not in presentPoints(result.pointsNode)


def test_models_get_the_names_that_they_know(result):
    renumberResult(result.reportNode, -1)
    points, names = modelPoints(result.reportNode)
    assert names["L3-L4"] == "L4-L5"
    assert points["L4-L5"] == reportFromNode(result.reportNode).structure("L3-L4").position
    assert set(points) == set(KEY_POINTS)


def test_the_computed_report_is_kept_once_hidden_and_restored(result, scene):
    before = reportFromNode(result.reportNode)
    assert computedText(result.reportNode) == ""
    applyRemoved(result.reportNode, ("L2",))
    renumberResult(result.reportNode, -1)
    node = result.reportNode.GetNodeReference("SpinalDiseaseAI.computed")
    assert node.GetHideFromEditors() and len(resultsInScene(scene)) == 1
    restored = restoreComputed(result.reportNode)
    assert reportFromNode(restored.reportNode) == before
    assert restored.pointsNode.GetNumberOfControlPoints() == len(KEY_POINTS)
    assert not pendingChanges(restored.reportNode) and computedText(result.reportNode) == ""


def test_corrections_and_the_computed_report_survive_the_scene_file(result, scene, tmp_path):
    before = reportFromNode(result.reportNode)
    applyRemoved(result.reportNode, ("L2",))
    assert scene.WriteToMRB(str(tmp_path / "corrected.mrb"))
    loaded = read_scene(tmp_path / "corrected.mrb")
    (again,) = resultsInScene(loaded)
    assert [item.kind for item in correctionsOf(again.reportNode)] == ["removed"]
    assert reportFromNode(restoreComputed(again.reportNode).reportNode) == before


def test_a_new_report_adopts_corrections_unless_told_otherwise(scene):
    (volume,) = add_study(scene, make_study()).values()
    first = writeReport(make_report(), scene, volume)
    applyRemoved(first.reportNode, ("L2",))
    kept = writeReport(make_report(pfirrmann="3"), scene, volume)
    report = reportFromNode(kept.reportNode)
    assert report.structure("L2") is None and report.structure("L4-L5").finding("pfirrmann").predicted == ("3",)
    assert not pendingChanges(kept.reportNode)
    fresh = writeReport(make_report(), scene, volume, overwriteEdits=True)
    assert correctionsOf(fresh.reportNode) == () and computedText(fresh.reportNode) == ""
    assert reportFromNode(fresh.reportNode).structure("L2") is not None


def test_a_point_can_be_prepared_for_placing_whether_it_was_there_before_or_not(result):
    takeAwayPoint(result.pointsNode, "L2")
    index = preparePlacing(result.pointsNode, "L2")
    assert result.pointsNode.GetControlPointPlacementStartIndex() == index == indexOfPoint(result.pointsNode, "L2")
    count = result.pointsNode.GetNumberOfControlPoints()
    new = preparePlacing(result.pointsNode, "L6")
    assert result.pointsNode.GetNumberOfControlPoints() == count + 1
    assert result.pointsNode.GetFixedNumberOfControlPoints()
    assert "L6" not in presentPoints(result.pointsNode), "it has no place yet"
    result.pointsNode.SetNthControlPointPositionWorld(new, 1, 2, 3)
    assert presentPoints(result.pointsNode)["L6"] == (1, 2, 3)


def test_one_point_is_highlighted_at_a_time(result):
    node = result.pointsNode

    def selected():
        return [
            node.GetNthControlPointLabel(i) for i in range(node.GetNumberOfControlPoints()) if node.GetNthControlPointSelected(i)
        ]

    assert selected() == []
    highlightPoint(node, "L3")
    highlightPoint(node, "L4")
    assert selected() == ["L4"]
    highlightPoint(node, "")
    assert selected() == []


def test_the_chart_has_a_bar_for_each_finding_at_each_level(result, scene):
    assert chartOf(result.reportNode) is None
    report = reportFromNode(result.reportNode)
    chart = writeChart(result.reportNode, report, lambda finding: finding.confidence)
    assert chartOf(result.reportNode) is chart and chart.GetNumberOfPlotSeriesNodes() == 2
    series = chart.GetNthPlotSeriesNode(1)
    table = series.GetTableNode().GetTable()
    assert series.GetName() == "Disc bulging" and series.GetXColumnName() == "level"
    assert [table.GetColumnByName("level").GetValue(row) for row in range(6)] == [name for name in KEY_POINTS if "-" in name]
    assert table.GetColumnByName("Disc bulging").GetValue(0) == 0.85
    assert resultFromNode(result.reportNode).tableNode is not series.GetTableNode()


def test_a_chart_is_updated_and_never_duplicated(result, scene):
    report = reportFromNode(result.reportNode)
    chart = writeChart(result.reportNode, report, lambda finding: 0.1)
    fewer = graded(StructureResult("L4-L5", (0, 0, 0), 1.0, (finding("bulging", "present"),)))
    assert writeChart(result.reportNode, fewer, lambda finding: 0.2) is chart
    assert chart.GetNumberOfPlotSeriesNodes() == 1
    nodes = scene.GetNodesByClass("vtkMRMLPlotSeriesNode")
    nodes.UnRegister(None)
    assert nodes.GetNumberOfItems() == 1
