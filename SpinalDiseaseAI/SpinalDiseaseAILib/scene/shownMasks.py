"""The segmentation of a result back to masks on the analysed voxels, so that files contain a reader's edits."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import slicer
from vtk.util import numpy_support

from ..base.geometry import Array, FloatArray, Image
from ..base.masks import LABELS, Box, Masks
from .frame import analysedGrids
from .results import frameOfResult, resultFromNode
from .segmentation import ANALYSED, MODEL, structuresAreEdited

_LABELMAP = "Binary labelmap"
_SAME = 1e-6
"""Largest difference in millimetres between 4×4 matrices of the same voxel grid, caused by rounding in files."""


def masksOfResult(resultNode: Any) -> Masks | None:
    """The masks of a result as in its segmentation, in the millimetres of its report; None if there are none.

    A user's segments that are not structures, and levels without a name in the present numbering, are left out. Unedited masks
    are returned as written, wherever their volume was moved since; edited ones are taken from their present position on the
    image. If segments overlap, the lower one in the list counts, as in the application's export.

    :returns: masks, whose model is empty if a person edited a structure.
    :raises InputError: if the node belongs to no result.
    """
    result = resultFromNode(resultNode)
    node = result.segmentationNode
    if node is None or not node.GetAttribute(ANALYSED):
        return None
    segmentation = node.GetSegmentation()
    segments = {name: segmentation.GetSegment(name) for name in segmentation.GetSegmentIDs() if name in LABELS}
    affine: FloatArray = np.array(json.loads(node.GetAttribute(ANALYSED)))
    images = {segment.GetRepresentation(_LABELMAP) for segment in segments.values()} - {None}
    shape = _countsOf(result.reportNode, affine) or _reachOf(images)
    edited = structuresAreEdited(node)
    if edited:
        place = frameOfResult(result.reportNode).toNode(node)
        grids = {image: _resampled(image, shape, place @ affine) for image in images}
    else:
        grids = {image: _voxelsOf(image) for image in images}
    labels = np.zeros(shape, dtype=np.uint8)
    names = {}
    for name, segment in segments.items():
        box, voxels = grids.get(segment.GetRepresentation(_LABELMAP), (None, None))
        own = voxels == segment.GetLabelValue() if voxels is not None else None
        if box is not None and own is not None and own.any():
            labels[box][own] = LABELS[name]
            names[LABELS[name]] = name
    if not names:
        return None
    return Masks(Image(labels, affine), names, "" if edited else node.GetAttribute(MODEL) or "")


def _countsOf(reportNode: Any, affine: FloatArray) -> tuple[int, int, int] | None:
    """Voxel counts of the analysed image with this matrix; None if none is recorded in the result."""
    grids = analysedGrids(reportNode).values()
    return next((counts for counts, matrix in grids if np.allclose(matrix, affine, rtol=0, atol=_SAME)), None)


def _reachOf(images: set[Any]) -> tuple[int, int, int]:
    """Voxel counts that include every label; if no volume was in the scene, the labels extend as far as their image."""
    i, j, k = (max((image.GetExtent()[2 * axis + 1] + 1 for image in images), default=0) for axis in range(3))
    return i, j, k


def _voxelsOf(image: Any) -> tuple[Box, Array]:
    """The labels of a vtkOrientedImageData, (I, J, K), and their offset in the grid to which its extent refers."""
    extent = image.GetExtent()
    i, j, k = (slice(extent[2 * axis], extent[2 * axis + 1] + 1) for axis in range(3))
    shape = tuple(part.stop - part.start for part in (k, j, i))
    labels: Array = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape)
    return (i, j, k), labels.T


def _resampled(image: Any, shape: tuple[int, int, int], matrix: FloatArray) -> tuple[Box, Array]:
    """The labels of a vtkOrientedImageData on another grid.

    :param matrix: 4×4 matrix from the grid's voxel indices to the millimetres of the segmentation.
    """
    reference = slicer.vtkOrientedImageData()
    reference.SetExtent(*(edge for count in shape for edge in (0, count - 1)))
    reference.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(matrix))
    there = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(image, reference, there)
    return _voxelsOf(there)
