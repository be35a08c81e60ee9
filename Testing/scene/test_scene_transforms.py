"""A volume that is moved after its analysis takes its result along; points moved relative to it count as corrected."""

import json

import numpy as np
import pytest
import slicer
import vtk
from scene_examples import finding, make_report, make_study
from vtk.util import numpy_support

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.masks import LABELS, Masks
from SpinalDiseaseAILib.base.report import StructureResult
from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.scene.corrections import applyGraded, applyRemoved, modelPoints, pendingChanges, restoreComputed
from SpinalDiseaseAILib.scene.mrb import add_study, read_scene
from SpinalDiseaseAILib.scene.pointEdits import editsOf
from SpinalDiseaseAILib.scene.pointList import indexOfPoint, pointOf, presentPoints
from SpinalDiseaseAILib.scene.results import (
    correctionsOf,
    inputsOf,
    reportFromNode,
    resultsInScene,
    studyOfResult,
    writeReport,
)
from SpinalDiseaseAILib.scene.volumes import studyFromVolumeNodes

TURN = np.array([[0.8, -0.6, 0, 10], [0.6, 0.8, 0, -4], [0, 0, 1, 7], [0, 0, 0, 1.0]])


@pytest.fixture
def turn(scene):
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "turn")
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(TURN))
    return node


@pytest.fixture
def warp(scene):
    """A nonlinear transform: up to 5 mm, more anterior than posterior."""
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "warp")
    spline = slicer.vtkOrientedBSplineTransform()
    coefficients = vtk.vtkImageData()
    coefficients.SetDimensions(8, 8, 8)
    coefficients.SetOrigin(-200, -200, -200)
    coefficients.SetSpacing(60, 60, 60)
    coefficients.AllocateScalars(vtk.VTK_DOUBLE, 3)
    values = np.zeros((512, 3))
    values[:, 1] = np.tile(np.repeat(np.linspace(-5, 5, 8), 8), 8)
    values[:, 2] = 3
    coefficients.GetPointData().SetScalars(numpy_support.numpy_to_vtk(values, deep=True))
    spline.SetCoefficientData(coefficients)
    node.SetAndObserveTransformToParent(spline)
    assert not node.IsLinear()
    return node


@pytest.fixture
def volume(t2_node):
    return t2_node


def under(transform, *nodes):
    for node in nodes:
        node.SetAndObserveTransformNodeID(transform.GetID() if transform else None)


def applied(matrix, point):
    return (matrix @ [*point, 1.0])[:3]


def move(result, name, position):
    result.pointsNode.SetNthControlPointPositionWorld(indexOfPoint(result.pointsNode, name), *position)


def graded(*structures):
    report = make_report()
    return type(report)(**{**vars(report), "structures": structures})


def moved_report(matrix):
    report = make_report()
    moved = tuple(
        StructureResult(item.name, tuple(map(float, applied(matrix, item.position))), item.confidence, item.findings)
        for item in report.structures
    )
    return type(report)(**{**vars(report), "structures": moved})


def masked_report(image):
    labels = np.zeros(image.voxels.shape, dtype=np.uint8)
    labels[2:5, 7:9, 6:12] = LABELS["L5"]
    return type(make_report())(**{**vars(make_report()), "masks": Masks(Image(labels, image.affine), {LABELS["L5"]: "L5"}, "m")})


def centre(result):
    """World RAS millimetres of the centre of the L5 mask, including transforms."""
    node = result.segmentationNode
    image = node.GetSegmentation().GetSegment("L5").GetRepresentation("Binary labelmap")
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    local = slicer.util.arrayFromVTKMatrix(matrix) @ [3.0, 7.5, 8.5, 1.0]
    parent = node.GetParentTransformNode()
    if parent is None:
        return local[:3]
    parent.GetMatrixTransformToWorld(matrix)
    return (slicer.util.arrayFromVTKMatrix(matrix) @ local)[:3]


def test_points_under_the_transform_of_their_volume_do_not_count_as_corrected(result, volume, turn):
    under(turn, volume, result.pointsNode)
    assert not pendingChanges(result.reportNode)


def test_changing_a_transform_of_both_corrects_nothing(result, volume, turn):
    under(turn, volume, result.pointsNode)
    turn.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(TURN @ TURN))
    assert not pendingChanges(result.reportNode)


@pytest.mark.parametrize("hardened", ["both", "volume", "points"])
def test_a_transform_that_is_hardened_corrects_nothing(result, volume, turn, hardened):
    under(turn, volume, result.pointsNode)
    for name, node in (("volume", volume), ("points", result.pointsNode)):
        if hardened in (name, "both"):
            node.HardenTransform()
    assert not pendingChanges(result.reportNode)


