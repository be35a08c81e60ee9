"""Corrections in the panel: changes to points or the numbering are graded, recorded, and can be undone."""

import time
from dataclasses import replace

import pytest
from panel_helpers import analyze, cells, drag, index_of, levels, points_of

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.correcting import NOT_MEASURED_AGAIN, shift_of
from SpinalDiseaseAILib.base.corrections import Correction
from SpinalDiseaseAILib.base.quantities import OUT_OF_DATE
from SpinalDiseaseAILib.base.report import Numbering
from SpinalDiseaseAILib.scene.results import reportFromNode, resultFromNode, resultsInScene, updateReport


@pytest.fixture
def settled(panel, wait_until):
    """Wait until the result has followed the changes to the points."""
    return lambda: wait_until(lambda: "follows" in panel.ui.statusLabel.text and not panel.logic.grading)


def report(panel):
    return reportFromNode(panel.parameterNode.report)


def kinds(panel):
    return [(item.kind, item.structure, item.author) for item in report(panel).corrections]


def remember(panel):
    """A placeholder sentence that the panel must replace before `settled` returns."""
    panel.ui.statusLabel.text = ""


def test_a_dragged_point_regrades_only_its_level_and_is_recorded(panel, settled):
    before = report(panel)
    position = drag(points_of(panel), "L4-L5", (0, 2, -1))
    settled()
    after = report(panel)
    assert after.structure("L4-L5").position == pytest.approx(position)
    assert after.structure("L4-L5").manual
    assert after.structure("L4-L5").finding("pfirrmann").predicted == ("2",)
    assert [item for item in after.structures if item.name != "L4-L5"] == [
        item for item in before.structures if item.name != "L4-L5"
    ]
    assert kinds(panel) == [("moved", "L4-L5", "reader")]
    assert cells(panel, 1)[levels(panel).index("L4-L5")] == "disc, by hand"
    assert "L4-L5 moved by the reader, 20" in panel.ui.correctionsLabel.text
    assert "Corrected by a reader." in panel.ui.summaryLabel.text


def test_a_corrected_level_costs_the_application_less_than_a_third_of_a_second(panel, settled):
    """Measured as CPU time, so that a busy computer does not fail the test; the analysis process has its own benchmark."""
    started = time.process_time()
    drag(points_of(panel), "L4-L5", (0, 2, -1))
    settled()
    assert time.process_time() - started < 0.3


def test_points_and_table_stay_consistent_with_the_report(panel, settled):
    drag(points_of(panel), "L4-L5", (0, 2, -1))
    settled()
    (result,) = resultsInScene(points_of(panel).GetScene())
    table = result.tableNode.GetTable()
    found = [
        table.GetColumnByName("predicted").GetValue(row)
        for row in range(table.GetNumberOfRows())
        if table.GetColumnByName("level").GetValue(row) == "L4-L5"
    ]
    assert found == ["grade 2"]
    points = result.pointsNode
    assert "Pfirrmann 2" in points.GetNthControlPointDescription(index_of(points, "L4-L5"))
    assert points.GetNumberOfControlPoints() == 11


def test_nothing_is_graded_while_a_point_is_still_being_dragged(panel, qt_application):
    points = points_of(panel)
    points.SetNthControlPointPositionWorld(index_of(points, "L4-L5"), 1, 2, 3)
    qt_application.processEvents()
    assert not panel.logic.grading and kinds(panel) == []


def test_a_second_drag_while_the_first_is_graded_is_graded_too(panel, settled):
    points = points_of(panel)
    drag(points, "L4-L5", (0, 2, 0))
    panel.corrections.follow()
    assert panel.logic.grading
    position = drag(points, "L3-L4", (0, 1, 0))
    panel.corrections.follow()
    settled()
    assert report(panel).structure("L3-L4").position == pytest.approx(position)
    assert {item.structure for item in report(panel).corrections} == {"L4-L5", "L3-L4"}


