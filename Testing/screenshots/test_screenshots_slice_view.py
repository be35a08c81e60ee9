"""Slicer's own slice views show every point and the chosen level, and the mouse moves points."""

from dataclasses import replace

import numpy as np
import pytest
import slicer
from scene_examples import make_report
from slice_view import SceneLogics, SliceView

from SpinalDiseaseAILib.base.anatomy import structure
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.masks import LABELS, masks_of
from SpinalDiseaseAILib.base.study import Role, Series, Study
from SpinalDiseaseAILib.scene.mrb import add_study
from SpinalDiseaseAILib.scene.pointList import HIGHLIGHT_COLOUR, highlightPoint, pointOf
from SpinalDiseaseAILib.scene.results import writeReport

SIZE = (300, 360)
NEAR = 8
"""Half the side, in pixels, of a square around a point that contains its glyph but hardly any of its label."""


def make_study():
    """Eleven sagittal slices of noise, 4 mm apart, 120 × 200 mm around the points of the report."""
    voxels = np.random.default_rng(0).integers(0, 900, (11, 40, 50)).astype(np.int16)
    affine = np.diag([4.0, -3.0, -4.0, 1.0])
    affine[:3, 3] = (-20, 40, 98)
    return Study((Series(Role.SAGITTAL_T2, Image(voxels, affine), "1.2.3.2", "T2 sagittal"),), "1.2.3")


def moved_report(millimetres):
    """The report with every structure moved in the posterior direction."""
    report = make_report()
    structures = (
        replace(item, position=(item.position[0], item.position[1] - millimetres, item.position[2])) for item in report.structures
    )
    return replace(report, structures=tuple(structures))


@pytest.fixture
def logics_and_view(graphics):
    """An empty scene and a sagittal view of it."""
    logics = SceneLogics()
    return logics, SliceView(logics, "Yellow", SIZE)


@pytest.fixture
def shown(logics_and_view):
    """The sagittal view in the middle of the volume, and the nodes of a result."""
    logics, view = logics_and_view
    volume = add_study(logics.scene, make_study())[Role.SAGITTAL_T2]
    view.show(volume)
    return view, writeReport(make_report(), logics.scene, volume)


def colour_near(picture, view, position):
    """Distance from grey of the most colourful pixel near a position, 0 to 255."""
    x, y = (round(value) for value in view.place_of(position))
    row = SIZE[1] - 1 - y
    square = picture[max(row - NEAR, 0) : row + NEAR, max(x - NEAR, 0) : x + NEAR].astype(int)
    return int(np.ptp(square, axis=-1).max())


def test_the_view_shows_the_slice_in_grey(shown):
    view, nodes = shown
    nodes.pointsNode.GetDisplayNode().SetVisibility(False)
    picture = view.pixels()
    assert picture.shape == (SIZE[1], SIZE[0], 3)
    assert np.ptp(picture.astype(int), axis=-1).max() == 0
    assert picture.std() > 10


def test_every_point_is_visible_wherever_the_slice_lies(shown):
    view, _ = shown
    for offset in (-18.0, 0.0, 18.0):
        view.logic.SetSliceOffset(offset)
        picture = view.pixels()
        for item in make_report().structures:
            assert colour_near(picture, view, item.position) > 40, (item.name, offset)


def test_without_projection_the_points_of_other_slices_are_not_visible(shown):
    view, nodes = shown
    nodes.pointsNode.GetDisplayNode().SetSliceProjection(False)
    view.logic.SetSliceOffset(-18)
    picture = view.pixels()
    assert max(colour_near(picture, view, structure.position) for structure in make_report().structures) == 0


def test_the_chosen_level_stands_out_in_the_highlight_colour(shown):
    view, nodes = shown
    position = pointOf(nodes.pointsNode, "L3-L4")
    slicer.vtkMRMLSliceNode.JumpAllSlices(nodes.pointsNode.GetScene(), *position)
    highlightPoint(nodes.pointsNode, "L3-L4")
    x, y = (round(value) for value in view.place_of(position))
    pixel = view.pixels()[SIZE[1] - 1 - y, x]
    np.testing.assert_allclose(pixel, np.multiply(HIGHLIGHT_COLOUR, 255), atol=30)


def test_points_are_drawn_over_the_masks_of_their_structures(logics_and_view):
    logics, view = logics_and_view
    study = make_study()
    volume = add_study(logics.scene, study)[Role.SAGITTAL_T2]
    view.show(volume)
    labels = np.full(study.primary.image.voxels.shape, LABELS["L4"], np.uint8)
    report = replace(make_report(), masks=masks_of(Image(labels, study.primary.image.affine), "m"))
    nodes = writeReport(report, logics.scene, volume)
    nodes.segmentationNode.GetDisplayNode().SetOpacity2DFill(1)
    position = pointOf(nodes.pointsNode, "L3")
    slicer.vtkMRMLSliceNode.JumpAllSlices(logics.scene, *position)
    x, y = (round(value) for value in view.place_of(position))
    picture = view.pixels()
    np.testing.assert_allclose(picture[SIZE[1] - 1 - y, x], np.multiply(structure("L4-L5").colour, 255), atol=30)
    np.testing.assert_allclose(picture[SIZE[1] - 1 - y, x - 40], np.multiply(structure("L4").colour, 255), atol=30)


def test_a_point_dragged_with_the_mouse_moves_and_signals_when_it_is_released(shown):
    view, nodes = shown
    position = pointOf(nodes.pointsNode, "L4")
    slicer.vtkMRMLSliceNode.JumpAllSlices(nodes.pointsNode.GetScene(), *position)
    view.pixels()
    events = []
    for name in ("PointStartInteractionEvent", "PointModifiedEvent", "PointEndInteractionEvent"):
        event = getattr(slicer.vtkMRMLMarkupsNode, name)
        nodes.pointsNode.AddObserver(event, lambda caller, what, name=name: events.append(name))
    start = view.place_of(position)
    target = (start[0] + 12, start[1] - 9)
    view.drag(start, target)
    assert events[0] == "PointStartInteractionEvent"
    assert events[-1] == "PointEndInteractionEvent"
    np.testing.assert_allclose(view.place_of(pointOf(nodes.pointsNode, "L4")), target, atol=1.5)


def test_a_drag_that_begins_away_from_all_points_moves_none(shown):
    view, nodes = shown
    before = [pointOf(nodes.pointsNode, structure.name) for structure in make_report().structures]
    view.pixels()
    view.drag((5, 5), (40, 40))
    assert [pointOf(nodes.pointsNode, structure.name) for structure in make_report().structures] == before


def test_the_same_scene_gives_the_same_pixels(shown):
    view, nodes = shown
    first = view.pixels()
    scene = nodes.pointsNode.GetScene()
    volume = scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
    writeReport(moved_report(9), scene, volume)
    assert not np.array_equal(view.pixels(), first)
    writeReport(make_report(), scene, volume)
    np.testing.assert_array_equal(view.pixels(), first)
