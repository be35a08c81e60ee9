"""The panel's behaviour when the scene, the nodes, the worker or the module itself go away or come back."""

import os
import re
import signal

import psutil
import pytest
import slicer
from panel_helpers import analyze, bar, cells, drag, finding_rows, levels, points_of
from scene_examples import make_study

from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.scene.mrb import add_study, new_scene, read_scene
from SpinalDiseaseAILib.scene.results import reportFromNode, resultsInScene


def select(panel, level):
    panel.ui.levelTable.selectRow(levels(panel).index(level))


def wait_for_follow(panel, wait_until):
    wait_until(lambda: "follows" in panel.ui.statusLabel.text and not panel.logic.grading)


def wait_for_idle(panel, wait_until):
    wait_until(lambda: panel.ui.analyzeButton.text == "Analyze")


def test_a_saved_scene_restores_selection_results_and_corrections(
    panel_of, nodes, scene, wait_until, tmp_path, monkeypatch, answer
):
    panel = panel_of()
    analyze(panel, wait_until)
    position = drag(points_of(panel), "L4-L5", (0, 2, 0))
    wait_for_follow(panel, wait_until)
    select(panel, "L4-L5")
    panel.results._menu.actions()[0].trigger()
    panel.ui.unsureSpinBox.value = 0.3
    before = reportFromNode(panel.parameterNode.report)
    path = tmp_path / "saved scene.mrb"
    assert scene.WriteToMRB(str(path))
    restored = read_scene(path)
    monkeypatch.setattr(slicer, "mrmlScene", restored)
    again = panel_of()
    assert reportFromNode(again.parameterNode.report) == before
    assert again.parameterNode.selectedLevel == "L4-L5"
    (row,) = again.ui.levelTable.selectionModel().selectedRows()
    assert levels(again)[row.row()] == "L4-L5"
    assert cells(again, 4)[row.row()].startswith("Pfirrmann 2")
    assert again.ui.unsureSpinBox.value == 0.3
    assert again.ui.t2Selector.currentNode() is again.parameterNode.t2Volume is not None
    assert "L4-L5 moved by the reader" in again.ui.correctionsLabel.text
    again.ui.restoreButton.click()
    assert reportFromNode(again.parameterNode.report).structure("L4-L5").position != pytest.approx(position)
    assert bar(again, "L4-L5") == 85


def test_a_scene_that_is_imported_while_the_panel_is_open_is_shown(panel_of, scene, wait_until):
    panel = panel_of()
    volume = add_study(scene, make_study())[Role.SAGITTAL_T2]
    scene.InvokeEvent(scene.EndImportEvent)
    assert panel.ui.t2Selector.currentNode() is volume and panel.ui.analyzeButton.enabled
    analyze(panel, wait_until)
    select(panel, "L3")
    scene.InvokeEvent(scene.EndImportEvent)
    assert len(levels(panel)) == 11 and panel.parameterNode.selectedLevel == "L3"


def test_closing_the_scene_empties_every_section(panel_of, nodes, scene, wait_until):
    panel = panel_of()
    analyze(panel, wait_until)
    select(panel, "L4")
    scene.Clear(False)
    assert levels(panel) == [] and panel.ui.correctionsLabel.text == "" and panel.ui.numberingLabel.text == ""
    assert panel.ui.t2Selector.currentNode() is None and not panel.ui.exportButton.enabled
    assert "No result yet" in panel.ui.summaryLabel.text


@pytest.mark.parametrize("reference", ["SpinalDiseaseAI.points", "SpinalDiseaseAI.table"])
def test_without_a_deleted_companion_node_the_result_is_readable_and_the_next_analysis_recreates_it(
    panel_of, nodes, scene, wait_until, reference
):
    panel = panel_of()
    report = analyze(panel, wait_until)
    scene.RemoveNode(report.GetNodeReference(reference))
    assert len(levels(panel)) == 11
    select(panel, "L4-L5")
    panel.ui.deletePointButton.click()
    analyze(panel, wait_until)
    assert report.GetNodeReference(reference) is not None