def test_a_click_that_moves_nothing_grades_nothing(panel, qt_application):
    drag(points_of(panel), "L4-L5", (0, 0, 0))
    qt_application.processEvents()
    assert not panel.logic.grading and kinds(panel) == []


def test_a_deleted_point_removes_its_level_from_the_result(panel, settled):
    panel.ui.pointComboBox.currentIndex = panel.ui.pointComboBox.findData("L2")
    panel.ui.deletePointButton.click()
    settled()
    assert "L2" not in levels(panel) and len(levels(panel)) == 10
    assert kinds(panel) == [("removed", "L2", "reader")]
    assert not panel.ui.deletePointButton.enabled
    assert panel.ui.deletePointButton.toolTip == "L2 has no point."


def test_a_point_deleted_in_a_view_also_removes_its_level(panel, settled):
    points = points_of(panel)
    points.UnsetNthControlPointPosition(index_of(points, "L2"))
    settled()
    assert kinds(panel) == [("removed", "L2", "reader")]


def test_without_the_list_of_points_there_is_nothing_to_place_or_delete(panel, settled, scene, errors):
    panel.ui.pointComboBox.currentIndex = panel.ui.pointComboBox.findData("L4-L5")
    panel.ui.deletePointButton.click()
    settled()
    scene.RemoveNode(points_of(panel))
    panel.ui.placePointButton.click()
    panel.ui.pointComboBox.currentIndex = panel.ui.pointComboBox.findData("L2")
    panel.ui.deletePointButton.click()
    settled()
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() != interaction.Place
    assert errors == [] and kinds(panel) == [("removed", "L4-L5", "reader")]


def test_a_missing_point_is_placed_with_the_next_click_in_a_view(panel, settled, scene):
    panel.ui.pointComboBox.currentIndex = panel.ui.pointComboBox.findData("L4-L5")
    assert not panel.ui.placePointButton.enabled
    assert panel.ui.placePointButton.toolTip == "L4-L5 has a point: drag it in a view."
    panel.ui.deletePointButton.click()
    settled()
    panel.ui.placePointButton.click()
    points = points_of(panel)
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    assert interaction.GetPlaceModePersistence() == 0, "one click places one point"
    assert scene.GetNodeByID("vtkMRMLSelectionNodeSingleton").GetActivePlaceNodeID() == points.GetID()
    index = points.GetControlPointPlacementStartIndex()
    assert points.GetNthControlPointLabel(index) == "L4-L5"
    remember(panel)
    points.SetNthControlPointPositionWorld(index, 2.0, -15.0, -50.0)  # the effect of the click
    settled()
    assert report(panel).structure("L4-L5").position == (2.0, -15.0, -50.0)
    assert report(panel).structure("L4-L5").finding("pfirrmann").predicted == ("2",)
    assert kinds(panel) == [("added", "L4-L5", "reader")]
    assert levels(panel) == list(KEY_POINTS)
    assert points.GetNumberOfControlPoints() == 11


def test_a_level_that_was_never_found_can_be_placed(panel_of, nodes, wait_until):
    panel = panel_of()
    analyze(panel, wait_until)
    node = panel.parameterNode.report
    whole = reportFromNode(node)
    updateReport(node, type(whole)(**{**vars(whole), "structures": whole.structures[1:]}), overwriteEdits=True)
    box = panel.ui.pointComboBox
    box.currentIndex = box.findData("T12-L1")
    assert box.currentText == "T12-L1 (no point)"
    panel.ui.placePointButton.click()
    points = points_of(panel)
    points.SetNthControlPointPositionWorld(points.GetControlPointPlacementStartIndex(), 1.0, -20.0, 85.0)
    wait_until(lambda: "follows" in panel.ui.statusLabel.text and not panel.logic.grading)
    assert levels(panel)[0] == "T12-L1"
    assert points.GetNumberOfControlPoints() == 11


