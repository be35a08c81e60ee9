"""The results in the panel: rows for levels with bars, filter, columns, the point of a row, the sentence and the chart."""

import pytest
import slicer
from panel_helpers import bar, cells, drag, finding_rows, index_of, levels, points_of
from scene_examples import finding, make_report
from standins.python_qt import QT, unwrap

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.report import FindingResult, StructureResult
from SpinalDiseaseAILib.scene.results import writeReport


def show(panel, nodes, structures):
    """Show a report with these structures."""
    report = make_report()
    result = writeReport(type(report)(**{**vars(report), "structures": tuple(structures)}), nodes[0].GetScene(), *nodes)
    panel.parameterNode.report = result.reportNode


def test_every_level_has_a_row_with_its_worst_finding_and_a_bar(panel):
    assert levels(panel) == list(KEY_POINTS)
    assert cells(panel, 1)[:2] == ["disc", "vertebra"]
    assert cells(panel, 2)[:2] == ["bulging", "not assessed"]
    assert (bar(panel, "T12-L1"), bar(panel, "L1")) == (85, None)


def test_a_bar_says_in_words_what_it_shows(panel):
    widget = panel.ui.levelTable.cellWidget(0, 3)
    assert widget.accessibleName == "Probability at T12-L1: 85 %"
    assert widget.toolTip == "bulging: 85 %"


def test_the_most_severe_finding_is_shown_before_a_more_probable_one(panel_of, nodes):
    panel = panel_of()
    disc = StructureResult("L4-L5", (0, 0, 0), 0.9, (finding("pfirrmann", "5", 0.6), finding("bulging", "present", 0.99)))
    show(panel, nodes, [disc])
    assert cells(panel, 2) == ["Pfirrmann 5"] and bar(panel, "L4-L5") == 60


def test_a_bar_disappears_and_reappears_with_the_grade_of_its_level(panel_of, nodes):
    panel = panel_of()
    graded = StructureResult("L4-L5", (0, 0, 0), 0.9, (finding("bulging", "present", 0.7),))
    for structure, percent in ((graded, 70), (StructureResult("L4-L5", (0, 0, 0), 0.9), None), (graded, 70)):
        show(panel, nodes, [structure])
        assert bar(panel, "L4-L5") == percent
    assert not panel.ui.levelTable.cellWidget(0, 3).isHidden()


def test_a_level_without_an_abnormal_finding_says_how_sure_that_is(panel_of, nodes):
    panel = panel_of()
    disc = StructureResult("L4-L5", (0, 0, 0), 0.9, (finding("pfirrmann", "2", 0.8), finding("bulging", "absent", 0.9)))
    show(panel, nodes, [disc])
    assert cells(panel, 2) == ["nothing abnormal"] and bar(panel, "L4-L5") == 90


@pytest.mark.parametrize(
    "result",
    [
        finding("pfirrmann", "4", 0.45),
        FindingResult("bulging", {"absent": 0.2, "present": 0.8}, "model", plausible=("absent", "present"), coverage=0.9),
    ],
    ids=["less probable than asked for", "every class plausible"],
)
def test_a_finding_with_inconclusive_images_is_marked_not_sure(panel_of, nodes, result):
    panel = panel_of()
    show(panel, nodes, [StructureResult("L4-L5", (0, 0, 0), 0.9, (result,))])
    assert cells(panel, 2)[0].endswith(", not sure")


def test_another_row_can_be_selected_after_the_table_was_filled_again(panel):
    panel.ui.levelTable.selectRow(levels(panel).index("L4-L5"))
    panel.ui.unsureSpinBox.value = 0.9
    assert panel.parameterNode.selectedLevel == "L4-L5"
    panel.ui.levelTable.selectRow(levels(panel).index("L2-L3"))
    assert panel.parameterNode.selectedLevel == "L2-L3"


def test_the_threshold_for_not_sure_is_set_under_advanced(panel):
    panel.ui.unsureSpinBox.value = 0.9
    assert cells(panel, 2)[0] == "bulging, not sure"
    assert panel.parameterNode.unsureBelow == 0.9


def test_a_table_that_is_already_shown_is_not_rebuilt(panel):
    """Otherwise its reader would lose the place, and the application time, at every event in the scene."""
    panel.ui.levelTable.item(0, 2).setText("as it was built")
    panel.refresh()
    panel.parameterNode.slices = 5
    assert cells(panel, 2)[0] == "as it was built"
    panel.ui.unsureSpinBox.value = 0.9
    assert cells(panel, 2)[0] == "bulging, not sure", "another limit is another table"


def test_abnormal_only_hides_the_rest_and_its_threshold_can_be_lowered(panel_of, nodes):
    panel = panel_of()
    discs = [
        StructureResult(name, (0, 0, 0), 0.9, (finding("bulging", "present", probability),))
        for name, probability in (("L3-L4", 0.3), ("L4-L5", 0.9), ("L5-S1", 0.1))
    ]
    show(panel, nodes, discs)
    panel.ui.abnormalOnlyCheckBox.checked = True
    assert levels(panel) == ["L4-L5"]
    panel.ui.thresholdSpinBox.value = 0.25
    assert levels(panel) == ["L3-L4", "L4-L5"]
    assert (panel.parameterNode.abnormalOnly, panel.parameterNode.abnormalFrom) == (True, 0.25)