def test_removing_a_transform_again_corrects_nothing(scene, volume, turn):
    under(turn, volume)
    result = writeReport(make_report(), scene, volume)
    assert not pendingChanges(result.reportNode)
    under(turn, result.pointsNode)  # the points of a moved volume are in world coordinates
    assert len(pendingChanges(result.reportNode).placed) == len(KEY_POINTS)
    under(None, result.pointsNode)
    result.pointsNode.ApplyTransformMatrix(slicer.util.vtkMatrixFromArray(np.linalg.inv(TURN)))
    under(None, volume)
    assert not pendingChanges(result.reportNode)


def test_a_warp_of_both_corrects_nothing(result, volume, warp):
    under(warp, volume, result.pointsNode)
    assert pointOf(result.pointsNode, "L1") != pytest.approx(make_report().structure("L1").position, abs=1)
    assert not pendingChanges(result.reportNode)


def test_a_point_moved_under_a_warp_is_the_only_correction_and_has_its_position_in_the_report(result, volume, warp):
    under(warp, volume, result.pointsNode)
    index = indexOfPoint(result.pointsNode, "L3")
    x, y, z = result.pointsNode.GetNthControlPointPosition(index)
    result.pointsNode.SetNthControlPointPosition(index, x, y + 3, z)
    (moved,) = pendingChanges(result.reportNode).placed.items()
    assert moved[0] == "L3" and moved[1] == pytest.approx((x, y + 3, z), abs=0.01)


def analysed_report(study):
    """A report that names the voxels of the study."""
    return make_report(series=tuple(item.identity() for item in study.series))


@pytest.fixture
def analysed(scene, volume):
    """A result on the volume that names its voxels."""
    study = studyFromVolumeNodes(volume)
    return writeReport(analysed_report(study), scene, volume, study=study)


def analyse_again(scene, volume, **options):
    study = studyFromVolumeNodes(volume)
    return writeReport(analysed_report(study), scene, volume, study=study, **options)


def positions(result):
    return {name: pytest.approx(place, abs=0.02) for name, place in presentPoints(result.pointsNode).items()}


@pytest.mark.parametrize("first", ["volume", "points"])
def test_a_warp_hardened_on_volume_and_points_makes_no_corrections_in_the_next_analysis(analysed, scene, volume, warp, first):
    under(warp, volume, analysed.pointsNode)
    nodes = [volume, analysed.pointsNode] if first == "volume" else [analysed.pointsNode, volume]
    for node in nodes:
        assert node.HardenTransform()
    again = analyse_again(scene, volume)
    assert again.kept == () and not pendingChanges(again.reportNode)
    assert presentPoints(again.pointsNode) == {item.name: pytest.approx(item.position) for item in make_report().structures}


def test_a_corrected_point_stays_where_a_hardened_warp_took_it_and_the_others_are_placed_anew(analysed, scene, volume, warp):
    applyGraded(analysed.reportNode, graded(StructureResult("L3", (1.0, 2.0, 3.0), 1.0, (), manual=True)))
    move(analysed, "L3", (1.0, 2.0, 3.0))
    under(warp, volume, analysed.pointsNode)
    volume.HardenTransform()
    analysed.pointsNode.HardenTransform()
    taken = positions(analysed)["L3"]
    again = analyse_again(scene, volume)
    assert {item.structure for item in again.kept} == {"L3"} and list(pendingChanges(again.reportNode).placed) == ["L3"]
    assert presentPoints(again.pointsNode)["L3"] == taken
    assert [(item.kind, item.structure) for item in correctionsOf(again.reportNode)] == [("moved", "L3")]


def test_a_removed_point_stays_removed_after_a_hardened_warp(analysed, scene, volume, warp):
    analysed.pointsNode.UnsetNthControlPointPosition(indexOfPoint(analysed.pointsNode, "L1"))
    under(warp, volume, analysed.pointsNode)
    volume.HardenTransform()
    analysed.pointsNode.HardenTransform()
    again = analyse_again(scene, volume)
    assert pendingChanges(again.reportNode).removed == ("L1",) and not pendingChanges(again.reportNode).placed


def test_a_point_moved_on_voxels_that_were_changed_stays_an_edit(analysed, scene, volume):
    slicer.util.updateVolumeFromArray(volume, slicer.util.arrayFromVolume(volume) + 1)
    move(analysed, "L3", (4.0, 5.0, 6.0))
    again = analyse_again(scene, volume)
    assert pendingChanges(again.reportNode).placed == {"L3": pytest.approx((4, 5, 6))}


