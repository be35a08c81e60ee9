"""The views of a scene with several studies: one patient's labels never lie over another patient's image."""

import pytest
import slicer
from panel_helpers import analyze, pick
from scene_examples import make_study

from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.scene.mrb import add_study, show_in_slices
from SpinalDiseaseAILib.scene.results import resultFromNode


@pytest.fixture
def backgrounds(monkeypatch, errors):
    """Names of the volumes that were shown in the slice views."""
    shown = []
    monkeypatch.setattr(slicer.util, "setSliceViewerLayers", lambda background, fit: shown.append(background.GetName()))
    return shown


@pytest.fixture
def two_results(panel_of, nodes, scene, wait_until, backgrounds):
    """A panel, which shows the second of two studies, and the reports of both."""
    panel = panel_of("masks")
    first = analyze(panel, wait_until)
    other = add_study(scene, make_study("9.8.7"))[Role.SAGITTAL_T2]
    other.SetName("other patient")
    panel.ui.t2Selector.setCurrentNode(other)
    panel.ui.t1Selector.setCurrentNode(None)
    return panel, first, analyze(panel, wait_until)


def visible(report):
    result = resultFromNode(report)
    return bool(result.pointsNode.GetDisplayVisibility()), bool(result.segmentationNode.GetDisplayVisibility())


def test_the_analyzed_volume_is_shown_with_only_its_own_result(two_results, backgrounds):
    _, first, second = two_results
    assert (visible(first), visible(second)) == ((False, False), (True, True))
    assert backgrounds == ["T2 sagittal", "other patient"]


def test_a_chosen_result_is_shown_only_on_its_own_images(two_results, backgrounds):
    panel, first, second = two_results
    pick(panel.ui.reportSelector, first)
    assert panel.parameterNode.report is first
    assert (visible(first), visible(second)) == ((True, True), (False, False))
    assert backgrounds[-1] == "T2 sagittal"


def test_nodes_that_a_user_hid_stay_hidden(two_results):
    panel, first, second = two_results
    resultFromNode(second).segmentationNode.SetDisplayVisibility(False)
    for report in (first, second):
        pick(panel.ui.reportSelector, report)
    assert visible(second) == (True, False)


def test_views_that_already_show_a_volume_of_the_study_do_not_change(panel_of, nodes, scene, wait_until, backgrounds):
    show_in_slices(scene, nodes[1])
    panel = panel_of()
    panel.ui.t1Selector.setCurrentNode(nodes[1])
    analyze(panel, wait_until)
    assert backgrounds == []


def test_a_result_of_a_restored_scene_leaves_the_views_as_they_were_saved(two_results, scene, backgrounds):
    panel, first, second = two_results
    resultFromNode(first).pointsNode.SetDisplayVisibility(True)
    backgrounds.clear()
    scene.InvokeEvent(scene.EndImportEvent)
    panel.exit()
    panel.enter()
    panel.parameterNode.report = first
    assert backgrounds == [] and (visible(first), visible(second)) == ((True, False), (True, True))