def test_one_level_up_moves_points_table_and_report_together(panel, scene):
    assert panel.ui.levelUpButton.text == "One level up (10 %)"
    panel.ui.levelTable.selectRow(levels(panel).index("L4-L5"))
    panel.ui.levelUpButton.click()
    assert levels(panel)[:3] == ["T11-T12", "T12", "T12-L1"]
    assert panel.parameterNode.selectedLevel == "L3-L4"
    points = points_of(panel)
    assert [points.GetNthControlPointLabel(index) for index in range(3)] == ["T11-T12", "T12", "T12-L1"]
    assert shift_of(report(panel)) == -1
    assert "numbering moved by -1 by the reader" in panel.ui.correctionsLabel.text
    assert "one level higher" in panel.ui.statusLabel.text
    panel.ui.levelDownButton.click()
    assert "one level lower" in panel.ui.statusLabel.text
    assert levels(panel) == list(KEY_POINTS) and kinds(panel) == []


def test_the_alternatives_and_their_probabilities_are_offered(panel):
    lines = ["90 % lowest mobile disc is L5-S1", "10 % lowest mobile disc is L4-L5"]
    assert panel.ui.numberingLabel.text.splitlines() == lines
    further = (Numbering(1, 0.03, "lowest mobile disc is L6-S1"), Numbering(None, 0.004, "no sacrum in view"))
    whole = report(panel)
    updateReport(panel.parameterNode.report, replace(whole, numberings=(*whole.numberings, *further)))
    assert panel.ui.numberingLabel.text.splitlines() == [*lines, "3 % lowest mobile disc is L6-S1"], "what is all but ruled out"
    assert panel.ui.levelUpButton.text == "One level up (10 %)" and panel.ui.levelDownButton.text == "One level down (3 %)"


def test_the_latest_corrections_are_listed_and_the_others_counted(panel):
    made = [Correction("moved", name, "reader", "2026-01-02T03:04:05+00:00") for name in KEY_POINTS[:8]]
    updateReport(panel.parameterNode.report, replace(report(panel), corrections=tuple(made)))
    lines = panel.ui.correctionsLabel.text.splitlines()
    assert lines[0] == "2 earlier corrections" and len(lines) == 7
    assert lines[-1] == f"{KEY_POINTS[7]} moved by the reader, 2026-01-02 03:04:05 UTC"


def test_a_point_is_graded_under_any_numbering(panel, settled):
    panel.ui.levelUpButton.click()
    drag(points_of(panel), "L3-L4", (0, 2, 0))
    settled()
    assert report(panel).structure("L3-L4").manual
    assert report(panel).structure("L3-L4").finding("pfirrmann").predicted == ("2",)
    assert not report(panel).structure("L4-L5").manual


def test_a_numbering_without_names_is_refused_in_a_sentence(panel, errors):
    for _ in range(12):
        panel.ui.levelUpButton.click()
        if errors:
            break
    assert "leaves no structure with a name" in errors[0]


def test_restore_computed_undoes_everything(panel, settled):
    before = report(panel)
    assert not panel.ui.restoreButton.enabled
    assert panel.ui.restoreButton.toolTip.startswith("Nothing was corrected")
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    settled()
    panel.ui.levelUpButton.click()
    panel.ui.restoreButton.click()
    assert report(panel) == before
    points = points_of(panel)
    assert points.GetNthControlPointPositionWorld(index_of(points, "L4-L5")) == pytest.approx(before.structure("L4-L5").position)
    assert not panel.ui.restoreButton.enabled and panel.ui.correctionsLabel.isHidden()


def test_a_point_outside_the_image_is_refused_and_the_report_stays(panel_of, nodes, wait_until, errors):
    panel = panel_of("refuse regrade")
    analyze(panel, wait_until)
    before = report(panel)
    drag(points_of(panel), "L4-L5", (0, 900, 0))
    wait_until(lambda: errors)
    assert errors == ["Outside the image: L4. Move the point back into the image."]
    assert report(panel) == before


