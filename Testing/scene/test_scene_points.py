"""The list of points of a result."""

from dataclasses import replace

import numpy as np
import pytest
import vtk
from scene_examples import make_report

from SpinalDiseaseAILib.base import anatomy
from SpinalDiseaseAILib.scene.pointEdits import EditKind, editsOf
from SpinalDiseaseAILib.scene.pointList import pointOf
from SpinalDiseaseAILib.scene.results import updateReport, writeReport


def labels(node):
    return [node.GetNthControlPointLabel(index) for index in range(node.GetNumberOfControlPoints())]


def index_of(node, label):
    return labels(node).index(label)


def moved_report(report, millimetres):
    x, y, z = millimetres
    structures = tuple(
        replace(item, position=(item.position[0] + x, item.position[1] + y, item.position[2] + z)) for item in report.structures
    )
    return replace(report, structures=structures)


def test_every_structure_has_one_labelled_point_at_its_position_from_cranial_to_caudal(result):
    assert labels(result.pointsNode) == list(anatomy.KEY_POINTS)
    for index, item in enumerate(make_report().structures):
        np.testing.assert_allclose(result.pointsNode.GetNthControlPointPositionWorld(index), item.position, atol=1e-9)


def test_a_description_says_the_structure_and_its_findings(result):
    node = result.pointsNode
    description = node.GetNthControlPointDescription(index_of(node, "L4-L5"))
    assert description == "L4-L5 disc: Pfirrmann 4 (0.70) · bulging 0.85"
    assert node.GetNthControlPointDescription(index_of(node, "L4")) == "L4 vertebra"


def test_the_number_of_points_is_locked_and_they_name_their_volume(result, t2_node):
    node = result.pointsNode
    assert node.GetFixedNumberOfControlPoints()
    assert {node.GetNthControlPointAssociatedNodeID(index) for index in range(11)} == {t2_node.GetID()}


def test_the_points_have_labels_and_the_colour_of_the_discs(result):
    display = result.pointsNode.GetDisplayNode()
    assert display.GetPointLabelsVisibility()
    np.testing.assert_allclose(display.GetColor(), anatomy.structure("L4-L5").colour)


def test_every_point_is_visible_in_every_slice_not_only_in_its_own(result):
    assert result.pointsNode.GetDisplayNode().GetSliceProjection()


def test_points_lie_at_world_positions_when_the_volume_is_under_a_transform(scene, t2_node, put_under):
    put_under(t2_node)
    node = writeReport(make_report(), scene, t2_node).pointsNode
    np.testing.assert_allclose(pointOf(node, "L3"), make_report().structure("L3").position, atol=1e-9)


def test_a_second_report_moves_the_points_and_makes_no_new_ones(scene, t2_node, result):
    ids = [result.pointsNode.GetNthControlPointID(index) for index in range(11)]
    again = writeReport(moved_report(make_report(), (1, 2, 3)), scene, t2_node)
    assert again.pointsNode is result.pointsNode
    assert [again.pointsNode.GetNthControlPointID(index) for index in range(11)] == ids
    np.testing.assert_allclose(pointOf(again.pointsNode, "L1"), np.add(make_report().structure("L1").position, (1, 2, 3)))
    assert again.kept == ()


def test_structures_that_come_and_go_get_and_lose_their_points_in_order(scene, t2_node, result):
    report = make_report()
    shorter = replace(report, structures=report.structures[2:])
    assert labels(writeReport(shorter, scene, t2_node).pointsNode) == list(anatomy.KEY_POINTS[2:])
    assert labels(writeReport(report, scene, t2_node).pointsNode) == list(anatomy.KEY_POINTS)


def test_nothing_counts_as_an_edit_before_anyone_edits(result):
    assert editsOf(result.pointsNode) == ()


def edit_everything(node):
    node.SetNthControlPointPositionWorld(index_of(node, "L2"), 5, 6, 7)
    node.SetNthControlPointLabel(index_of(node, "L3"), "L3?")
    node.SetNthControlPointDescription(index_of(node, "L4"), "fracture")
    node.SetFixedNumberOfControlPoints(False)
    node.RemoveNthControlPoint(index_of(node, "L5"))
    node.AddControlPointWorld(vtk.vtkVector3d(8, 9, 10), "cyst")


EDITS = [
    ("L2", EditKind.MOVED),
    ("L3", EditKind.RENAMED),
    ("L4", EditKind.DESCRIBED),
    ("L5", EditKind.REMOVED),
    ("cyst", EditKind.ADDED),
]


def test_every_kind_of_edit_is_detected(result):
    edit_everything(result.pointsNode)
    assert [(edit.structure, edit.kind) for edit in editsOf(result.pointsNode)] == EDITS


def test_edits_survive_another_report_and_are_reported(scene, t2_node, result):
    node = result.pointsNode
    edit_everything(node)
    again = writeReport(make_report(pfirrmann="2"), scene, t2_node)
    assert [(edit.structure, edit.kind) for edit in again.kept] == EDITS
    assert pointOf(node, "L2") == (5, 6, 7)
    assert pointOf(node, "L5") is None
    assert {"L3?", "cyst"} <= set(labels(node)) and not {"L3", "L5"} & set(labels(node))
    assert node.GetNthControlPointDescription(index_of(node, "L4")) == "fracture"
    assert "Pfirrmann 2" in node.GetNthControlPointDescription(index_of(node, "L4-L5"))
    assert node.GetFixedNumberOfControlPoints()


def test_edits_are_overwritten_on_request(scene, t2_node, result):
    edit_everything(result.pointsNode)
    again = writeReport(make_report(), scene, t2_node, overwriteEdits=True)
    assert again.kept == ()
    assert labels(again.pointsNode) == list(anatomy.KEY_POINTS)


def test_a_point_whose_position_was_unset_counts_as_removed(result):
    result.pointsNode.UnsetNthControlPointPosition(3)
    assert [(edit.structure, edit.kind) for edit in editsOf(result.pointsNode)] == [("L2", EditKind.REMOVED)]


def test_a_moved_point_is_no_longer_an_edit_once_the_report_has_its_position(result):
    node = result.pointsNode
    node.SetNthControlPointPositionWorld(index_of(node, "L2"), 5, 6, 7)
    report = make_report()
    graded = report.with_structures((replace(report.structure("L2"), position=(5.0, 6.0, 7.0), manual=True),))
    assert updateReport(result.reportNode, graded).kept == ()


@pytest.mark.parametrize("millimetres", [0.001, 0.1])
def test_a_hundredth_of_a_millimetre_distinguishes_a_move_from_rounding(result, millimetres):
    x, y, z = result.pointsNode.GetNthControlPointPositionWorld(0)
    result.pointsNode.SetNthControlPointPositionWorld(0, x + millimetres, y, z)
    assert bool(editsOf(result.pointsNode)) is (millimetres > 0.01)
