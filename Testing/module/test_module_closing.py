"""A scene with results is closed: the window does not stand still while their masks are deleted."""

import slicer
from panel_helpers import analyze


def test_masks_of_results_are_let_go_of_before_the_scene_is_closed(panel_of, nodes, wait_until, scene):
    slicer.vtkSlicerSegmentationsModuleLogic().SetMRMLScene(scene)  # it knows what an empty segment is
    panel = panel_of("masks")
    reportNode = analyze(panel, wait_until)
    segmentation = reportNode.GetNodeReference("SpinalDiseaseAI.segmentation").GetSegmentation()
    mine = scene.AddNewNodeByClass("vtkMRMLSegmentationNode").GetSegmentation()
    assert mine.AddEmptySegment("mine") == "mine"
    found = []
    scene.AddObserver(  # called after the panel, which was there first
        scene.StartCloseEvent,
        lambda caller, event: found.append((segmentation.GetNumberOfSegments(), mine.GetNumberOfSegments())),
    )
    assert segmentation.GetNumberOfSegments() == 1
    scene.Clear()
    assert found == [(0, 1)]


def test_a_scene_with_a_result_that_cannot_be_read_is_closed_as_any_other(panel, scene):
    panel.parameterNode.report.SetText("no report")
    scene.Clear()
    assert panel.parameterNode.report is None
