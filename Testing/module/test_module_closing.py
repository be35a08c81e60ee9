"""Closing a scene with results does not freeze the window while their masks are deleted."""

import slicer
from panel_helpers import analyze


def test_masks_of_results_are_released_before_the_scene_is_closed(panel_of, nodes, wait_until, scene):
    slicer.vtkSlicerSegmentationsModuleLogic().SetMRMLScene(scene)  # it defines empty segments
    panel = panel_of("masks")
    reportNode = analyze(panel, wait_until)
    segmentation = reportNode.GetNodeReference("SpinalDiseaseAI.segmentation").GetSegmentation()
    mine = scene.AddNewNodeByClass("vtkMRMLSegmentationNode").GetSegmentation()
    assert mine.AddEmptySegment("mine") == "mine"
    found = []
    scene.AddObserver(  # called after the panel's own observer, which was added first
        scene.StartCloseEvent,
        lambda caller, event: found.append((segmentation.GetNumberOfSegments(), mine.GetNumberOfSegments())),
    )
    assert segmentation.GetNumberOfSegments() == 1
    scene.Clear()
    assert found == [(0, 1)]


def test_a_scene_with_an_unreadable_result_is_closed_like_any_other(panel, scene):
    panel.parameterNode.report.SetText("no report")
    scene.Clear()
    assert panel.parameterNode.report is None
