"""The masks as computed, kept with a result once a corrected point has changed which structures they belong to."""

from __future__ import annotations

from typing import Any

from ..base.geometry import FloatArray
from .hierarchy import folderOf, moveTo, removeNode
from .segmentation import copyMasks, isEdited, takeOutSegments

REFERENCE = "SpinalDiseaseAI.computedMasks"
NAME = "Lumbar structures, as computed"


def keepComputedMasks(reportNode: Any, segmentationNode: Any) -> None:
    """Store the segments of a result in a hidden node before they are replaced, unless they are already stored.

    Segments that a user edited are not replaced, so nothing is stored then.

    :param segmentationNode: vtkMRMLSegmentationNode of the result; None if there is none.
    """
    if segmentationNode is None or isEdited(segmentationNode) or reportNode.GetNodeReference(REFERENCE) is not None:
        return
    node = reportNode.GetScene().AddNewNodeByClass("vtkMRMLSegmentationNode", NAME)
    node.SetHideFromEditors(True)
    reportNode.SetNodeReferenceID(REFERENCE, node.GetID())
    folderItem = folderOf(reportNode)
    if folderItem:
        moveTo(folderItem, node)
    copyMasks(segmentationNode, node)


def restoreComputedMasks(reportNode: Any, segmentationNode: Any, place: FloatArray) -> None:
    """Restore stored segments, unless a user has edited the shown ones in the meantime.

    :param place: 4×4 matrix from the millimetres of the report to those of the segmentation.
    """
    node = reportNode.GetNodeReference(REFERENCE)
    if node is not None and not isEdited(segmentationNode):
        copyMasks(node, segmentationNode, place)


def forgetComputedMasks(reportNode: Any) -> None:
    """Remove the stored segments, because they, or those of another analysis, are shown."""
    node = reportNode.GetNodeReference(REFERENCE)
    if node is not None:
        takeOutSegments(node.GetSegmentation())
        removeNode(node)