def test_a_correction_without_its_volume_says_what_to_do(panel, nodes, scene, wait_until, errors):
    for node in nodes:
        scene.RemoveNode(node)
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    wait_until(lambda: errors)
    assert "no longer in the scene" in errors[0] and "Load them" in errors[0]


def test_a_new_analysis_asks_before_it_replaces_corrections(panel, settled, wait_until, answer):
    position = drag(points_of(panel), "L4-L5", (0, 2, 0))
    settled()
    asked = answer(False)
    analyze(panel, wait_until)
    assert len(asked) == 1 and "A reader corrected the result of this study (1)" in asked[0]
    assert report(panel).structure("L4-L5").position == pytest.approx(position)
    assert kinds(panel) == [("moved", "L4-L5", "reader")]
    assert "Corrections of a reader were kept: 1." in panel.ui.statusLabel.text
    answer(True)
    analyze(panel, wait_until)
    assert kinds(panel) == [] and not report(panel).structure("L4-L5").manual


def test_kept_corrections_can_still_be_undone_to_restore_the_new_analysis(panel, settled, wait_until, answer):
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    settled()
    answer(False)
    analyze(panel, wait_until)
    panel.ui.restoreButton.click()
    assert kinds(panel) == [] and report(panel).structure("L4-L5").finding("pfirrmann").predicted == ("4",)


def test_points_cannot_be_dragged_while_the_study_is_analyzed(panel, panel_of, client_of, wait_until):
    panel.logic.client = client_of("slow")
    panel.ui.analyzeButton.click()
    assert points_of(panel).GetLocked()
    assert not panel.ui.levelUpButton.enabled and panel.ui.levelUpButton.toolTip.startswith("Wait until the analysis has ended")
    panel.ui.analyzeButton.click()
    wait_until(lambda: panel.ui.analyzeButton.text == "Analyze")
    assert not points_of(panel).GetLocked()


def test_scripts_correct_in_the_same_way(module, client_of, nodes):
    logic = module.SpinalDiseaseAILogic(client=client_of("report"))
    result = logic.process(*nodes)
    position = drag(result.pointsNode, "L4-L5", (0, 2, 0))
    again = logic.regrade(result.reportNode)
    assert reportFromNode(again.reportNode).structure("L4-L5").position == pytest.approx(position)
    assert [item.kind for item in reportFromNode(again.reportNode).corrections] == ["moved"]
    assert logic.regrade(result.pointsNode, levels=["L1-L2"]).reportNode is result.reportNode
    assert reportFromNode(result.reportNode).structure("L1-L2").finding("pfirrmann").predicted == ("2",)
    logic.close()


def test_deleting_a_result_while_it_is_graded_does_no_harm(panel, scene, wait_until, errors):
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    panel.corrections.follow()
    assert panel.logic.grading
    scene.RemoveNode(panel.parameterNode.report)
    wait_until(lambda: not panel.logic.grading)
    assert errors == [] and levels(panel) == []


def test_a_worker_that_ended_since_the_analysis_is_started_again_by_a_drag(panel, client_of, errors, settled):
    panel.logic.client = client_of("own")
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    settled()
    assert errors == [] and kinds(panel) == [("moved", "L4-L5", "reader")]


def test_a_worker_that_dies_while_grading_is_reported_and_the_report_stays(panel, client_of, errors, wait_until):
    before = report(panel)
    panel.logic.client = client_of("die regrade")
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    wait_until(lambda: errors)
    assert "analysis process" in errors[0] and not panel.logic.grading
    assert report(panel) == before


def test_points_that_the_user_locked_stay_locked(panel, wait_until, answer):
    points_of(panel).SetLocked(True)
    analyze(panel, wait_until)
    assert points_of(panel).GetLocked()


