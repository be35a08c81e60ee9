"""Volume nodes to a study and back."""

import numpy as np
import pytest
import slicer
import vtk
from scene_examples import make_image, make_study

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.geometry import Image, all_axis_codes, reorient
from SpinalDiseaseAILib.base.study import Role, Series
from SpinalDiseaseAILib.scene.hierarchy import hierarchyOf, itemOf
from SpinalDiseaseAILib.scene.mrb import add_study
from SpinalDiseaseAILib.scene.volumes import INSTANCE_UIDS, addVolumeNode, studyFromVolumeNodes, suggestedT2Node


def test_a_study_put_into_a_scene_comes_back_as_it_was(scene):
    study = make_study(with_t1=True)
    nodes = add_study(scene, study)
    again = studyFromVolumeNodes(nodes[Role.SAGITTAL_T2], nodes[Role.SAGITTAL_T1])
    assert again.uid == study.uid
    for series, expected in zip(again.series, study.series, strict=True):
        assert series.identity() == expected.identity()
        assert (series.role, series.uid, series.description) == (expected.role, expected.uid, expected.description)


@pytest.mark.parametrize("codes", all_axis_codes()[::7])
def test_voxels_keep_their_position_in_the_patient_in_any_axis_order(scene, codes):
    stored = reorient(make_image(), codes)
    image = studyFromVolumeNodes(addVolumeNode(scene, Series(Role.SAGITTAL_T2, stored))).primary.image
    assert image.codes == codes
    np.testing.assert_array_equal(image.voxels, stored.voxels)
    np.testing.assert_allclose(image.affine, stored.affine, atol=1e-9)


def test_a_linear_parent_transform_moves_the_study(t2_node, put_under):
    before = studyFromVolumeNodes(t2_node).primary.image
    matrix = put_under(t2_node)
    after = studyFromVolumeNodes(t2_node).primary.image
    np.testing.assert_allclose(after.affine, matrix @ before.affine, atol=1e-6)
    np.testing.assert_array_equal(after.voxels, before.voxels)


def test_a_nonlinear_parent_transform_is_refused_with_what_to_do(scene, t2_node):
    transform = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "warp")
    spline = slicer.vtkOrientedBSplineTransform()
    coefficients = vtk.vtkImageData()
    coefficients.SetDimensions(4, 4, 4)
    coefficients.AllocateScalars(vtk.VTK_DOUBLE, 3)
    spline.SetCoefficientData(coefficients)
    transform.SetAndObserveTransformFromParent(spline)
    t2_node.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(InputError, match="Harden the transform") as caught:
        studyFromVolumeNodes(t2_node)
    assert caught.value.code == "non-linear-transform"


def test_the_study_does_not_change_when_the_node_is_edited_or_deleted_later(scene, t2_node):
    study = studyFromVolumeNodes(t2_node)
    before = study.primary.image.voxels.copy()
    slicer.util.arrayFromVolume(t2_node)[:] = 0
    scene.RemoveNode(t2_node)
    np.testing.assert_array_equal(study.primary.image.voxels, before)


def test_a_t1_volume_alone_is_a_study(t2_node):
    assert studyFromVolumeNodes(None, t2_node).primary.role is Role.SAGITTAL_T1


def test_volumes_of_two_studies_are_accepted_with_a_warning(scene):
    t2 = add_study(scene, make_study("1.2.3"))[Role.SAGITTAL_T2]
    t1 = add_study(scene, make_study("1.2.4", with_t1=True))[Role.SAGITTAL_T1]
    assert [note.code for note in studyFromVolumeNodes(t2, t1).notes] == ["different-studies"]


def test_a_volume_that_is_not_dicom_has_no_uids(scene):
    node = addVolumeNode(scene, Series(Role.SAGITTAL_T2, make_image()))
    study = studyFromVolumeNodes(node)
    assert (study.uid, study.primary.uid, study.primary.frame_of_reference_uid) == ("", "", "")


def test_identifiers_of_the_patient_are_not_read(scene, t2_node):
    hierarchy = hierarchyOf(scene)
    study_item = hierarchy.GetItemParent(itemOf(t2_node))
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Doe^Jane")
    hierarchy.SetItemAttribute(patient, "DICOM.PatientID", "12345")
    hierarchy.SetItemParent(study_item, patient)
    t2_node.SetAttribute("DICOM.PatientName", "Doe^Jane")
    study = studyFromVolumeNodes(t2_node)
    assert "Doe" not in repr(study) and "12345" not in repr(study)


