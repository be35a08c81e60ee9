"""Show 3D: the masks of the shown result as surfaces, on request."""

import pytest
import slicer
from panel_helpers import analyze

from SpinalDiseaseAILib.scene.results import resultFromNode
from SpinalDiseaseAILib.scene.segmentation import showSurfaces


@pytest.fixture(autouse=True)
def segmentations_module(scene):
    """Slicer's segmentations logic, which makes surfaces from masks."""
    logic = slicer.vtkSlicerSegmentationsModuleLogic()
    logic.SetMRMLScene(scene)
    return logic


@pytest.fixture
def outlined(panel_of, nodes, wait_until):
    """A panel that shows a result with masks, and its segmentation."""
    panel = panel_of("masks")
    return panel, resultFromNode(analyze(panel, wait_until)).segmentationNode


def has_surfaces(segmentation):
    return segmentation.GetSegmentation().ContainsRepresentation("Closed surface")


def test_surfaces_appear_when_the_button_is_checked_and_disappear_when_it_is_unchecked(outlined):
    panel, segmentation = outlined
    assert panel.ui.surfacesButton.enabled and not panel.ui.surfacesButton.checked and not has_surfaces(segmentation)
    panel.ui.surfacesButton.click()
    assert panel.ui.surfacesButton.checked and has_surfaces(segmentation)
    assert segmentation.GetDisplayNode().GetVisibility3D()
    panel.ui.surfacesButton.click()
    assert not panel.ui.surfacesButton.checked and not has_surfaces(segmentation)


def test_the_button_follows_changes_by_another_module(outlined):
    panel, segmentation = outlined
    showSurfaces(segmentation)
    assert panel.ui.surfacesButton.checked
    segmentation.GetDisplayNode().SetVisibility3D(False)
    assert not panel.ui.surfacesButton.checked and has_surfaces(segmentation)
    panel.ui.surfacesButton.click()
    assert segmentation.GetDisplayNode().GetVisibility3D()


def test_the_button_of_a_closed_panel_no_longer_follows_the_surfaces(outlined):
    panel, segmentation = outlined
    showSurfaces(segmentation)
    assert panel.ui.surfacesButton.checked
    panel.cleanup()
    segmentation.GetDisplayNode().SetVisibility3D(False)
    assert panel.ui.surfacesButton.checked


def test_surfaces_stay_after_the_next_analysis(outlined, wait_until):
    panel, segmentation = outlined
    panel.ui.surfacesButton.click()
    again = resultFromNode(analyze(panel, wait_until)).segmentationNode
    assert again is segmentation and has_surfaces(again) and panel.ui.surfacesButton.checked


def test_a_result_without_masks_says_why_there_is_nothing_to_show(panel_of, nodes, wait_until):
    panel = panel_of()
    assert (panel.ui.surfacesButton.enabled, panel.ui.surfacesButton.toolTip) == (False, "Analyze a study first.")
    analyze(panel, wait_until)
    assert (panel.ui.surfacesButton.enabled, panel.ui.surfacesButton.toolTip) == (False, "The result has no masks.")


def test_deleting_the_segmentation_disables_the_button(outlined, scene):
    panel, segmentation = outlined
    panel.ui.surfacesButton.click()
    scene.RemoveNode(segmentation)
    assert not panel.ui.surfacesButton.enabled and not panel.ui.surfacesButton.checked