def test_chosen_findings_get_their_own_columns(panel):
    table, actions = panel.ui.levelTable, panel.results._menu.actions()
    assert [action.text for action in actions] == ["Pfirrmann grade", "Disc bulging"]
    assert len(unwrap(panel.ui.columnsButton).menu().actions()) == 2
    actions[0].trigger()
    assert table.columnCount == 5
    assert table.horizontalHeaderItem(4).text() == "Pfirrmann grade"
    assert cells(panel, 4)[:2] == ["Pfirrmann 4 (0.70)", ""]
    actions[0].trigger()
    assert table.columnCount == 4


def test_a_row_shows_its_level_in_the_slice_views_and_its_point_in_another_colour(panel, scene):
    view = scene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    view.SetOrientation("Axial")
    panel.ui.levelTable.selectRow(levels(panel).index("L4-L5"))
    points = points_of(panel)
    index = index_of(points, "L4-L5")
    assert view.GetSliceToRAS().GetElement(2, 3) == pytest.approx(points.GetNthControlPointPositionWorld(index)[2])
    selected = [i for i in range(points.GetNumberOfControlPoints()) if points.GetNthControlPointSelected(i)]
    assert selected == [index]


def test_no_point_is_highlighted_before_a_row_is_chosen(panel):
    points = points_of(panel)
    assert not any(points.GetNthControlPointSelected(i) for i in range(points.GetNumberOfControlPoints()))


def test_a_click_on_a_point_selects_its_row(panel):
    points = points_of(panel)
    points.GetDisplayNode().SetActiveControlPoint(index_of(points, "L3-L4"))
    points.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    (row,) = panel.ui.levelTable.selectionModel().selectedRows()
    assert levels(panel)[row.row()] == "L3-L4"
    assert panel.parameterNode.selectedLevel == "L3-L4"


def test_a_click_on_a_point_whose_row_is_filtered_away_changes_nothing(panel):
    panel.ui.abnormalOnlyCheckBox.checked = True
    points = points_of(panel)
    points.GetDisplayNode().SetActiveControlPoint(index_of(points, "L3"))
    points.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    assert panel.parameterNode.selectedLevel == ""


def test_the_sentence_names_what_is_abnormal_and_is_copied(panel, qt_application):
    text = panel.ui.summaryLabel.text
    assert text.startswith("Lumbar spine MR: T12-L1 disc: Pfirrmann 4 0.70, bulging 0.85; L1-L2 disc:")
    assert "for research only" in text and "\n" not in text
    panel.ui.copySummaryButton.click()
    assert QT.QApplication.clipboard().text() == text
    assert panel.ui.statusLabel.text == "The sentence is on the clipboard."


def test_the_sentence_says_what_is_normal_too(panel_of, nodes):
    panel = panel_of()
    discs = [
        StructureResult(name, (0, 0, 0), 0.9, (finding("bulging", value),))
        for name, value in (("L4-L5", "present"), ("L5-S1", "absent"))
    ]
    show(panel, nodes, discs)
    assert "Nothing abnormal at L5-S1." in panel.ui.summaryLabel.text
    show(panel, nodes, discs[1:])
    assert "nothing abnormal found" in panel.ui.summaryLabel.text


def test_the_sentence_of_a_result_without_any_grade_does_not_say_that_nothing_abnormal_was_found(panel_of, nodes):
    """For example after a reader deleted every disc."""
    panel = panel_of()
    for structures in ((), (StructureResult("L4", (0, 0, 0), 0.9),)):
        show(panel, nodes, structures)
        assert "no level was graded" in panel.ui.summaryLabel.text and "abnormal" not in panel.ui.summaryLabel.text


def test_the_chart_shows_each_finding_level_by_level_and_follows_the_result(panel, wait_until, scene):
    panel.ui.chartButton.click()
    charts = scene.GetNodesByClass("vtkMRMLPlotChartNode")
    charts.UnRegister(None)
    assert charts.GetNumberOfItems() == 1
    chart = charts.GetItemAsObject(0)
    assert chart.GetNumberOfPlotSeriesNodes() == 2
    table = chart.GetNthPlotSeriesNode(0).GetTableNode().GetTable()
    values = table.GetColumnByName("Pfirrmann grade")
    level = [table.GetColumnByName("level").GetValue(row) for row in range(table.GetNumberOfRows())].index("L4-L5")
    assert values.GetValue(level) == pytest.approx(0.7 + 0.3 / 4)
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    wait_until(lambda: "follows" in panel.ui.statusLabel.text)
    assert values.GetValue(level) != table.GetColumnByName("Pfirrmann grade").GetValue(level)


def test_the_chart_is_shown_in_the_layout(panel, monkeypatch):
    shown = []
    logic = type("Logic", (), {"ShowChartInLayout": shown.append})
    monkeypatch.setattr(slicer.modules.plots, "logic", lambda: logic)
    panel.ui.chartButton.click()
    assert [node.GetClassName() for node in shown] == ["vtkMRMLPlotChartNode"]


def test_without_a_result_every_button_says_that_a_study_is_to_be_analyzed(panel_of):
    panel = panel_of()
    for name in (
        "copySummaryButton",
        "chartButton",
        "columnsButton",
        "abnormalOnlyCheckBox",
        "exportButton",
        "deletePointButton",
    ):
        widget = getattr(panel.ui, name)
        assert not widget.enabled and widget.toolTip == "Analyze a study first.", name
    assert levels(panel) == []


def test_the_result_selector_offers_only_results(panel, scene):
    scene.AddNewNodeByClass("vtkMRMLTextNode", "Notes")
    assert panel.ui.reportSelector.nodeCount() == 1
    panel.ui.reportSelector.setCurrentNode(None)
    assert panel.parameterNode.report is None and levels(panel) == [] and finding_rows(panel) == 0
