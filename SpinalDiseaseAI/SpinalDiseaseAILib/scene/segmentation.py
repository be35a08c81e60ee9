"""Masks to a segmentation node: one segment per structure, with its colour, its code and the geometry of the image."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

from ..base import anatomy
from ..base.geometry import Array, FloatArray, Image, c_ordered_copy
from ..base.masks import LABELS, Masks, box_of
from ..base.terminology import TERMINOLOGY_TAG, terminology

WRITTEN = "SpinalDiseaseAI.WrittenMasks"
"""Attribute of the segmentation: hash of the voxels that the report wrote. A different hash means that a user edited them."""

ANALYSED = "SpinalDiseaseAI.AnalysedGeometry"
"""Attribute of the segmentation: JSON of the 4×4 matrix from voxel indices of the masks to millimetres of the report."""

MODEL = "SpinalDiseaseAI.MasksModel"
"""Attribute of the segmentation: name of the model bundle that made the written masks."""

COMPUTED_TAG = "SpinalDiseaseAI.Computed"
"""Tag of a level's segment: the name given by the analysis, whatever the present numbering."""

FILL_OPACITY = 0.15
"""Opacity of a new segmentation in slice views: images and the labels of points must be legible through it."""

UNMOVED: FloatArray = np.eye(4)

_UNNAMED = "no name in this numbering, was "
_LEVELS = {item.name for item in anatomy.STRUCTURES}
_LABELMAP = "Binary labelmap"
_SURFACE = "Closed surface"
_SMOOTHING = "Smoothing factor"
_SMOOTHED = "0.5"


def fillSegmentation(
    node: Any,
    masks: Masks,
    volumeNode: Any = None,
    place: FloatArray = UNMOVED,
    *,
    shift: int = 0,
    overwriteEdits: bool = False,
) -> bool:
    """Make a vtkMRMLSegmentationNode hold the masks and nothing else.

    Segments are identified by the names of their structures, so that a user's choices for a segment (its visibility) survive an
    update of the masks.

    :param volumeNode: the segmented volume, whose geometry is kept for export to DICOM; None if it is not in the scene.
    :param place: 4×4 matrix from the millimetres of the masks to those of the node; identity if absent.
    :param shift: number of levels by which the names of the masks are moved down relative to the analysis.
    :param overwriteEdits: False leaves a segmentation whose voxels a user edited unchanged.
    :returns: True if the masks were written, False if the user's own were kept.
    """
    if not overwriteEdits and isEdited(node):
        return False
    wasModifying = node.StartModify()
    try:
        segmentation = node.GetSegmentation()
        inThreeDimensions = _hasSurfaces(node)
        _setSourceRepresentation(segmentation)
        takeOutSegments(segmentation)
        labels = _orientedImage(masks.image, place, whole=volumeNode is None)
        for structure in masks.structures:
            segment = slicer.vtkSegment()
            _describe(segment, structure)
            segment.SetLabelValue(int(masks.label(structure.name) or 0))
            segment.AddRepresentation(_LABELMAP, labels)  # one layer for all, because structures do not overlap
            if structure.name in _LEVELS:
                segment.SetTag(COMPUTED_TAG, anatomy.renumbered(structure.name, -shift) or structure.name)
            segmentation.AddSegment(segment, structure.name)
        if inThreeDimensions:
            node.CreateClosedSurfaceRepresentation()
        if volumeNode is not None:
            node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        if node.GetDisplayNode() is None:
            node.CreateDefaultDisplayNodes()
            node.GetDisplayNode().SetOpacity2DFill(FILL_OPACITY)
        node.SetAttribute(ANALYSED, json.dumps(masks.image.affine.tolist()))
        node.SetAttribute(MODEL, masks.model)
        node.SetAttribute(WRITTEN, _hashOf(node))
    finally:
        node.EndModify(wasModifying)
    return True


def isEdited(node: Any) -> bool:
    """True if a user changed the voxels, or the set of segments, since masks were written."""
    written = node.GetAttribute(WRITTEN)
    return bool(written) and written != _hashOf(node)