def test_a_deleted_report_empties_the_results(panel_of, nodes, scene, wait_until):
    panel = panel_of()
    scene.RemoveNode(analyze(panel, wait_until))
    assert levels(panel) == [] and not panel.ui.restoreButton.enabled


def test_an_unreadable_report_is_mentioned_in_place_of_the_result(panel_of, nodes, wait_until, errors):
    panel = panel_of()
    report = analyze(panel, wait_until)
    report.SetText("{}")
    assert levels(panel) == [] and errors == []
    assert "not a report of this product" in panel.ui.summaryLabel.text
    assert panel.ui.logTextEdit.plainText.count("not a report of this product") == 1
    panel.parameterNode.report = None
    assert "No result yet" in panel.ui.summaryLabel.text


def of_a_newer_version(report):
    report.SetText(report.GetText().replace('"version": 2', '"version": 99'))
    return report.GetText()


def test_a_result_of_a_newer_version_is_not_replaced_without_asking(panel_of, nodes, scene, wait_until, answer):
    panel = panel_of()
    report = analyze(panel, wait_until)
    text = of_a_newer_version(report)
    asked = answer(False)
    again = analyze(panel, wait_until)
    (question,) = asked
    assert "version 99" in question and "Replace it?" in question and report.GetName() in question
    assert again is not report and report.GetText() == text
    assert len(resultsInScene(scene)) == 2 and len(levels(panel)) == 11
    assert points_of(panel).GetDisplayVisibility()
    assert not report.GetNodeReference("SpinalDiseaseAI.points").GetDisplayVisibility()


def test_a_result_of_a_newer_version_is_replaced_if_the_user_says_so(panel_of, nodes, scene, wait_until, answer):
    panel = panel_of()
    report = analyze(panel, wait_until)
    of_a_newer_version(report)
    answer(True)
    assert analyze(panel, wait_until) is report
    assert len(resultsInScene(scene)) == 1 and len(reportFromNode(report).structures) == 11


def test_a_script_is_asked_nothing_and_keeps_a_result_of_a_newer_version(module, nodes, scene, client_of):
    logic = module.SpinalDiseaseAILogic(client=client_of("report"))
    first = logic.process(*nodes)
    text = of_a_newer_version(first.reportNode)
    second = logic.process(*nodes)
    assert second.reportNode is not first.reportNode and first.reportNode.GetText() == text
    of_a_newer_version(second.reportNode)
    third = logic.process(*nodes, overwriteEdits=True)
    assert third.reportNode is second.reportNode and len(resultsInScene(scene)) == 2
    logic.close()


def test_a_dead_worker_is_reported_and_the_next_analysis_starts_another(panel_of, nodes, client_of, wait_until, errors):
    panel = panel_of("die")
    panel.ui.analyzeButton.click()
    wait_until(lambda: errors)
    assert "analysis process" in errors[0]
    assert panel.ui.analyzeButton.enabled and panel.ui.analyzeButton.text == "Analyze"
    panel.logic.client = client_of("report")
    analyze(panel, wait_until)
    assert len(levels(panel)) == 11


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the operating system has no such signal")
def test_a_worker_that_is_killed_from_outside_is_reported(panel_of, nodes, wait_until, errors):
    panel = panel_of("slow")
    panel.ui.analyzeButton.click()
    wait_until(lambda: "slice" in panel.ui.stageLabel.text)
    workers = [child for child in psutil.Process().children() if "slow" in child.cmdline()]
    os.kill(workers[0].pid, signal.SIGKILL)
    wait_until(lambda: errors)
    assert "killed" in errors[0]


@pytest.mark.parametrize("stage", ["before the worker answers", "while slices are looked at"])
def test_cancel_works_at_every_stage(panel_of, nodes, wait_until, errors, scene, stage):
    panel = panel_of("slow")
    panel.ui.analyzeButton.click()
    if stage != "before the worker answers":
        wait_until(lambda: "slice" in panel.ui.stageLabel.text)
    assert panel.ui.analyzeButton.accessibleName == "Cancel", "what a screen reader reads"
    panel.ui.analyzeButton.click()
    assert not panel.ui.analyzeButton.enabled and panel.ui.analyzeButton.toolTip == "The analysis is being stopped."
    assert panel.ui.stageLabel.text == "Stopping the analysis…"
    wait_for_idle(panel, wait_until)
    assert errors == [] and "cancelled" in panel.ui.statusLabel.text
    assert resultsInScene(scene) == [] and panel.ui.progressBar.isHidden()
    assert panel.ui.analyzeButton.accessibleName == "Analyze"