def test_corrected_levels_are_graded_by_the_model_of_the_new_analysis(panel, settled, wait_until, answer):
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    settled()
    node = panel.parameterNode.report
    whole = report(panel)
    disc = whole.structure("L4-L5")
    other = tuple(type(item)(item.name, item.probabilities, "another-model") for item in disc.findings)
    updateReport(node, whole.with_structures((type(disc)(**{**vars(disc), "findings": other}),)))
    answer(False)
    analyze(panel, wait_until)
    assert {item.model for item in report(panel).structure("L4-L5").findings} == {"lumbar-mr-degeneration"}
    assert kinds(panel) == [("moved", "L4-L5", "reader")]


def resultOf(panel):
    return resultFromNode(panel.parameterNode.report)


def areas(panel):
    return [report(panel).structure(name).measurement("disc_area").value for name in ("L3-L4", "L4-L5", "L5-S1")]


def test_a_dragged_level_and_its_neighbours_are_remeasured(measured, wait_until):
    assert areas(measured) == [300, 300, 300]
    drag(points_of(measured), "L4-L5", (0, 2, 0))
    wait_until(lambda: "follows" in measured.ui.statusLabel.text)
    assert areas(measured) == [300, 200, 201]
    table = resultOf(measured).measurementsNode.GetTable()
    assert [table.GetColumnByName("value").GetValue(row) for row in range(table.GetNumberOfRows())][-2:] == [200, 201]


def test_without_masks_in_memory_the_panel_says_that_a_level_was_not_remeasured_and_what_to_do(
    measured, client_of, wait_until, answer
):
    measured.logic.client = client_of("forgot")
    drag(points_of(measured), "L4-L5", (0, 2, 0))
    wait_until(lambda: measured.ui.statusLabel.text == NOT_MEASURED_AGAIN.text)
    assert areas(measured) == [300, None, 300]
    assert report(measured).structure("L4-L5").measurement("disc_area").reason == OUT_OF_DATE
    assert NOT_MEASURED_AGAIN in report(measured).notes
    # Following the advice in the sentence fixes it, and the correction stays.
    answer(False)
    corrected = kinds(measured), report(measured).corrections
    measured.logic.client = client_of("measured")
    analyze(measured, wait_until)
    wait_until(lambda: not measured.logic.grading)
    assert areas(measured) == [300, 200, 201] and NOT_MEASURED_AGAIN not in report(measured).notes
    assert (kinds(measured), report(measured).corrections) == corrected


def test_a_study_that_was_analysed_without_masks_is_regraded_without_them(panel_of, nodes, wait_until):
    panel = panel_of("measured")
    panel.ui.segmentationCheckBox.checked = False
    analyze(panel, wait_until)
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    wait_until(lambda: "follows" in panel.ui.statusLabel.text)
    assert not report(panel).measured and report(panel).structure("L4-L5").manual


def test_measurements_move_with_the_numbering(measured):
    last = areas(measured)[-1]
    measured.ui.levelUpButton.click()
    table = resultOf(measured).measurementsNode.GetTable()
    levels_of_rows = [table.GetColumnByName("level").GetValue(row) for row in range(table.GetNumberOfRows())]
    assert "L5-S1" not in levels_of_rows and "L4-L5" in levels_of_rows
    assert report(measured).structure("L4-L5").measurement("disc_area").value == last


def test_a_failed_grading_pops_up_once_and_is_mentioned_whenever_the_panel_is_opened(panel, scene, nodes, errors, wait_until):
    for node in nodes:
        scene.RemoveNode(node)
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    wait_until(lambda: errors)
    for _ in range(2):
        panel.exit()
        remember(panel)
        panel.enter()
        wait_until(lambda: not panel.corrections._later.active)
        assert "no longer in the scene" in panel.ui.statusLabel.text
    assert len(errors) == 1
    drag(points_of(panel), "L4-L5", (0, 1, 0))
    wait_until(lambda: len(errors) == 2)
