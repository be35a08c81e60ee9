"""The segmentation of a result back to masks: as in the scene, including edits, on the analysed voxels."""

from dataclasses import replace

import numpy as np
import pytest
import slicer
from scene_application import enter
from scene_examples import NAMES, make_masks, make_report, make_study

from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.base.masks import LABELS, masks_of
from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.reading import open_study
from SpinalDiseaseAILib.scene.corrections import applyGraded, renumberResult, restoreComputed
from SpinalDiseaseAILib.scene.mrb import add_study, read_scene, write_scene
from SpinalDiseaseAILib.scene.results import resultsInScene, writeReport
from SpinalDiseaseAILib.scene.segmentation import isEdited, showSurfaces
from SpinalDiseaseAILib.scene.shownMasks import masksOfResult


@pytest.fixture(autouse=True)
def in_application(scene, monkeypatch):
    enter(scene, monkeypatch)


@pytest.fixture
def study():
    return make_study()


@pytest.fixture
def masks(study):
    return make_masks(study.primary.image)


@pytest.fixture
def segmented(scene, t2_node, masks):
    """Nodes of a report with masks."""
    return writeReport(replace(make_report(), masks=masks), scene, t2_node)


def edit(segmented, name, where, volume):
    """Make a segment consist of some voxels of a volume, (I, J, K), like the Segment Editor does."""
    voxels = np.zeros(volume.GetImageData().GetDimensions(), dtype=np.uint8)
    voxels[where] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(voxels.T.copy(), segmented.segmentationNode, name, volume)
    return voxels.astype(bool)


def assert_same(found, expected):
    assert set(found.names.values()) == set(expected.names.values())
    assert all((found.of(name) == expected.of(name)).all() for name in expected.names.values())
    assert np.array_equal(found.image.affine, expected.image.affine)