def test_a_cancelled_analysis_leaves_the_earlier_result(panel_of, nodes, client_of, wait_until):
    panel = panel_of()
    analyze(panel, wait_until)
    panel.logic.client = client_of("slow")
    panel.ui.analyzeButton.click()
    panel.ui.analyzeButton.click()
    wait_for_idle(panel, wait_until)
    assert len(levels(panel)) == 11


def test_a_second_analyze_while_one_runs_is_refused_in_words(panel_of, nodes, errors):
    panel = panel_of("slow")
    panel.ui.analyzeButton.click()
    panel.analyze()
    assert errors == ["An analysis is already running. Wait for it or cancel it."]
    assert panel.logic.running


def test_stage_elapsed_and_remaining_time_are_shown(panel_of, nodes, wait_until):
    panel = panel_of("slow")
    panel.ui.analyzeButton.click()
    wait_until(lambda: "slice" in panel.ui.stageLabel.text)
    assert not panel.ui.progressBar.isHidden() and panel.ui.progressBar.value == 25
    panel.logic._timer.stop()  # the clock runs even if the analysis sends nothing
    panel.analysis._started -= 60
    before = panel.ui.timeLabel.text
    wait_until(lambda: panel.ui.timeLabel.text != before)
    elapsed, left = (int(number) for number in re.fullmatch(r"(\d+) s, about (\d+) s left", panel.ui.timeLabel.text).groups())
    assert elapsed >= 60 and left == pytest.approx(3 * elapsed, abs=3), "a quarter is done"


def test_two_studies_one_after_the_other_keep_their_results_apart(panel_of, nodes, scene, wait_until):
    panel = panel_of()
    first = analyze(panel, wait_until)
    other = add_study(scene, make_study("9.8.7"))[Role.SAGITTAL_T2]
    panel.ui.t2Selector.setCurrentNode(other)
    panel.ui.t1Selector.setCurrentNode(None)
    second = analyze(panel, wait_until)
    assert first is not second and reportFromNode(second).study_uid == "9.8.7"
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    wait_for_follow(panel, wait_until)
    assert [len(reportFromNode(node).corrections) for node in (first, second)] == [0, 1]
    panel.ui.reportSelector.setCurrentNode(first)
    assert panel.ui.correctionsLabel.isHidden() and bar(panel, "L4-L5") == 85


def test_another_volume_does_not_replace_the_choice_from_a_result(panel_of, nodes, scene, wait_until):
    panel = panel_of()
    analyze(panel, wait_until)
    panel.exit()
    add_study(scene, make_study("9.8.7"))
    panel.enter()
    assert panel.parameterNode.t2Volume is nodes[0]


def test_no_volume_is_chosen_for_a_result_whose_own_volumes_are_gone(panel_of, nodes, scene, wait_until):
    panel = panel_of()
    analyze(panel, wait_until)
    panel.exit()
    for node in nodes:
        scene.RemoveNode(node)
    add_study(scene, make_study("9.8.7"))
    panel.enter()
    assert panel.parameterNode.report is not None and panel.parameterNode.t2Volume is None


def test_a_panel_that_is_left_stops_observing_and_catches_up_when_it_is_entered(panel_of, nodes, wait_until, qt_application):
    panel = panel_of()
    report = analyze(panel, wait_until)
    points = points_of(panel)
    panel.exit()
    drag(points, "L4-L5", (0, 2, 0))
    qt_application.processEvents()
    assert not panel.logic.grading and reportFromNode(report).corrections == ()
    panel.enter()
    wait_for_follow(panel, wait_until)
    assert [item.structure for item in reportFromNode(report).corrections] == ["L4-L5"]


