"""Masks as an analysis computed them, kept beside a result once a corrected point changed which structure they belong to."""

from __future__ import annotations

from typing import Any

from ..base.geometry import FloatArray
from .hierarchy import folderOf, moveTo
from .segmentation import copyMasks, isEdited, takeOutSegments

REFERENCE = "SpinalDiseaseAI.computedMasks"
NAME = "Lumbar structures, as computed"


def keepComputedMasks(reportNode: Any, segmentationNode: Any) -> None:
    """Keep the segments of a result in a hidden node before they are replaced; nothing happens if that was done already.

    Segments that a user edited are not replaced, so that nothing is kept.

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
    """Put kept segments back, unless a user edited those that are shown meanwhile.

    :param place: 4×4 matrix from the millimetres of the report to those of the segmentation.
    """
    node = reportNode.GetNodeReference(REFERENCE)
    if node is not None and not isEdited(segmentationNode):
        copyMasks(node, segmentationNode, place)


def forgetComputedMasks(reportNode: Any) -> None:
    """Keep the segments no longer: they are shown, or those of another analysis are."""
    node = reportNode.GetNodeReference(REFERENCE)
    if node is not None:
        takeOutSegments(node.GetSegmentation())
        reportNode.GetScene().RemoveNode(node)
