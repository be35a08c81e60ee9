"""Masks in a scene: one segmentation with one segment per structure, which other tools and archives understand."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from scene_application import enter
from scene_examples import NAMES, make_masks, make_report, make_study

from SpinalDiseaseAILib.base.anatomy import structure
from SpinalDiseaseAILib.base.geometry import Image, all_axis_codes, reorient
from SpinalDiseaseAILib.base.masks import LABELS, Masks, masks_of
from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.scene.closing import releaseMasks
from SpinalDiseaseAILib.scene.corrections import applyGraded, renumberResult, restoreComputed
from SpinalDiseaseAILib.scene.hierarchy import folderOf, hierarchyOf, itemOf
from SpinalDiseaseAILib.scene.mrb import add_study, read_scene, write_scene
from SpinalDiseaseAILib.scene.results import resultOf, resultsInScene, updateReport, writeReport
from SpinalDiseaseAILib.scene.segmentation import FILL_OPACITY, isEdited, showSurfaces

EARLIER = "12a62190fb13ec28ab23bfa3591275ef258dc83ca275f1346816edf052bbcbc7"
"""The hash that version 0.1.0 stored with the masks of this file."""


def report_with_masks(study):
    return replace(make_report(), masks=make_masks(study.primary.image))


def segment_ids(node):
    return list(node.GetSegmentation().GetSegmentIDs())


@pytest.fixture(autouse=True)
def in_application(scene, monkeypatch):
    """What slicer.util needs from the application: its scene and the segmentations logic."""
    enter(scene, monkeypatch)


def voxels_of(node, name, volume):
    """Voxels of a segment on the grid of a volume, (I, J, K)."""
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, name, volume).T.astype(bool)


@pytest.fixture
def study():
    return make_study()


@pytest.fixture
def segmented(scene, study, t2_node):
    return writeReport(report_with_masks(study), scene, t2_node)


def test_a_new_segmentation_is_translucent_and_a_users_display_settings_are_kept(segmented, scene, study, t2_node):
    display = segmented.segmentationNode.GetDisplayNode()
    assert display.GetOpacity2DFill() == FILL_OPACITY < 0.3
    display.SetOpacity2DFill(0.8)
    writeReport(report_with_masks(study), scene, t2_node)
    assert display.GetOpacity2DFill() == 0.8


def test_a_report_without_masks_makes_no_segmentation(scene, result):
    assert result.segmentationNode is None
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_every_structure_is_a_segment_from_cranial_to_caudal_with_the_canal_last(segmented):
    assert segment_ids(segmented.segmentationNode) == list(NAMES)


def test_segments_carry_the_names_colours_and_codes_of_the_anatomy_table(segmented):
    segmentation = segmented.segmentationNode.GetSegmentation()
    for name in NAMES:
        segment = segmentation.GetSegment(name)
        assert segment.GetName() == structure(name).display
        assert segment.GetColor() == pytest.approx(structure(name).colour)
        value = vtk.reference("")
        assert segment.GetTag("TerminologyEntry", value)
        assert f"{structure(name).code.value}^SCT^" in str(value) and "123037004^SCT^Anatomical Structure" in str(value)


def test_the_segmentation_lies_in_the_folder_of_the_result(scene, segmented):
    assert folderOf(segmented.segmentationNode) == segmented.folderItem != 0
    assert hierarchyOf(scene).GetItemParent(itemOf(segmented.segmentationNode)) == segmented.folderItem


def test_voxels_are_where_the_masks_are(segmented, study, t2_node):
    masks = make_masks(study.primary.image)
    for name in NAMES:
        assert (voxels_of(segmented.segmentationNode, name, t2_node) == masks.of(name)).all()


@pytest.mark.parametrize("codes", ["RAS", "LPI", "PIL", "SAR", "IRP", "ASL"])
def test_voxels_are_where_the_masks_are_in_any_orientation_of_the_volume(scene, codes):
    original = make_study()
    series = original.series[0]
    image = reorient(series.image, codes)
    study = replace(original, series=(replace(series, image=Image(np.ascontiguousarray(image.voxels), image.affine)),))
    turned = reorient(make_masks(series.image).image, codes)
    masks = masks_of(Image(np.ascontiguousarray(turned.voxels), turned.affine))
    volume = add_study(scene, study)[Role.SAGITTAL_T2]
    node = writeReport(replace(make_report(), masks=masks), scene, volume).segmentationNode
    assert codes in all_axis_codes()
    for name in NAMES:
        assert (voxels_of(node, name, volume) == masks.of(name)).all()


def test_the_geometry_of_the_volume_is_kept_for_export(segmented, t2_node):
    node = segmented.segmentationNode
    reference = node.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())
    assert reference is t2_node
    parameter = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    assert node.GetSegmentation().GetConversionParameter(parameter)


def test_a_second_analysis_replaces_the_masks_without_duplicates(scene, study, t2_node, segmented):
    fewer = make_masks(study.primary.image)
    fewer = fewer.renamed({"L5": "L5", "L5-S1": "L5-S1"})
    again = writeReport(replace(make_report(), masks=fewer), scene, t2_node)
    assert again.segmentationNode is segmented.segmentationNode
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    assert segment_ids(again.segmentationNode) == ["L5", "L5-S1", "canal"]


def test_regraded_levels_leave_the_masks_unchanged(segmented):
    again = updateReport(segmented.reportNode, make_report(pfirrmann="2"))
    assert again.segmentationNode is segmented.segmentationNode
    assert segment_ids(again.segmentationNode) == list(NAMES)


def test_masks_that_a_user_edited_are_kept_unless_overwriting_is_requested(scene, study, t2_node, segmented):
    node = segmented.segmentationNode
    assert not isEdited(node)
    edited = np.zeros(study.primary.image.voxels.shape, dtype=np.uint8)
    edited[5, 5, 5] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(edited.T.copy(), node, "L5", t2_node)
    assert isEdited(node)
    writeReport(report_with_masks(study), scene, t2_node)
    assert voxels_of(node, "L5", t2_node).sum() == 1
    writeReport(report_with_masks(study), scene, t2_node, overwriteEdits=True)
    assert voxels_of(node, "L5", t2_node).sum() > 1 and not isEdited(node)


def test_another_numbering_renames_the_segments_and_restoring_brings_all_of_them_back(segmented, study, t2_node):
    node = segmented.segmentationNode
    masks = make_masks(study.primary.image)
    renumberResult(segmented.reportNode, 1)
    assert (voxels_of(node, "L5", t2_node) == masks.of("L4")).all()
    assert node.GetSegmentation().GetSegment("L5").GetName() == "L5 vertebra"
    assert "canal" in segment_ids(node) and "L4" not in segment_ids(node)
    assert not isEdited(node)
    restoreComputed(segmented.reportNode)
    assert sorted(segment_ids(node)) == sorted(NAMES)
    assert (voxels_of(node, "L5-S1", t2_node) == masks.of("L5-S1")).all()


def graded(study, names):
    """Regraded levels with masks that now belong to other structures."""
    return replace(make_report(), structures=(), masks=make_masks(study.primary.image).renamed(names))


ONE_UP = {"L4-L5": "L3-L4", "L5": "L4", "L5-S1": "L4-L5"}
"""New names of the masks from a reader's points: the fourth no longer has a structure."""


