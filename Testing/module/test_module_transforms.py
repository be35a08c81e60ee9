"""The panel while volumes are moved in the scene: points that moved with their volume do not count as corrected."""

import json

import numpy as np
import pytest
import slicer
import vtk
from panel_helpers import analyze, drag, points_of

from SpinalDiseaseAILib.base.report import SeriesIdentity
from SpinalDiseaseAILib.scene.pointList import pointOf
from SpinalDiseaseAILib.scene.results import reportFromNode

SHIFT = (12.0, -30.0, 45.0)


@pytest.fixture
def panel(measured):
    return measured


@pytest.fixture
def shift_all(panel, nodes, scene):
    """Put the volumes and the points under one transform, like a transform on their folder."""

    def shift():
        matrix = np.eye(4)
        matrix[:3, 3] = SHIFT
        transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
        transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
        for node in (*nodes, points_of(panel)):
            node.SetAndObserveTransformNodeID(transform.GetID())
        return transform

    return shift


def report(panel):
    return reportFromNode(panel.parameterNode.report)


def reopen(panel):
    panel.exit()
    panel.enter()


def settle(panel, wait_until):
    wait_until(lambda: not panel.logic.grading and not panel.corrections._later.active)


def test_a_study_that_is_moved_as_a_whole_is_not_regraded(panel, shift_all, wait_until):
    shift_all()
    reopen(panel)
    settle(panel, wait_until)
    assert report(panel).corrections == ()


def test_in_a_moved_study_only_the_dragged_level_is_graded_and_measured(panel, shift_all, wait_until, errors):
    before = report(panel).structure("L4-L5").position
    shift_all()
    place = drag(points_of(panel), "L4-L5", (0, 2, 0))
    wait_until(lambda: "follows" in panel.ui.statusLabel.text)
    assert [(item.kind, item.structure) for item in report(panel).corrections] == [("moved", "L4-L5")]
    assert report(panel).structure("L4-L5").position == pytest.approx(np.add(before, (0, 2, 0)))
    index = [points_of(panel).GetNthControlPointLabel(i) for i in range(11)].index("L4-L5")
    assert points_of(panel).GetNthControlPointPositionWorld(index) == pytest.approx(place)
    assert errors == []


def test_files_show_the_points_on_the_image_of_a_moved_study(panel, shift_all, tmp_path, monkeypatch):
    from SpinalDiseaseAILib import writing

    shift_all()
    seen = []
    monkeypatch.setattr(writing, "write_results", lambda report, study, *rest, **more: seen.append((report, study)) or {})
    panel.ui.outputDirectoryButton.directory = str(tmp_path)
    panel.ui.exportButton.click()
    ((written, study),) = seen
    (sha,) = {item.sha256 for item in written.series if item.role == study.primary.role.value}
    assert study.primary.identity().sha256 == sha


def test_a_level_is_not_graded_on_voxels_that_were_changed_since(panel, nodes, wait_until, errors):
    before = report(panel)
    slicer.util.updateVolumeFromArray(nodes[0], slicer.util.arrayFromVolume(nodes[0]) + 1)
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    wait_until(lambda: errors)
    assert "voxels are not those that were analyzed" in errors[0] and "Analyze it again" in errors[0]
    assert report(panel) == before


def test_a_hardened_warp_is_answered_by_a_new_analysis_which_corrects_nothing(panel, nodes, scene, wait_until, errors):
    warp = scene.AddNewNodeByClass("vtkMRMLTransformNode", "warp")
    landmarks = vtk.vtkPoints()
    moved = vtk.vtkPoints()
    for x, y, z in ((-100, -100, -100), (100, -100, -100), (-100, 100, -100), (-100, -100, 100), (100, 100, 100)):
        landmarks.InsertNextPoint(x, y, z)
        moved.InsertNextPoint(x + 4, y + z / 50, z + 3)
    spline = vtk.vtkThinPlateSplineTransform()
    spline.SetSourceLandmarks(landmarks)
    spline.SetTargetLandmarks(moved)
    spline.SetBasisToR()
    warp.SetAndObserveTransformToParent(spline)
    for node in (*nodes, points_of(panel)):
        node.SetAndObserveTransformNodeID(warp.GetID())
    for node in (*nodes, points_of(panel)):
        assert node.HardenTransform()
    reopen(panel)
    wait_until(lambda: errors)
    assert "Analyze it again" in errors[0] and report(panel).corrections == ()
    analyze(panel, wait_until)
    settle(panel, wait_until)
    assert report(panel).corrections == () and len(errors) == 1
    for item in report(panel).structures:
        assert pointOf(points_of(panel), item.name) == pytest.approx(item.position)


def test_a_result_of_an_older_scene_is_graded_although_its_voxels_cannot_be_compared(panel, wait_until, errors):
    node = panel.parameterNode.report
    document = json.loads(node.GetText())
    for item in document["series"]:
        item["sha256"] = "ab" * 32
    node.SetText(json.dumps(document))
    assert isinstance(report(panel).series[0], SeriesIdentity)
    node.RemoveAttribute("SpinalDiseaseAI.AnalysedGeometry")
    drag(points_of(panel), "L4-L5", (0, 2, 0))
    wait_until(lambda: "follows" in panel.ui.statusLabel.text)
    assert errors == [] and report(panel).structure("L4-L5").manual