def test_cleanup_releases_scene_and_worker(panel_of, nodes, scene, wait_until, qt_application):
    panel = panel_of("own")
    analyze(panel, wait_until)
    points = points_of(panel)
    panel.cleanup()
    assert [child for child in psutil.Process().children() if "own" in child.cmdline()] == []
    drag(points, "L4-L5", (0, 2, 0))
    scene.Clear(False)
    qt_application.processEvents()
    assert not panel.logic.grading


def test_the_panel_is_rebuilt_after_a_reload_and_shows_the_same(module, panel_of, nodes, wait_until):
    panel = panel_of()
    report = analyze(panel, wait_until)
    select(panel, "L4")
    panel.cleanup()
    again = panel_of()
    assert again.parameterNode.report is report and again.parameterNode.selectedLevel == "L4"
    assert len(levels(again)) == 11 and finding_rows(again) == 12


def test_the_panel_copes_with_a_change_of_scene_and_back(panel_of, nodes, scene):
    panel = panel_of()
    for other in (new_scene(), scene):
        panel.uiWidget.setMRMLScene(other)
    panel.ui.t2Selector.setCurrentNode(nodes[0])
    assert panel.ui.analyzeButton.enabled


def test_two_panels_over_one_scene_show_one_result_and_record_a_correction_once(panel_of, nodes, scene, wait_until, errors):
    first, second = panel_of(), panel_of()
    analyze(first, wait_until)
    assert len(levels(second)) == 11
    drag(points_of(first), "L4-L5", (0, 2, 0))
    wait_for_follow(first, wait_until)
    wait_for_follow(second, wait_until)
    report = reportFromNode(first.parameterNode.report)
    assert [(item.kind, item.structure) for item in report.corrections] == [("moved", "L4-L5")]
    assert reportFromNode(second.parameterNode.report) == report and len(resultsInScene(scene)) == 1
    first.cleanup()
    second.ui.restoreButton.click()
    assert bar(second, "L4-L5") == 85 and errors == []


def test_the_number_of_nodes_does_not_grow_with_analyses_corrections_and_charts(panel_of, nodes, scene, wait_until, answer):
    panel = panel_of("masks")
    answer(True)

    def once():
        analyze(panel, wait_until)
        drag(points_of(panel), "L4-L5", (0, 2, 0))
        wait_for_follow(panel, wait_until)
        panel.ui.chartButton.click()
        panel.ui.levelUpButton.click()
        panel.ui.restoreButton.click()
        panel.exit()
        panel.enter()
        return sorted(scene.GetNthNode(index).GetClassName() for index in range(scene.GetNumberOfNodes()))

    assert once() == once()


def test_a_closed_panel_observes_no_point(panel_of, nodes, wait_until):
    panel = panel_of()
    analyze(panel, wait_until)
    points, node = points_of(panel), slicer.vtkMRMLMarkupsNode
    events = (node.PointEndInteractionEvent, node.PointStartInteractionEvent, node.PointRemovedEvent)
    assert all(points.HasObserver(event) for event in events)
    panel.cleanup()
    assert not any(points.HasObserver(event) for event in events)


def storable(scene):
    nodes = (scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes()))
    return [node for node in nodes if node.IsA("vtkMRMLStorableNode") and node.GetStorageNode() is not None]


def test_a_scene_that_is_only_opened_and_viewed_has_nothing_to_save(
    panel_of, nodes, scene, wait_until, tmp_path, monkeypatch, qt_application
):
    panel = panel_of("masks")
    analyze(panel, wait_until)
    panel.ui.chartButton.click()
    select(panel, "L3")
    assert scene.WriteToMRB(str(tmp_path / "saved.mrb"))
    restored = read_scene(tmp_path / "saved.mrb")
    monkeypatch.setattr(slicer, "mrmlScene", restored)
    for number, node in enumerate(storable(restored)):  # nodes read from a bundle count as modified until they are written
        path = tmp_path / f"{number}.{node.GetStorageNode().GetDefaultWriteFileExtension()}"
        node.GetStorageNode().SetFileName(str(path))
        assert node.GetStorageNode().WriteData(node)
    again = panel_of("report")
    again.exit()
    again.enter()
    qt_application.processEvents()
    assert len(levels(again)) == 11
    assert [node.GetName() for node in storable(restored) if node.GetModifiedSinceRead()] == []
