"""The panel, built from its own .ui file."""

import ast
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import slicer
from panel_helpers import finding_rows
from PySide6.QtCore import Qt
from standins import application
from standins.python_qt import unwrap

from SpinalDiseaseAILib.base.report import DISCLAIMER
from SpinalDiseaseAILib.scene import application as application_services
from SpinalDiseaseAILib.scene.results import resultsInScene

UI_FILE = Path(__file__).resolve().parents[2] / "SpinalDiseaseAI" / "Resources" / "UI" / "SpinalDiseaseAI.ui"


def test_the_panel_opens_without_volumes_torch_or_models_and_says_what_is_missing(panel_of, errors, monkeypatch, tmp_path):
    monkeypatch.setenv("SPINAL_DISEASE_AI_MODELS", str(tmp_path / "none"))
    panel = panel_of()
    assert not panel.ui.analyzeButton.enabled
    assert "Choose a sagittal T2 or T1 volume" in panel.ui.analyzeButton.toolTip
    assert "not a folder" in panel.ui.statusLabel.text
    assert errors == [], "no pop-up at start-up"


def test_the_notice_is_that_of_every_report(panel_of):
    assert panel_of().ui.noticeLabel.text == DISCLAIMER


def test_every_widget_has_a_tool_tip():
    tree = ElementTree.parse(UI_FILE)
    bare = [
        widget.get("name")
        for widget in tree.iter("widget")
        if widget.get("class") not in ("qMRMLWidget", "QWidget") and widget.find("property[@name='toolTip']") is None
    ]
    assert bare == []


def test_a_loaded_volume_is_chosen_if_there_is_no_choice_yet(panel_of, nodes):
    panel = panel_of()
    assert panel.ui.t2Selector.currentNode() is nodes[0]
    assert panel.ui.analyzeButton.enabled


def test_a_t1_volume_alone_can_be_analysed(panel_of, nodes, scene, wait_until):
    scene.RemoveNode(nodes[0])
    panel = panel_of()
    assert not panel.ui.analyzeButton.enabled
    panel.ui.t1Selector.setCurrentNode(nodes[1])
    panel.ui.analyzeButton.click()
    wait_until(lambda: finding_rows(panel) == 12)