def test_points_that_were_all_moved_on_the_analysed_voxels_stay_edits(analysed, scene, volume, turn):
    under(turn, analysed.pointsNode)
    analysed.pointsNode.HardenTransform()
    again = analyse_again(scene, volume)
    assert set(pendingChanges(again.reportNode).placed) == set(KEY_POINTS)


def test_points_that_moved_relative_to_their_volume_count_as_corrected(result, turn):
    under(turn, result.pointsNode)
    assert set(pendingChanges(result.reportNode).placed) == set(KEY_POINTS)


def test_points_left_behind_by_their_volume_do_not_count_as_corrected(result, volume, turn):
    """Nobody moved them, and grading a level where they lie on the moved image would assess other anatomy."""
    under(turn, volume)
    assert not pendingChanges(result.reportNode)
    volume.HardenTransform()
    assert not pendingChanges(result.reportNode)


def test_points_restored_on_a_moved_volume_stay_behind_when_it_is_moved_back(result, volume, turn):
    under(turn, volume)
    restoreComputed(result.reportNode)
    under(None, volume)
    assert not pendingChanges(result.reportNode)
    move(result, "L3", (4.0, 5.0, 6.0))
    assert pendingChanges(result.reportNode).placed == {"L3": pytest.approx((4, 5, 6))}


def test_a_point_dragged_to_the_volume_that_left_it_behind_is_the_only_one_graded(result, volume, turn):
    under(turn, volume)
    before = make_report().structure("L4-L5").position
    move(result, "L4-L5", np.add(applied(TURN, before), (0, 0, 1)))
    assert pendingChanges(result.reportNode).placed == {"L4-L5": pytest.approx(np.add(before, (0, 0, 1)))}
    points, _ = modelPoints(result.reportNode)
    assert points["L3-L4"] == make_report().structure("L3-L4").position


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_new_analysis_moves_points_that_were_left_behind_to_the_volume(result, scene, volume, turn, overwrite):
    under(turn, volume)
    again = writeReport(moved_report(TURN), scene, volume, overwriteEdits=overwrite)
    assert again.kept == () and not pendingChanges(again.reportNode)
    for item in make_report().structures:
        assert pointOf(again.pointsNode, item.name) == pytest.approx(applied(TURN, item.position))


def test_points_and_volume_that_were_moved_survive_the_scene_file(result, scene, volume, turn, tmp_path):
    under(turn, volume, result.pointsNode)
    volume.HardenTransform()
    assert scene.WriteToMRB(str(tmp_path / "moved.mrb"))
    (again,) = resultsInScene(loaded := read_scene(tmp_path / "moved.mrb"))
    assert loaded is not None and not pendingChanges(again.reportNode)
    again.pointsNode.HardenTransform()
    assert not pendingChanges(again.reportNode)
    move(again, "L4-L5", applied(TURN, (1.0, 2.0, 3.0)))
    assert pendingChanges(again.reportNode).placed == {"L4-L5": pytest.approx((1, 2, 3))}


def test_models_see_the_image_and_the_points_where_they_were_analysed(scene, volume, turn):
    analysed = make_study()
    result = writeReport(make_report(), scene, volume, study=analysed)
    under(turn, volume, result.pointsNode)
    volume.HardenTransform()
    move(result, "L4-L5", applied(TURN, (1.0, 2.0, 3.0)))
    points, _ = modelPoints(result.reportNode)
    assert points["L4-L5"] == pytest.approx((1, 2, 3))
    assert points["L1"] == make_report().structure("L1").position
    # Exactly equal, so that the process that segmented the image recognizes it.
    assert studyOfResult(result.reportNode).primary.identity().sha256 == analysed.primary.identity().sha256


def test_an_image_that_was_saved_and_read_again_is_recognized(scene, volume, tmp_path):
    analysed = make_study()
    writeReport(make_report(), scene, volume, study=analysed)
    assert scene.WriteToMRB(str(tmp_path / "saved.mrb"))
    (again,) = resultsInScene(loaded := read_scene(tmp_path / "saved.mrb"))
    assert loaded is not None
    assert studyOfResult(again.reportNode).primary.identity().sha256 == analysed.primary.identity().sha256


def test_a_t1_volume_that_moved_with_the_t2_is_also_returned_where_it_was(scene, turn):
    analysed = make_study(with_t1=True)
    nodes = add_study(scene, analysed)
    result = writeReport(make_report(), scene, *nodes.values(), study=analysed)
    under(turn, *nodes.values())
    before, after = (item.of_role(Role.SAGITTAL_T1).image.affine for item in (analysed, studyOfResult(result.reportNode)))
    np.testing.assert_array_equal(after, before)


