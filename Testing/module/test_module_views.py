"""What the views show of a scene with several studies: one patient's labels never lie over another one's image."""

import pytest
import slicer
from panel_helpers import analyze, pick
from scene_examples import make_study

from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.scene.mrb import add_study, show_in_slices
from SpinalDiseaseAILib.scene.results import resultFromNode


@pytest.fixture
def backgrounds(monkeypatch, errors):
    """Names of the volumes that the slice views were made to show."""
    shown = []
    monkeypatch.setattr(slicer.util, "setSliceViewerLayers", lambda background, fit: shown.append(background.GetName()))
    return shown


@pytest.fixture
def two_results(panel_of, nodes, scene, wait_until, backgrounds):
    """A panel, and the reports of two studies in its scene; it shows the second."""
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


def test_the_volume_that_was_analyzed_is_shown_with_its_result_and_no_other_result(two_results, backgrounds):
    _, first, second = two_results
    assert (visible(first), visible(second)) == ((False, False), (True, True))
    assert backgrounds == ["T2 sagittal", "other patient"]


def test_a_result_that_is_chosen_is_shown_on_its_own_images_alone(two_results, backgrounds):
    panel, first, second = two_results
    pick(panel.ui.reportSelector, first)
    assert panel.parameterNode.report is first
    assert (visible(first), visible(second)) == ((True, True), (False, False))
    assert backgrounds[-1] == "T2 sagittal"


def test_what_a_user_hid_stays_hidden(two_results):
    panel, first, second = two_results
    resultFromNode(second).segmentationNode.SetDisplayVisibility(False)
    for report in (first, second):
        pick(panel.ui.reportSelector, report)
    assert visible(second) == (True, False)


def test_views_that_show_a_volume_of_the_study_are_left_as_they_are(panel_of, nodes, scene, wait_until, backgrounds):
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