def structuresAreEdited(node: Any) -> bool:
    """True if a user changed or removed structures since masks were written; added segments do not count."""
    written = node.GetAttribute(WRITTEN)
    return bool(written) and written != _hashOf(node, ofStructures=True)


def copyMasks(source: Any, target: Any, place: FloatArray = UNMOVED) -> None:
    """Make a vtkMRMLSegmentationNode hold the segments of another one, keeping its display settings.

    :param place: 4×4 matrix from the millimetres of the report to those of ``target``: the segments get their positions in the
        report, wherever the nodes were moved since.
    """
    wasModifying = target.StartModify()
    try:
        inThreeDimensions = _hasSurfaces(target)
        takeOutSegments(target.GetSegmentation())
        target.GetSegmentation().DeepCopy(source.GetSegmentation())
        geometry = source.GetAttribute(ANALYSED)
        if geometry:
            _placeLabels(target.GetSegmentation(), place @ np.array(json.loads(geometry)))
        target.SetAttribute(ANALYSED, geometry)
        target.SetAttribute(MODEL, source.GetAttribute(MODEL))
        if inThreeDimensions:
            target.CreateClosedSurfaceRepresentation()
        target.SetAttribute(WRITTEN, _hashOf(target))
    finally:
        target.EndModify(wasModifying)


def nameSegments(node: Any, shift: int) -> None:
    """Name the segments of levels by another numbering; voxels, including edited ones, do not change.

    Levels without a name in it are hidden and keep their present name. The canal and a user's own segments do not change.

    :param shift: number of levels by which every name moves down relative to the analysis; 0 is the analysis's own numbering.
    """
    segmentation = node.GetSegmentation()
    segments = [(identity, segmentation.GetSegment(identity)) for identity in segmentation.GetSegmentIDs()]
    named = [(_identityOf(identity, segment, shift), segment) for identity, segment in segments]
    if [identity for identity, _ in named] == [identity for identity, _ in segments]:
        return
    wasEdited = structuresAreEdited(node)
    wasModifying = node.StartModify()
    try:
        representations = takeOutSegments(segmentation)
        for (identity, segment), (before, _) in zip(named, segments, strict=True):
            if identity in _LEVELS:
                _describe(segment, anatomy.structure(identity))
            for name, data in representations[before].items():
                segment.AddRepresentation(name, data)
            segmentation.AddSegment(segment, identity)
            if node.GetDisplayNode() is not None:
                node.GetDisplayNode().SetSegmentVisibility(identity, not identity.startswith(_UNNAMED))
        if not wasEdited:
            node.SetAttribute(WRITTEN, _hashOf(node, ofStructures=True))
    finally:
        node.EndModify(wasModifying)


def takeOutSegments(segmentation: Any) -> dict[str, dict[str, Any]]:
    """Empty and remove every segment.

    Segments that share their labels are emptied before they are removed. Otherwise, each one would first get its own copy of all
    voxels, which takes memory and time in proportion to the number of segments.

    :returns: segment ID to the former contents of the segment, by name of the representation.
    """
    held = {}
    for identity in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(identity)
        names: list[str] = []
        segment.GetContainedRepresentationNames(names)
        held[identity] = {name: segment.GetRepresentation(name) for name in names}
        segment.RemoveAllRepresentations()
    segmentation.RemoveAllSegments()
    return held


def showSurfaces(node: Any, visible: bool = True) -> None:
    """Show or hide the structures as smooth surfaces in the 3-D views."""
    segmentation = node.GetSegmentation()
    if visible:
        segmentation.SetConversionParameter(_SMOOTHING, _SMOOTHED)
        node.CreateClosedSurfaceRepresentation()
    else:
        node.RemoveClosedSurfaceRepresentation()
    display = node.GetDisplayNode()
    if display is not None:
        display.SetVisibility3D(visible)