@pytest.mark.parametrize(("is_open", "expected"), [(True, ("1.5", "1.6", "1.7")), (False, ("", "", ""))])
def test_uids_that_the_scene_lacks_come_from_the_dicom_database_if_it_is_open(scene, monkeypatch, is_open, expected):
    tags = {"0008,0060": "MR", "0020,000D": "1.5", "0020,000E": "1.6", "0020,0052": "1.7"}

    class Database:
        isOpen = is_open

        def instanceValue(self, uid, tag):
            assert uid == "1.8.1"
            return tags[tag]

    monkeypatch.setattr(slicer, "dicomDatabase", Database(), raising=False)
    node = addVolumeNode(scene, Series(Role.SAGITTAL_T2, make_image()))
    node.SetAttribute(INSTANCE_UIDS, "1.8.1 1.8.2")
    study = studyFromVolumeNodes(node)
    assert (study.uid, study.primary.uid, study.primary.frame_of_reference_uid) == expected


def _empty(scene):
    return scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing")


def _labels(scene):
    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    slicer.util.updateVolumeFromArray(node, np.ones((3, 4, 5), np.uint8))
    return node


def _colour(scene):
    node = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "colour")
    slicer.util.updateVolumeFromArray(node, np.ones((3, 4, 5, 3), np.uint8))
    return node


def _not_finite(scene):
    return addVolumeNode(scene, Series(Role.SAGITTAL_T2, Image(np.full((3, 4, 5), np.nan, np.float32), np.eye(4))))


@pytest.mark.parametrize(
    ("make", "code"), [(_empty, "empty"), (_labels, "not-grey"), (_colour, "not-grey"), (_not_finite, "nan")]
)
def test_a_volume_without_usable_grey_values_is_refused_by_its_name(scene, make, code):
    node = make(scene)
    with pytest.raises(InputError, match=node.GetName()) as caught:
        studyFromVolumeNodes(node)
    assert caught.value.code == code
    assert caught.value.remedy


def test_no_volume_is_refused():
    with pytest.raises(InputError, match="No volume"):
        studyFromVolumeNodes(None)


def test_one_volume_as_t2_and_t1_is_refused(t2_node):
    with pytest.raises(InputError, match="both as T2 and as T1"):
        studyFromVolumeNodes(t2_node, t2_node)


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["T1", "sag T2 TSE"], "sag T2 TSE"), (["t1_tse", "series 4"], "series 4"), (["T1"], None), ([], None)],
)
def test_the_suggested_volume_is_called_t2_or_at_least_not_t1(scene, names, expected):
    _labels(scene)
    for name in names:
        addVolumeNode(scene, Series(Role.SAGITTAL_T2, make_image(), description=name))
    node = suggestedT2Node(scene)
    assert (node.GetName() if node else None) == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda scene, volume: volume.GetName(), "not a volume node \\(str\\)"),
        (lambda scene, volume: [volume, volume], "not a volume node \\(list\\)"),
        (
            lambda scene, volume: scene.AddNewNodeByClass("vtkMRMLSegmentationNode"),
            "not a volume node \\(vtkMRMLSegmentationNode\\)",
        ),
        (lambda scene, volume: scene.RemoveNode(volume) or volume, "is not in a scene"),
    ],
    ids=["a name", "a list", "a segmentation", "a volume that was removed"],
)
def test_a_value_that_is_not_a_volume_in_a_scene_is_refused_with_a_sentence(scene, t2_node, given, words):
    """As a script might pass it by mistake."""
    with pytest.raises(InputError, match=words) as refused:
        studyFromVolumeNodes(given(scene, t2_node))
    assert refused.value.code == "no-volume" and refused.value.remedy
    with pytest.raises(InputError, match=words):
        studyFromVolumeNodes(add_study(scene, make_study("4.5"))[Role.SAGITTAL_T2], given(scene, t2_node))


@pytest.mark.parametrize(("modality", "code"), [("CT", "ct-study"), ("PT", "not-mr"), ("MR", ""), ("", "")])
def test_a_volume_that_is_not_mr_according_to_dicom_is_refused(scene, t2_node, modality, code):
    """Slicer keeps the modality of volumes loaded from DICOM with the item of the series."""
    hierarchyOf(scene).SetItemAttribute(itemOf(t2_node), "DICOM.Modality", modality)
    if not code:
        assert studyFromVolumeNodes(t2_node).uid == "1.2.3"
        return
    with pytest.raises(InputError, match=f"modality {modality}, not MR") as refused:
        studyFromVolumeNodes(None, t2_node)
    assert refused.value.code == code