def test_segments_follow_points_that_make_them_other_structures(segmented, study, t2_node):
    node, masks = segmented.segmentationNode, make_masks(study.primary.image)
    applyGraded(segmented.reportNode, graded(study, ONE_UP))
    assert segment_ids(node) == ["L3-L4", "L4", "L4-L5", "canal"]
    assert (voxels_of(node, "L4-L5", t2_node) == masks.of("L5-S1")).all() and not isEdited(node)


def test_they_follow_in_the_numbering_that_a_reader_chose(segmented, study, t2_node):
    node, masks = segmented.segmentationNode, make_masks(study.primary.image)
    renumberResult(segmented.reportNode, -1)
    applyGraded(segmented.reportNode, graded(study, ONE_UP))
    assert (voxels_of(node, "L3-L4", t2_node) == masks.of("L5-S1")).all()
    renumberResult(segmented.reportNode, 1)
    assert (voxels_of(node, "L4-L5", t2_node) == masks.of("L5-S1")).all()


@pytest.mark.parametrize("shift", [0, -1])
def test_restoring_brings_the_computed_masks_back_after_any_number_of_corrections(segmented, study, scene, t2_node, shift):
    node, masks = segmented.segmentationNode, make_masks(study.primary.image)
    items = hierarchyOf(scene).GetNumberOfItems()
    if shift:
        renumberResult(segmented.reportNode, shift)
    applyGraded(segmented.reportNode, graded(study, ONE_UP))
    applyGraded(segmented.reportNode, graded(study, {"L5": "L2"}))
    hidden = segmented.reportNode.GetNodeReference("SpinalDiseaseAI.computedMasks")
    assert hidden.GetHideFromEditors() and hidden is not node
    restoreComputed(segmented.reportNode)
    assert sorted(segment_ids(node)) == sorted(NAMES)
    assert all((voxels_of(node, name, t2_node) == masks.of(name)).all() for name in NAMES) and not isEdited(node)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    assert hierarchyOf(scene).GetNumberOfItems() == items, "nothing that was kept stays behind in the Data module"


