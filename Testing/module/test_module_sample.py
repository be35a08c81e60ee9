"""A user's path with real parts except for the widgets: the sample study, the real worker, the real scene."""

import pytest
import slicer
from panel_helpers import bar, cells, drag, levels, points_of

from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.reading import open_study
from SpinalDiseaseAILib.scene.mrb import add_study, read_scene
from SpinalDiseaseAILib.scene.results import reportFromNode
from SpinalDiseaseAILib.worker.client import WorkerClient

FEW_SLICES = 3
"""Slices to search for levels: few, because the sample's spine is straight and the test must be fast."""


@pytest.fixture
def panel(panel_of, scene):
    (node,) = add_study(scene, open_study([sample_folder()])).values()
    panel = panel_of()
    panel.logic.client = WorkerClient(on_log=panel.log)
    panel.parameterNode.t2Volume = node
    panel.ui.slicesSpinBox.value = FEW_SLICES
    panel.ui.segmentationCheckBox.checked = False
    panel.ui.deviceComboBox.currentIndex = panel.ui.deviceComboBox.findData("cpu")
    return panel


def wait_for_follow(panel, wait_until):
    wait_until(lambda: "follows" in panel.ui.statusLabel.text and not panel.logic.grading, 120)


def test_analyze_read_drag_renumber_cancel_save_and_load(panel, panel_of, wait_until, errors, scene, tmp_path, monkeypatch):
    panel.ui.analyzeButton.click()
    wait_until(lambda: panel.ui.analyzeButton.text == "Analyze", 300)
    assert errors == []
    assert levels(panel)[0] == "T12-L1" and levels(panel)[-1] == "L5-S1"
    assert all(bar(panel, level) is not None for level in levels(panel) if "-" in level)
    computed = reportFromNode(panel.parameterNode.report)

    position = drag(points_of(panel), "L4-L5", (0, 3, 0))
    wait_for_follow(panel, wait_until)
    graded = reportFromNode(panel.parameterNode.report)
    assert graded.structure("L4-L5").position == pytest.approx(position)
    assert graded.structure("L4-L5").findings != computed.structure("L4-L5").findings
    assert graded.structure("L3-L4") == computed.structure("L3-L4")

    panel.ui.levelUpButton.click()
    assert levels(panel)[-1] == "L4-L5"
    panel.ui.levelTable.selectRow(levels(panel).index("L3-L4"))
    assert cells(panel, 1)[levels(panel).index("L3-L4")] == "disc, by hand"

    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda text: False)
    panel.ui.analyzeButton.click()
    panel.ui.analyzeButton.click()
    wait_until(lambda: panel.ui.analyzeButton.text == "Analyze", 60)
    assert "cancelled" in panel.ui.statusLabel.text

    path = tmp_path / "sample.mrb"
    assert scene.WriteToMRB(str(path))
    monkeypatch.setattr(slicer, "mrmlScene", read_scene(path))
    again = panel_of()
    assert levels(again) == levels(panel) and again.parameterNode.selectedLevel == "L3-L4"
    again.ui.restoreButton.click()
    assert reportFromNode(again.parameterNode.report) == computed
