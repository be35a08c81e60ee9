"""Volume nodes to a study, and a study to volume nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from ..base.errors import InputError
from ..base.geometry import FloatArray, Image, c_ordered_copy
from ..base.report import Note
from ..base.study import Role, Series, Study
from ..base.uids import plain_uid
from .frame import worldFromVoxels
from .hierarchy import hierarchyOf, itemOf

INSTANCE_UIDS = "DICOM.instanceUIDs"
"""Node attribute in which Slicer keeps the SOPInstanceUIDs of a volume loaded from DICOM, separated by blanks."""

FRAME_OF_REFERENCE_UID = "DICOM.FrameOfReferenceUID"
"""Attribute of a volume's subject hierarchy item."""

_STORED_TYPES = tuple(np.dtype(kind) for kind in ("u1", "i2", "u2", "i4", "u4", "f4", "f8"))

MR = "MR"
"""DICOM modality of the images that can be analysed."""

_MODALITY_TAG = "0008,0060"
_SERIES_UID_TAG = "0020,000E"
_STUDY_UID_TAG = "0020,000D"
_FRAME_OF_REFERENCE_TAG = "0020,0052"


def studyFromVolumeNodes(t2Node: Any, t1Node: Any = None) -> Study:
    """The study in volume nodes. The nodes are not changed, and later changes to them do not affect the study.

    Positions are in world coordinates: linear parent transforms are applied. Only UIDs are read as identifiers, and nothing
    that names the patient.

    :param t2Node: vtkMRMLScalarVolumeNode of the sagittal T2 series, None if there is only a T1 series.
    :param t1Node: vtkMRMLScalarVolumeNode of the sagittal T1 series, None if there is none.
    :raises InputError: if no volume is given, or one is given twice, is not a volume node in a scene, or has no usable grey
        values or position.
    """
    if t2Node is None and t1Node is None:
        raise InputError("No volume was given.", remedy="Choose a sagittal T2 volume.", code="no-volume")
    if t2Node is t1Node:
        raise InputError(
            f"{_called(t2Node)} was given both as T2 and as T1.",
            remedy="Choose two volumes, or the T2 volume alone.",
            code="same-volume",
        )
    given = [(Role.SAGITTAL_T2, t2Node), (Role.SAGITTAL_T1, t1Node)]
    for role, node in given:
        if node is not None:
            _refuseOthers(role, node)
    series = tuple(_series(role, node) for role, node in given if node is not None)
    uids = [uid for uid in (_studyUid(node) for _, node in given if node is not None) if uid]
    notes: tuple[Note, ...] = ()
    if len(set(uids)) > 1:
        text = "The T2 and the T1 volume belong to different studies; they were taken as one patient in the same position."
        notes = (Note("different-studies", text, "warning"),)
    return Study(series, uids[0] if uids else "", notes)


def suggestedT2Node(scene: Any) -> Any:
    """The most likely T2 volume: the first one called T2, otherwise the first not called T1; None if there is none."""
    volumes = scene.GetNodesByClass("vtkMRMLScalarVolumeNode")
    volumes.UnRegister(None)
    every = (volumes.GetItemAsObject(index) for index in range(volumes.GetNumberOfItems()))
    nodes = [node for node in every if _isGrey(node)]
    named = [node for node in nodes if "t2" in node.GetName().lower()]
    others = [node for node in nodes if "t1" not in node.GetName().lower()]
    return next(iter(named + others), None)


def addVolumeNode(scene: Any, series: Series) -> Any:
    """Add a series to a scene as a vtkMRMLScalarVolumeNode, with a subject hierarchy item that has its UIDs."""
    voxels = series.image.voxels
    # Slicer can save volumes of these types; others are converted to the smallest of them that holds their values.
    if voxels.dtype.newbyteorder("=") not in _STORED_TYPES:
        voxels = voxels.astype(next((kind for kind in _STORED_TYPES if np.can_cast(voxels.dtype, kind)), np.float64))
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", series.description or series.role.value)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(series.image.affine))
    slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(voxels.T))  # (K, J, I), first index slowest
    node.CreateDefaultDisplayNodes()
    hierarchy = hierarchyOf(scene)
    item = itemOf(node)
    if series.uid:
        hierarchy.SetItemUID(item, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName(), series.uid)
    if series.frame_of_reference_uid:
        hierarchy.SetItemAttribute(item, FRAME_OF_REFERENCE_UID, series.frame_of_reference_uid)
    return node