def test_every_text_for_translation_is_written_out():
    """A text that is assembled before it is translated has no translation."""
    files = [UI_FILE.parents[2] / "SpinalDiseaseAI.py", *(UI_FILE.parents[2] / "SpinalDiseaseAILib/panel").glob("*.py")]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    calls = [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_"]
    assert len(calls) > 80
    assert all(isinstance(call.args[0], ast.Constant) for call in calls)


def test_a_choice_in_the_scene_is_not_overridden(module, panel_of, nodes):
    module.SpinalDiseaseAILogic().getParameterNode().t2Volume = nodes[1]
    panel = panel_of()
    assert panel.ui.t2Selector.currentNode() is nodes[1]


def test_analyze_fills_the_table_and_says_what_was_found(panel_of, nodes, wait_until, scene, tmp_path):
    panel = panel_of()
    panel.ui.analyzeButton.click()
    assert panel.ui.analyzeButton.text == "Cancel"
    assert not panel.ui.inputsCollapsibleButton.enabled
    wait_until(lambda: panel.ui.analyzeButton.text == "Analyze")
    assert finding_rows(panel) == 12
    assert "11 structures named, 6 of them with an abnormal finding" in panel.ui.statusLabel.text
    assert panel.ui.progressBar.isHidden()
    assert "Finding levels" in panel.ui.logTextEdit.toPlainText()
    assert panel.ui.inputsCollapsibleButton.enabled
    assert len(resultsInScene(scene)) == 1
    picture = tmp_path / "panel.png"
    parent = unwrap(panel.parent)
    parent.resize(480, 760)
    parent.show()
    application.pixels(panel.parent, picture)
    assert picture.stat().st_size > 10_000


def test_a_second_analysis_reports_that_edited_points_were_kept(panel_of, nodes, wait_until, scene):
    panel = panel_of()
    panel.ui.analyzeButton.click()
    wait_until(lambda: finding_rows(panel) == 12)
    (result,) = resultsInScene(scene)
    result.pointsNode.SetNthControlPointPositionWorld(0, 1, 2, 3)
    panel.ui.analyzeButton.click()
    wait_until(lambda: panel.ui.analyzeButton.text == "Analyze")
    assert "Points that you edited were left as they are: 1." in panel.ui.statusLabel.text


def test_the_log_is_bounded(panel_of):
    panel = panel_of()
    for number in range(1000):
        panel.ui.logTextEdit.appendPlainText(str(number))
    assert panel.ui.logTextEdit.blockCount == 500


def test_a_refusal_is_shown_in_its_own_words(panel_of, nodes, wait_until, errors):
    panel = panel_of("refuse")
    panel.ui.analyzeButton.click()
    wait_until(lambda: errors)
    sentence = "No lumbar spine was found. A sagittal lumbar series is needed. Choose another volume."
    assert errors == [sentence]
    assert panel.ui.statusLabel.text == sentence
    assert panel.ui.analyzeButton.enabled and panel.ui.analyzeButton.text == "Analyze"


def test_selecting_a_row_jumps_the_slice_views_to_its_level(panel_of, nodes, wait_until, monkeypatch):
    panel = panel_of()
    panel.ui.analyzeButton.click()
    wait_until(lambda: finding_rows(panel) == 12)
    levels = []
    monkeypatch.setattr(panel.logic, "jumpToLevel", lambda node, level: levels.append(level))
    panel.ui.findingsTableView.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    panel.ui.findingsTableView.selectRow(0)
    panel.ui.findingsTableView.selectRow(11)
    assert levels == ["T12-L1", "L1-L2"]


def test_the_table_shows_what_fits_and_hides_single_probabilities(panel_of, nodes, wait_until):
    panel = panel_of()
    panel.ui.analyzeButton.click()
    wait_until(lambda: finding_rows(panel) == 12)
    view = unwrap(panel.ui.findingsTableView)
    shown = [view.model().headerData(index, Qt.Orientation.Horizontal) for index in range(12) if not view.isColumnHidden(index)]
    assert shown == ["Level", "Finding", "Predicted", "Confidence", "Plausible", "Probabilities"]


def test_the_research_only_model_and_the_device_are_chosen_by_name(panel_of, nodes, wait_until):
    panel = panel_of()
    names = [panel.ui.deviceComboBox.itemData(index) for index in range(panel.ui.deviceComboBox.count)]
    assert names == ["auto", "cuda", "mps", "cpu"]
    panel.ui.deviceComboBox.currentIndex = 3
    assert panel_of().ui.deviceComboBox.currentIndex == 3, "the device is kept for this machine"


def test_closing_the_scene_stops_the_analysis_and_empties_the_panel(panel_of, nodes, scene, wait_until):
    panel = panel_of("slow")
    panel.ui.analyzeButton.click()
    wait_until(lambda: "slice" in panel.ui.stageLabel.text)
    scene.Clear(False)
    wait_until(lambda: not panel.logic.running)
    assert panel.ui.t2Selector.currentNode() is None
    assert not panel.ui.analyzeButton.enabled
    assert resultsInScene(scene) == []


def test_deleting_the_table_empties_the_view(panel_of, nodes, scene, wait_until):
    panel = panel_of()
    panel.ui.analyzeButton.click()
    wait_until(lambda: finding_rows(panel) == 12)
    scene.RemoveNode(panel.ui.findingsTableView.mrmlTableNode())
    assert panel.ui.findingsTableView.mrmlTableNode() is None


def test_a_result_that_comes_while_another_module_is_open_is_shown_on_return(panel_of, nodes, wait_until):
    panel = panel_of()
    panel.ui.analyzeButton.click()
    panel.exit()
    wait_until(lambda: not panel.logic.running)
    panel.enter()
    assert finding_rows(panel) == 12


def test_missing_packages_are_installed_only_after_asking(module, panel_of, nodes, monkeypatch):
    panel = panel_of()
    asked, installed = [], []
    monkeypatch.setattr(application_services, "missingRequirements", lambda: ["torch"])
    monkeypatch.setattr(application_services, "installRequirements", installed.append)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text: asked.append(text))
    panel.ui.analyzeButton.click()
    assert "torch" in asked[0]
    assert installed == [] and not panel.logic.running
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text: True)
    panel.ui.analyzeButton.click()
    assert installed == [["torch"]] and panel.logic.running
    assert not panel.ui.installButton.enabled, "no package is replaced under an analysis"


def test_the_worker_ends_with_the_panel(panel_of, nodes, scene, wait_until):
    panel = panel_of("slow")
    panel.ui.analyzeButton.click()
    wait_until(lambda: "slice" in panel.ui.stageLabel.text)
    panel.cleanup()
    assert not panel.logic.running and not panel.logic.client.busy
    assert not scene.HasObserver(scene.StartCloseEvent)