def test_a_level_that_is_graded_after_its_volume_moved_stays_where_the_reader_placed_it(result, volume, turn):
    under(turn, volume, result.pointsNode)
    place = applied(TURN, (1.0, 2.0, 3.0))
    move(result, "L4-L5", place)
    position = pendingChanges(result.reportNode).placed["L4-L5"]
    again = StructureResult("L4-L5", position, 1.0, (finding("pfirrmann", "2"),), manual=True)
    applyGraded(result.reportNode, graded(again))
    assert not pendingChanges(result.reportNode)
    assert pointOf(result.pointsNode, "L4-L5") == pytest.approx(place)
    assert [(item.kind, item.structure) for item in correctionsOf(result.reportNode)] == [("moved", "L4-L5")]


def test_restored_points_lie_on_the_volume_where_it_is_now(result, volume, turn):
    applyRemoved(result.reportNode, ("L2",))
    under(turn, volume)
    volume.HardenTransform()
    restoreComputed(result.reportNode)
    for item in make_report().structures:
        assert pointOf(result.pointsNode, item.name) == pytest.approx(applied(TURN, item.position))
    assert not pendingChanges(result.reportNode)


def test_an_analysis_of_the_moved_volume_takes_its_corrections_along(result, scene, volume, turn):
    applyGraded(result.reportNode, graded(StructureResult("L4-L5", (1.0, 2.0, 3.0), 1.0, (), manual=True)))
    move(result, "L4-L5", (1.0, 2.0, 3.0))
    under(turn, volume, result.pointsNode)
    writeReport(moved_report(TURN), scene, volume)
    assert [(item.kind, item.structure) for item in correctionsOf(result.reportNode)] == [("moved", "L4-L5")]
    assert reportFromNode(result.reportNode).structure("L4-L5").position == pytest.approx(applied(TURN, (1, 2, 3)))
    assert not pendingChanges(result.reportNode)
    assert presentPoints(result.pointsNode)["L1"] == pytest.approx(applied(TURN, make_report().structure("L1").position))


def test_a_report_that_arrives_after_its_volume_moved_is_placed_on_it(scene, volume, turn):
    """As if a user moves a volume while it is analysed."""
    analysed = make_study()
    under(turn, volume)
    result = writeReport(masked_report(analysed.primary.image), scene, volume, study=analysed)
    assert pointOf(result.pointsNode, "L3") == pytest.approx(applied(TURN, make_report().structure("L3").position))
    assert centre(result) == pytest.approx(applied(TURN, analysed.primary.image.to_ras((3, 7.5, 8.5))))
    assert not pendingChanges(result.reportNode)


@pytest.mark.parametrize("harden", [False, True])
def test_masks_that_are_updated_or_restored_lie_on_the_moved_volume(scene, volume, turn, harden):
    image = make_study().primary.image
    result = writeReport(masked_report(image), scene, volume)
    nodes = (volume, result.pointsNode, result.segmentationNode)
    under(turn, *nodes)
    for node in nodes if harden else ():
        node.HardenTransform()
    wanted = applied(TURN, image.to_ras((3, 7.5, 8.5)))
    assert centre(result) == pytest.approx(wanted)
    again = StructureResult("L4-L5", (1.0, 2.0, 3.0), 1.0, (), manual=True)
    report = masked_report(image)
    applyGraded(result.reportNode, type(report)(**{**vars(report), "structures": (again,)}))
    assert centre(result) == pytest.approx(wanted)
    under(None, result.segmentationNode)
    restoreComputed(result.reportNode)
    assert centre(result) == pytest.approx(wanted)


def test_a_result_whose_volume_has_a_different_grid_now_stays_where_it_was(result, volume):
    slicer.util.updateVolumeFromArray(volume, np.zeros((3, 4, 5), dtype=np.int16))
    assert not pendingChanges(result.reportNode)


def test_points_in_a_scene_of_an_earlier_version_do_not_count_as_edited(result):
    node, name = result.pointsNode, "SpinalDiseaseAI.WrittenPoints"
    node.SetAttribute(name, json.dumps({key: values[:3] for key, values in json.loads(node.GetAttribute(name)).items()}))
    result.reportNode.RemoveAttribute("SpinalDiseaseAI.AnalysedGeometry")
    assert not pendingChanges(result.reportNode) and editsOf(node) == ()
    move(result, "L3", (4.0, 5.0, 6.0))
    assert list(pendingChanges(result.reportNode).placed) == ["L3"] and len(editsOf(node)) == 1


def test_a_result_without_recorded_geometry_is_in_world_coordinates(result, volume):
    result.reportNode.RemoveAttribute("SpinalDiseaseAI.AnalysedGeometry")
    assert not pendingChanges(result.reportNode)
    assert inputsOf(result.reportNode)[0] is volume