def _refuseOthers(role: Role, node: Any) -> None:
    """Refuse wrong arguments: a name, a list, a node of another class or without a scene, images of another modality."""
    if not isinstance(node, slicer.vtkMRMLVolumeNode):
        kind = node.GetClassName() if isinstance(node, slicer.vtkMRMLNode) else type(node).__name__
        raise InputError(
            f"What was given as {role.value} is not a volume node ({kind}).",
            "One volume node of the scene is needed, not its name or a list.",
            'Get it with slicer.util.getNode("…"), and pass a T1 volume as a separate argument.',
            code="no-volume",
        )
    if node.GetScene() is None:
        raise InputError(f"{_called(node)} is not in a scene.", remedy="Load it again, or add it to the scene.", code="no-volume")
    modality = _modality(node)
    if modality not in ("", MR):
        raise InputError(
            f"{_called(node)} is of the modality {modality}, not MR.",
            remedy="Choose a volume of an MR study of the lumbar spine.",
            code="ct-study" if modality == "CT" else "not-mr",
        )


def _series(role: Role, node: Any) -> Series:
    return Series(
        role=role,
        image=_image(node),
        uid=_uid(node, itemOf(node), _SERIES_UID_TAG),
        description=node.GetName() or "",
        frame_of_reference_uid=hierarchyOf(node.GetScene()).GetItemAttribute(itemOf(node), FRAME_OF_REFERENCE_UID)
        or _tagOfFirstInstance(node, _FRAME_OF_REFERENCE_TAG),
    )


def _image(node: Any) -> Image:
    if not _holdsVoxels(node):
        raise InputError(
            f"{_called(node)} holds no voxels.", remedy="Load the series again, or choose another volume.", code="empty"
        )
    if not _isGrey(node):
        raise InputError(
            f"{_called(node)} holds labels, or several values per voxel, like colour images and time series.",
            "A volume of grey values is needed.",
            "Choose the MR volume itself.",
            code="not-grey",
        )
    # A copy, because the node may be edited or deleted during the analysis. It is read-only, so that it is hashed only once.
    voxels = c_ordered_copy(slicer.util.arrayFromVolume(node).T)  # (I, J, K)
    voxels.setflags(write=False)
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        raise InputError(
            f"{_called(node)} holds voxels that are not numbers.",
            remedy="Load the series again, or choose another volume.",
            code="nan",
        )
    return Image(voxels, _worldFromIjk(node))


def _holdsVoxels(node: Any) -> bool:
    data = node.GetImageData()
    return data is not None and data.GetNumberOfPoints() > 0 and data.GetPointData().GetScalars() is not None


def _isGrey(node: Any) -> bool:
    isLabels = bool(node.IsA("vtkMRMLLabelMapVolumeNode"))
    return not isLabels and _holdsVoxels(node) and node.GetImageData().GetNumberOfScalarComponents() == 1


def _worldFromIjk(node: Any) -> FloatArray:
    """4×4 matrix from voxel indices to world RAS millimetres, including parent transforms."""
    matrix = worldFromVoxels(node)
    if matrix is None:
        raise InputError(
            f"{_called(node)} is under the transform “{node.GetParentTransformNode().GetName()}”, which is not linear.",
            "Only linear transforms can be followed.",
            "Harden the transform on the volume, or take the volume out of it.",
            code="non-linear-transform",
        )
    return matrix


def _studyUid(node: Any) -> str:
    hierarchy = hierarchyOf(node.GetScene())
    level = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMLevelStudy()
    return _uid(node, hierarchy.GetItemAncestorAtLevel(itemOf(node), level), _STUDY_UID_TAG)


def _modality(node: Any) -> str:
    """Modality of a volume that was loaded from DICOM; empty if unknown."""
    name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMSeriesModalityAttributeName()
    return hierarchyOf(node.GetScene()).GetItemAttribute(itemOf(node), name) or _tagOfFirstInstance(node, _MODALITY_TAG)


def _uid(node: Any, item: int, tag: str) -> str:
    """UID of a subject hierarchy item, otherwise of the volume's first instance in the DICOM database, otherwise empty."""
    hierarchy = hierarchyOf(node.GetScene())
    name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName()
    return plain_uid((hierarchy.GetItemUID(item, name) if item else "") or _tagOfFirstInstance(node, tag))


def _tagOfFirstInstance(node: Any, tag: str) -> str:
    # Outside the application there is no database; in the application it is None or closed until one is chosen.
    database = getattr(slicer, "dicomDatabase", None)
    instances = (node.GetAttribute(INSTANCE_UIDS) or "").split()
    if database is None or not database.isOpen or not instances:
        return ""
    return str(database.instanceValue(instances[0], tag) or "")


def _called(node: Any) -> str:
    return f"The volume “{node.GetName()}”"