def test_computed_masks_are_restored_in_a_new_process_without_the_application():
    """Copying a segment needs a class that nothing else in a script defines."""
    program = """
from scene_examples import make_masks, make_report, make_study
from dataclasses import replace
from pathlib import Path
from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.scene.corrections import applyGraded, restoreComputed
from SpinalDiseaseAILib.scene.mrb import add_study, new_scene
from SpinalDiseaseAILib.scene.results import writeReport

scene, study = new_scene(), make_study()
report = replace(make_report(), masks=make_masks(study.primary.image))
result = writeReport(report, scene, add_study(scene, study)[Role.SAGITTAL_T2])
other = replace(report.masks, image=replace(report.masks.image, voxels=report.masks.image.voxels * 0))
applyGraded(result.reportNode, replace(report, structures=report.structures[:1], masks=other))
restoreComputed(result.reportNode)
print(*result.segmentationNode.GetSegmentation().GetSegmentIDs())
"""
    paths = [str(Path(__file__).parent), *(path for path in sys.path if path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert ran.stdout.split() == list(NAMES), ran.stderr


def test_masks_that_a_user_edited_do_not_follow_the_points_and_outlive_restoring(segmented, study, t2_node):
    node = segmented.segmentationNode
    edited = np.zeros(study.primary.image.voxels.shape, dtype=np.uint8)
    edited[5, 5, 5] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(edited.T.copy(), node, "L5", t2_node)
    applyGraded(segmented.reportNode, graded(study, ONE_UP))
    assert voxels_of(node, "L5", t2_node).sum() == 1
    restoreComputed(segmented.reportNode)
    assert voxels_of(node, "L5", t2_node).sum() == 1


def test_computed_masks_are_kept_in_the_scene_file_until_the_next_analysis(
    segmented, study, scene, t2_node, tmp_path, monkeypatch
):
    applyGraded(segmented.reportNode, graded(study, ONE_UP))
    assert scene.WriteToMRB(str(tmp_path / "corrected.mrb"))
    writeReport(report_with_masks(study), scene, t2_node)
    assert segmented.reportNode.GetNodeReference("SpinalDiseaseAI.computedMasks") is None
    loaded = read_scene(tmp_path / "corrected.mrb")
    enter(loaded, monkeypatch)
    (again,) = resultsInScene(loaded)
    assert segment_ids(again.segmentationNode) == ["L3-L4", "L4", "L4-L5", "canal"]
    restoreComputed(again.reportNode)
    assert sorted(segment_ids(again.segmentationNode)) == sorted(NAMES)


def test_surfaces_that_are_shown_stay_shown_when_masks_change(segmented, study):
    node = segmented.segmentationNode
    showSurfaces(node)
    applyGraded(segmented.reportNode, graded(study, ONE_UP))
    assert node.GetSegmentation().GetSegment("L3-L4").GetRepresentation("Closed surface") is not None


def test_a_deleted_segmentation_comes_back_with_the_next_analysis(scene, study, t2_node, segmented):
    scene.RemoveNode(segmented.segmentationNode)
    assert resultOf(t2_node).segmentationNode is None
    assert writeReport(report_with_masks(study), scene, t2_node).segmentationNode is not None


def test_surfaces_are_made_on_request(segmented):
    node = segmented.segmentationNode
    assert not node.GetSegmentation().ContainsRepresentation("Closed surface")
    showSurfaces(node)
    assert node.GetSegmentation().ContainsRepresentation("Closed surface")
    showSurfaces(node, False)
    assert not node.GetSegmentation().ContainsRepresentation("Closed surface")


def test_a_scene_file_holds_the_segmentation_and_gives_it_back(study, tmp_path, monkeypatch):
    path = write_scene(report_with_masks(study), study, tmp_path / "scene.mrb")
    scene = read_scene(path)
    enter(scene, monkeypatch)
    (result,) = resultsInScene(scene)
    node = result.segmentationNode
    assert segment_ids(node) == list(NAMES)
    volume = result.reportNode.GetNodeReference("SpinalDiseaseAI.t2")
    masks = make_masks(study.primary.image)
    assert (voxels_of(node, "L4-L5", volume) == masks.of("L4-L5")).all()
    assert not isEdited(node)


def layers(node):
    """Number of images that hold the labels of all segments."""
    return node.GetSegmentation().GetNumberOfLayers()


def test_segments_share_one_image_of_labels_whatever_is_done_to_them(segmented, study, scene, t2_node):
    node = segmented.segmentationNode
    assert layers(node) == 1
    renumberResult(segmented.reportNode, -1)
    assert layers(node) == 1
    applyGraded(segmented.reportNode, graded(study, ONE_UP))
    assert layers(node) == layers(segmented.reportNode.GetNodeReference("SpinalDiseaseAI.computedMasks")) == 1
    restoreComputed(segmented.reportNode)
    writeReport(report_with_masks(study), scene, t2_node)
    assert layers(node) == 1


def test_an_edited_segment_keeps_its_own_voxels_in_another_numbering(segmented, study, t2_node):
    node, masks = segmented.segmentationNode, make_masks(study.primary.image)
    edited = np.zeros(study.primary.image.voxels.shape, dtype=np.uint8)
    edited[:, 5:9] = 1  # over others, so that it gets its own image
    slicer.util.updateSegmentBinaryLabelmapFromArray(edited.T.copy(), node, "L5", t2_node)
    renumberResult(segmented.reportNode, -1)
    assert (voxels_of(node, "L4", t2_node) == edited).all()
    assert (voxels_of(node, "L4-L5", t2_node) == masks.of("L5-S1")).all()
    assert isEdited(node)


def test_surfaces_that_are_shown_stay_shown_in_another_numbering(segmented):
    showSurfaces(segmented.segmentationNode)
    renumberResult(segmented.reportNode, -1)
    segment = segmented.segmentationNode.GetSegmentation().GetSegment("L4")
    assert segment.GetRepresentation("Closed surface").GetNumberOfPoints() > 0


def test_labels_end_where_the_structures_end_and_lie_on_the_voxels_of_the_volume(segmented, study, t2_node):
    image = segmented.segmentationNode.GetSegmentation().GetSegment("L5").GetRepresentation("Binary labelmap")
    assert image.GetExtent() == (3, 8, 4, 16, 0, 23)
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    assert np.allclose(slicer.util.arrayFromVTKMatrix(matrix), study.primary.image.affine)


def test_without_a_volume_in_the_scene_labels_extend_as_far_as_the_image(scene, study):
    node = writeReport(report_with_masks(study), scene).segmentationNode
    image = node.GetSegmentation().GetSegment("L5").GetRepresentation("Binary labelmap")
    assert image.GetExtent() == (0, 11, 0, 19, 0, 23)


def test_masks_without_a_single_voxel_are_written_and_do_not_count_as_edited(scene, study, t2_node):
    image = study.primary.image
    empty = Masks(Image(np.zeros(image.voxels.shape, dtype=np.uint8), image.affine), {LABELS["L5"]: "L5"})
    node = writeReport(replace(make_report(), masks=empty), scene, t2_node).segmentationNode
    assert segment_ids(node) == ["L5"] and not isEdited(node)
    assert voxels_of(node, "L5", t2_node).sum() == 0


def test_masks_in_a_scene_of_an_earlier_version_do_not_count_as_edited(segmented):
    assert segmented.segmentationNode.GetAttribute("SpinalDiseaseAI.WrittenMasks") == EARLIER


def test_only_masks_of_results_are_removed_from_a_scene_that_is_about_to_be_closed(segmented, study, scene):
    applyGraded(segmented.reportNode, graded(study, ONE_UP))
    mine = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    mine.GetSegmentation().AddEmptySegment("mine")
    releaseMasks(scene)
    assert segment_ids(segmented.segmentationNode) == [] and segment_ids(mine) == ["mine"]
    assert segmented.reportNode.GetNodeReference("SpinalDiseaseAI.computedMasks") is None
