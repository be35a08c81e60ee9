"""Corrected levels are graded in the background: a reader's changes meanwhile, in this or another result, are not lost."""

import pytest
import slicer
from panel_helpers import analyze, drag, levels, points_of
from scene_examples import make_study

from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.scene.mrb import add_study
from SpinalDiseaseAILib.scene.results import reportFromNode, resultFromNode

RESTORED = "The result is as the analysis computed it."


def corrected(reportNode):
    return [item.structure for item in reportFromNode(reportNode).corrections]


@pytest.fixture
def two_results(panel, nodes, scene, wait_until):
    """The reports of two studies in one scene; the panel shows the second."""
    first = panel.parameterNode.report
    panel.ui.t2Selector.setCurrentNode(add_study(scene, make_study("9.8.7"))[Role.SAGITTAL_T2])
    panel.ui.t1Selector.setCurrentNode(None)
    return first, analyze(panel, wait_until)


@pytest.fixture
def idle(panel, wait_until, qt_application):
    """Wait until no grading is running or pending."""

    def wait():
        qt_application.processEvents()
        wait_until(lambda: not panel.logic.grading)

    return wait


def start_grading(panel, level="L4-L5"):
    position = drag(points_of(panel), level, (0, 2, 0))
    panel.corrections.follow()
    assert panel.logic.grading
    return position


# -- restoring


def test_a_result_restored_while_a_level_is_graded_stays_restored(panel, idle, errors):
    panel.ui.levelUpButton.click()
    start_grading(panel, "L3-L4")
    panel.ui.restoreButton.click()
    restored = reportFromNode(panel.parameterNode.report)
    idle()
    assert reportFromNode(panel.parameterNode.report) == restored and restored.corrections == ()
    assert panel.ui.statusLabel.text == RESTORED and errors == []


def test_a_point_that_is_dragged_just_after_restoring_is_graded(panel, idle):
    panel.ui.levelUpButton.click()
    start_grading(panel, "L3-L4")
    panel.ui.restoreButton.click()
    position = drag(points_of(panel), "L1-L2", (0, 1, 0))
    panel.corrections.follow()
    idle()
    assert corrected(panel.parameterNode.report) == ["L1-L2"]
    assert reportFromNode(panel.parameterNode.report).structure("L1-L2").position == pytest.approx(position)


# -- several results


def test_a_point_of_another_result_that_is_dragged_while_a_level_is_graded_is_graded_too(panel, two_results, idle):
    first, second = two_results
    start_grading(panel)
    panel.ui.reportSelector.setCurrentNode(first)
    drag(points_of(panel), "L2-L3", (0, 2, 0))
    panel.corrections.follow()
    idle()
    assert (corrected(second), corrected(first)) == (["L4-L5"], ["L2-L3"])


def test_a_point_of_a_result_that_is_not_shown_is_graded_once_it_is_shown(panel, two_results, idle):
    """The points of every result can be dragged in the views, whichever result the panel shows."""
    first, _ = two_results
    drag(resultFromNode(first).pointsNode, "L4-L5", (0, 2, 0))
    idle()
    assert corrected(first) == []
    panel.ui.reportSelector.setCurrentNode(first)
    idle()
    assert corrected(first) == ["L4-L5"] and "by hand" in panel.ui.levelTable.item(levels(panel).index("L4-L5"), 1).text()


def test_without_the_packages_showing_a_result_starts_no_grading(panel, two_results, idle, errors):
    first, _ = two_results
    drag(resultFromNode(first).pointsNode, "L4-L5", (0, 2, 0))
    panel.setupState.missing = ["torch"]
    panel.ui.reportSelector.setCurrentNode(first)
    idle()
    assert corrected(first) == [] and errors == []


def test_a_result_waiting_for_its_grading_may_be_deleted(panel, two_results, idle, scene, errors):
    first, second = two_results
    start_grading(panel)
    panel.ui.reportSelector.setCurrentNode(first)
    drag(points_of(panel), "L2-L3", (0, 2, 0))
    panel.corrections.follow()
    scene.RemoveNode(first)
    idle()
    assert corrected(second) == ["L4-L5"] and errors == []


def test_a_pending_grading_that_cannot_be_done_is_reported(panel, two_results, idle, scene, errors, caplog):
    first, second = two_results
    start_grading(panel)
    panel.ui.reportSelector.setCurrentNode(first)
    drag(points_of(panel), "L2-L3", (0, 2, 0))
    panel.corrections.follow()
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        scene.RemoveNode(node)
    idle()
    assert corrected(second) == ["L4-L5"] and corrected(first) == []
    assert ["no longer in the scene" in text for text in errors] == [True]
    assert caplog.text == "", "what a user can put right is no error of the program"


# -- a panel that was left


def test_kept_corrections_are_measured_in_a_new_analysis_that_ended_while_the_panel_was_left(
    panel_of, nodes, wait_until, answer, qt_application
):
    panel = panel_of("measured")
    analyze(panel, wait_until)
    report = panel.parameterNode.report
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    wait_until(lambda: "follows" in panel.ui.statusLabel.text and not panel.logic.grading)
    graded = []
    regrade = panel.logic.regrade
    panel.logic.regrade = lambda node, levels=(), *args, **named: graded.append(levels) or regrade(node, levels, *args, **named)
    answer(False)
    panel.ui.analyzeButton.click()
    panel.exit()
    wait_until(lambda: not panel.logic.running)
    assert graded == []
    panel.enter()
    wait_until(lambda: not panel.logic.grading)
    assert graded == [["L4-L5"]] and corrected(report) == ["L4-L5"]
    panel.exit()
    panel.enter()
    qt_application.processEvents()
    assert len(graded) == 1, "once is enough"


def test_entering_a_panel_with_a_manually_changed_report_is_mentioned_in_the_log(panel, idle, errors):
    panel.parameterNode.report.SetText("{}")
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    idle()
    panel.exit()
    panel.enter()
    idle()
    assert levels(panel) == [] and errors == []
    assert "not a report of this product" in panel.ui.logTextEdit.plainText