def showsSurfaces(node: Any) -> bool:
    """True if the structures are shown as surfaces in the 3-D views."""
    display = node.GetDisplayNode()
    return _hasSurfaces(node) and display is not None and bool(display.GetVisibility3D())


def _hasSurfaces(node: Any) -> bool:
    return bool(node.GetSegmentation().ContainsRepresentation(_SURFACE))


def _identityOf(identity: str, segment: Any, shift: int) -> str:
    """The ID of a segment in a numbering."""
    computed = _tag(segment, COMPUTED_TAG)
    if not computed:
        return identity
    return anatomy.renumbered(computed, shift) or _UNNAMED + computed


def _tag(segment: Any, name: str) -> str:
    value = vtk.reference("")
    return str(value) if segment.GetTag(name, value) else ""


def _describe(segment: Any, structure: anatomy.Structure) -> None:
    segment.SetName(structure.display)
    segment.SetColor(*structure.colour)
    segment.SetTag(TERMINOLOGY_TAG, terminology(structure))


def _setSourceRepresentation(segmentation: Any) -> None:
    if hasattr(segmentation, "SetSourceRepresentationName"):
        segmentation.SetSourceRepresentationName(_LABELMAP)
    else:  # Slicer 5.10 has only the older name
        segmentation.SetMasterRepresentationName(_LABELMAP)


def _placeLabels(segmentation: Any, matrix: FloatArray) -> None:
    """Set the position of every segment's labels by a 4×4 matrix from voxel indices."""
    for identity in segmentation.GetSegmentIDs():
        image = segmentation.GetSegment(identity).GetRepresentation(_LABELMAP)
        if image is not None:
            image.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(matrix))


def _orientedImage(labels: Image, place: FloatArray, *, whole: bool) -> Any:
    """A vtkOrientedImageData of the labels.

    :param whole: False crops it to the bounding box of all labels, as the application's own effects do, because the duration of
        operations on segments depends on the size of their image.
    """
    voxels = labels.voxels
    box = None if whole else box_of(voxels != 0)
    if box is None:
        box = (slice(0, voxels.shape[0]), slice(0, voxels.shape[1]), slice(0, voxels.shape[2]))
    ordered = c_ordered_copy(voxels[box].T)  # (K, J, I), as VTK stores them
    image = slicer.vtkOrientedImageData()
    image.SetExtent(*(edge for part in box for edge in (part.start, part.stop - 1)))
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(ordered.ravel(), deep=True))
    image.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(place @ labels.affine))
    return image


def _hashOf(node: Any, *, ofStructures: bool = False) -> str:
    """A hash of the voxels of every segment, independent of the extent to which a file or an effect crops them.

    :param ofStructures: True to leave out segments that a user added.
    """
    segmentation = node.GetSegmentation()
    digest = hashlib.sha256()
    labelled: dict[Any, Array | None] = {}
    for identity in sorted(segmentation.GetSegmentIDs()):
        if ofStructures and identity not in LABELS and not identity.startswith(_UNNAMED):
            continue
        segment = segmentation.GetSegment(identity)
        image = segment.GetRepresentation(_LABELMAP)
        digest.update(identity.encode())
        if image not in labelled:  # segments share their labels, so their bounding box is computed only once
            labelled[image] = _labelledPart(image)
        labels = labelled[image]
        voxels = labels == segment.GetLabelValue() if labels is not None else None
        box = box_of(voxels) if voxels is not None else None
        if voxels is not None and box is not None:
            part = voxels[box]
            digest.update(np.packbits(part).tobytes())
            digest.update(str(list(part.shape)).encode())
    return digest.hexdigest()


def _labelledPart(image: Any) -> Array | None:
    """The bounding box of all labelled voxels of a vtkOrientedImageData, (K, J, I); None if there are none."""
    if image is None or image.GetPointData().GetScalars() is None:
        return None
    extent = image.GetExtent()
    shape = tuple(extent[2 * axis + 1] - extent[2 * axis] + 1 for axis in (2, 1, 0))
    labels: Array = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape)
    box = box_of(labels != 0)
    return labels[box] if box is not None else None
