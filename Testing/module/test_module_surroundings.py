"""The panel copes with the application around it: its wait cursor, its exit, its scenes, its packages."""

import importlib
import subprocess
import sys
import types

import psutil
import pytest
import shiboken6
import slicer
from panel_helpers import analyze, drag, levels, points_of
from scene_examples import make_report, make_study
from standins import widgets
from standins.python_qt import unwrap, wrap

from SpinalDiseaseAILib.base.errors import ComputeError
from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.scene import application
from SpinalDiseaseAILib.scene.mrb import add_study
from SpinalDiseaseAILib.scene.results import reportFromNode, writeReport

TOO_LONG = "/" + "long" * 100
"""A path to which the operating system refuses access, like a share whose password has expired."""


# -- leaving, closing, ending


def test_widgets_of_a_panel_that_was_left_change_nothing_in_the_scene(module, panel_of, nodes):
    panel = panel_of()
    for _ in range(2):
        panel.exit()
        panel.enter()
    panel.exit()
    panel.ui.unsureSpinBox.value = 0.3
    panel.ui.t2Selector.setCurrentNode(None)
    parameters = module.SpinalDiseaseAILogic().getParameterNode()
    assert parameters.unsureBelow == 0.5 and parameters.t2Volume is nodes[0]


def test_the_panel_ends_its_worker_although_the_application_destroyed_its_widgets(panel_of, nodes, wait_until):
    """As when the application exits: windows go first, then modules are unloaded."""
    panel = panel_of("own")
    analyze(panel, wait_until)
    shiboken6.delete(unwrap(panel.uiWidget))
    panel.cleanup()
    assert [child for child in psutil.Process().children() if "own" in child.cmdline()] == []


def test_a_panel_that_could_not_be_built_is_unloaded_silently(module, errors):
    panel = module.SpinalDiseaseAIWidget(wrap(widgets.qSlicerScriptedLoadableModuleWidget()))
    panel.cleanup()


def test_a_level_that_was_graded_for_a_closed_scene_does_not_appear_in_the_next_one(panel_of, nodes, scene, wait_until, errors):
    """Nodes of the next scene have the same IDs."""
    panel = panel_of()
    first = analyze(panel, wait_until).GetID()
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    panel.corrections.follow()
    scene.Clear(False)
    assert levels(panel) == []
    volume = add_study(scene, make_study("9.8.7"))[Role.SAGITTAL_T2]
    result = writeReport(make_report("9.8.7"), scene, volume)
    assert result.reportNode.GetID() == first
    wait_until(lambda: not panel.logic.grading)
    assert reportFromNode(result.reportNode).corrections == () and errors == []


# -- unexpected errors


@pytest.mark.parametrize("function", ["writeReport", "applyGraded"])
def test_an_unexpected_error_ends_the_work_and_is_reported(panel_of, nodes, wait_until, errors, monkeypatch, caplog, function):
    panel = panel_of()
    if function == "applyGraded":
        analyze(panel, wait_until)

    def fail(*arguments, **more):
        raise RuntimeError("of a kind that is not the product's own")

    monkeypatch.setattr(importlib.import_module("SpinalDiseaseAILib.panel.analysisLogic"), function, fail)
    if function == "writeReport":
        panel.ui.analyzeButton.click()
    else:
        drag(points_of(panel), "L4-L5", (0, 2, 0))
    wait_until(lambda: errors)
    assert "product's own" in caplog.text
    assert "unexpectedly (RuntimeError)" in errors[0] and not panel.logic.running and not panel.logic.grading
    assert panel.ui.analyzeButton.text == "Analyze" and panel.ui.analyzeButton.enabled and panel.ui.progressBar.isHidden()


@pytest.mark.parametrize("setting", ["modelsFolder", "outputFolder"])
def test_an_inaccessible_remembered_folder_does_not_keep_the_panel_from_opening(panel_of, nodes, setting, errors):
    importlib.import_module("SpinalDiseaseAILib.panel.settings").write(setting, TOO_LONG)
    panel = panel_of()
    assert errors == [] and panel.ui.analyzeButton.enabled
    if setting == "outputFolder":
        assert not panel.ui.openFolderButton.enabled
    else:
        assert "long" in panel.ui.statusLabel.text
        panel.ui.shippedModelsButton.click()
        assert panel.ui.classifierComboBox.count > 0


# -- packages


def test_a_module_loaded_by_the_application_itself_is_found(panel_of, monkeypatch):
    made = types.ModuleType("PyTorchUtils")
    assert made.__spec__ is None
    monkeypatch.setitem(sys.modules, "PyTorchUtils", made)
    assert "The PyTorch extension is available" in panel_of().ui.setupLabel.text


def test_a_package_that_cannot_be_installed_is_told_in_a_sentence(monkeypatch):
    def pip_install(requirement):
        raise subprocess.CalledProcessError(1, ["PythonSlicer", "-m", "pip", "install", requirement])

    monkeypatch.setattr(slicer.util, "pip_install", pip_install)
    monkeypatch.setattr(application, "missingRequirements", lambda: ["safetensors"])
    with pytest.raises(ComputeError, match="could not be installed: safetensors") as refused:
        application.installRequirements(["safetensors"])
    assert "non-zero" not in str(refused.value)


# -- no pop-up under the wait cursor


@pytest.fixture
def loading(monkeypatch, scene):
    """DICOMLib that loads the sample study, or no volume if "nothing" is in the list."""
    given = []

    def load(uids):
        return [] if given else [node.GetID() for node in add_study(scene, make_study("9.8.7")).values()]

    monkeypatch.setitem(sys.modules, "DICOMLib", types.SimpleNamespace(DICOMUtils=types.SimpleNamespace(loadSeriesByUID=load)))
    files = sorted((sample_folder() / "lumbar-mr").iterdir())
    from SpinalDiseaseAILib.reading import open_study

    uid = open_study([sample_folder()]).primary.uid
    studies = [{"uid": "1.1", "patient": "Doe", "date": "20240102", "description": "MR", "series": {uid: ("MR", files)}}]
    monkeypatch.setattr(slicer, "dicomDatabase", wrap(widgets.ctkDICOMDatabase(studies=studies)), raising=False)
    return given


def test_the_question_after_loading_a_series_appears_with_the_normal_cursor(panel_of, loading, answer, monkeypatch):
    panel = panel_of()
    panel.ui.studyTable.selectRow(0)
    monkeypatch.setattr(application, "missingRequirements", lambda: ["torch"])
    asked = answer(False)
    panel.ui.loadAndAnalyzeButton.click()
    assert len(asked) == 1 and not panel.logic.running


def test_the_error_for_a_series_that_cannot_be_loaded_appears_with_the_normal_cursor(panel_of, loading, errors):
    panel = panel_of()
    panel.ui.studyTable.selectRow(0)
    loading.append("nothing")
    panel.ui.loadAndAnalyzeButton.click()
    assert ["could not be loaded" in text for text in errors] == [True] and not panel.logic.running


def test_the_question_about_replacing_files_appears_with_the_normal_cursor(panel_of, nodes, wait_until, answer, tmp_path):
    panel = panel_of()
    analyze(panel, wait_until)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_text("someone else's")
    panel.ui.outputDirectoryButton.directory = str(tmp_path / "out")
    asked = answer(True)
    panel.ui.exportButton.click()
    assert len(asked) == 1 and "SpinalDiseaseAI" in (tmp_path / "out" / "report.json").read_text(encoding="utf-8")