def test_the_masks_of_the_sample_come_back_with_the_same_voxels_names_and_place(scene):
    study = open_study([sample_folder()])
    image = study.primary.image
    labels = np.zeros(image.voxels.shape, dtype=np.uint8)
    labels[image.voxels > np.percentile(image.voxels, 80)] = LABELS["L4"]
    labels[:, :, : labels.shape[2] // 3] *= 0
    labels[3:7, 100:120, 50:80] = LABELS["L4-L5"]
    masks = masks_of(Image(labels, image.affine), "a model")
    report = replace(make_report(), masks=masks)
    result = writeReport(report, scene, add_study(scene, study)[Role.SAGITTAL_T2], study=study)
    found = masksOfResult(result.reportNode)
    assert_same(found, masks)
    assert found.names == masks.names and np.array_equal(found.image.voxels, labels) and found.model == "a model"


def test_any_node_of_the_result_will_do(segmented, masks):
    assert_same(masksOfResult(segmented.segmentationNode), masks)


def test_a_result_without_a_segmentation_has_no_masks(result, segmented, scene):
    assert masksOfResult(segmented.reportNode) is not None
    scene.RemoveNode(segmented.segmentationNode)
    assert masksOfResult(segmented.reportNode) is None


def test_a_segmentation_without_voxels_gives_no_masks(segmented, t2_node):
    for name in NAMES:
        edit(segmented, name, np.s_[:0], t2_node)
    assert masksOfResult(segmented.reportNode) is None


def test_segments_added_by_a_user_that_are_not_structures_are_left_out(segmented, masks):
    segmented.segmentationNode.GetSegmentation().AddEmptySegment("cyst")
    found = masksOfResult(segmented.reportNode)
    assert_same(found, masks)
    assert isEdited(segmented.segmentationNode) and found.model == "m", "the structures are still the model's"
    renumberResult(segmented.reportNode, -1)
    assert isEdited(segmented.segmentationNode) and masksOfResult(segmented.reportNode).model == "m"


def test_edited_masks_come_back_as_edited_and_without_a_model(segmented, masks, t2_node):
    own = edit(segmented, "L5", np.s_[2:7, 1:4, 12:14], t2_node)
    found = masksOfResult(segmented.reportNode)
    assert (found.of("L5") == own).all() and found.model == ""
    assert all((found.of(name) == masks.of(name)).all() for name in NAMES if name != "L5")


def test_a_structure_that_a_reader_removed_is_gone(segmented):
    segmented.segmentationNode.GetSegmentation().RemoveSegment("L4")
    found = masksOfResult(segmented.reportNode)
    assert "L4" not in found.names.values() and found.model == ""


def test_if_segments_overlap_the_lower_one_in_the_list_counts(segmented, t2_node):
    edit(segmented, "L4", np.s_[3:9, 4:12, 2:20], t2_node)
    found = masksOfResult(segmented.reportNode)
    assert found.of("L5-S1")[5, 5, 18] and found.of("L4")[5, 5, 6]


def test_restored_masks_are_the_models_again(segmented, study, masks):
    renamed = masks.renamed({"L4-L5": "L3-L4", "L5": "L4", "L5-S1": "L4-L5"})
    applyGraded(segmented.reportNode, replace(make_report(), structures=(), masks=renamed))
    assert_same(masksOfResult(segmented.reportNode), renamed)
    restoreComputed(segmented.reportNode)
    found = masksOfResult(segmented.reportNode)
    assert_same(found, masks)
    assert found.model == "m"


def test_they_have_the_names_of_the_numbering_that_a_reader_chose(segmented, masks):
    renumberResult(segmented.reportNode, 1)
    assert_same(masksOfResult(segmented.reportNode), masks.renamed({"L4": "L5", "L4-L5": "L5-S1", "L5": "S1"}))


def test_surfaces_in_the_views_do_not_matter(segmented, masks):
    showSurfaces(segmented.segmentationNode)
    assert_same(masksOfResult(segmented.reportNode), masks)


@pytest.mark.parametrize("moved", ["both", "volume", "both, hardened"])
def test_masks_of_a_moved_study_are_returned_where_it_was_analysed(segmented, masks, t2_node, put_under, moved):
    node = segmented.segmentationNode
    put_under(t2_node)
    if moved != "volume":
        node.SetAndObserveTransformNodeID(t2_node.GetTransformNodeID())
    if moved == "both, hardened":
        t2_node.HardenTransform()
        node.HardenTransform()
    found = masksOfResult(segmented.reportNode)
    assert_same(found, masks)
    assert found.model == "m"


@pytest.mark.parametrize("hardened", [False, True])
def test_edits_in_a_moved_study_are_returned_where_they_lie_on_the_image(segmented, masks, t2_node, put_under, hardened):
    put_under(t2_node)
    segmented.segmentationNode.SetAndObserveTransformNodeID(t2_node.GetTransformNodeID())
    if hardened:
        t2_node.HardenTransform()
        segmented.segmentationNode.HardenTransform()
    own = edit(segmented, "L5", np.s_[2:7, 1:4, 12:14], t2_node)
    found = masksOfResult(segmented.reportNode)
    assert (found.of("L5") == own).all() and (found.of("L4-L5") == masks.of("L4-L5")).all()
    assert np.array_equal(found.image.affine, masks.image.affine) and found.model == ""


def test_edits_on_a_finer_grid_come_back_on_the_voxels_of_the_image(segmented, masks, study, scene, t2_node):
    fine = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    affine = study.primary.image.affine @ np.diag([1, 0.5, 0.5, 1])
    affine[:3, 3] -= study.primary.image.affine[:3, 1:3].sum(1) / 4
    fine.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(affine))
    slicer.util.updateVolumeFromArray(fine, np.zeros((48, 40, 12), dtype=np.int16))
    edit(segmented, "L5", np.s_[2:7, 2:8, 24:28], fine)
    expected = np.zeros((12, 20, 24), dtype=bool)
    expected[2:7, 1:4, 12:14] = True
    assert (masksOfResult(segmented.reportNode).of("L5") == expected).all()


def test_a_saved_scene_gives_the_same_masks(study, masks, tmp_path, monkeypatch):
    scene = read_scene(write_scene(replace(make_report(), masks=masks), study, tmp_path / "scene.mrb"))
    enter(scene, monkeypatch)
    (result,) = resultsInScene(scene)
    found = masksOfResult(result.reportNode)
    assert_same(found, masks)
    assert found.model == "m"


def test_without_volumes_the_masks_extend_as_far_as_their_image(scene, masks):
    found = masksOfResult(writeReport(replace(make_report(), masks=masks), scene).reportNode)
    assert_same(found, masks)
