"""The report as computed, kept with a result that a reader corrected, so that it can be restored and compared."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

from .hierarchy import folderOf, moveTo, removeNode

REFERENCE = "SpinalDiseaseAI.computed"
NAME = "Lumbar spine analysis report, as computed"


def computedText(reportNode: Any) -> str:
    """JSON of the report as computed; empty if the result was not corrected."""
    node = reportNode.GetNodeReference(REFERENCE)
    return str(node.GetText()) if node is not None else ""


def storeComputed(reportNode: Any, text: str) -> None:
    """Store a report as the computed one, in a hidden node of the result."""
    node = reportNode.GetNodeReference(REFERENCE)
    if node is None:
        node = reportNode.GetScene().AddNewNodeByClass("vtkMRMLTextNode", NAME)
        node.SetForceCreateStorageNode(slicer.vtkMRMLTextNode.CreateStorageNodeAlways)
        node.SetHideFromEditors(True)
        reportNode.SetNodeReferenceID(REFERENCE, node.GetID())
        folderItem = folderOf(reportNode)
        if folderItem:
            moveTo(folderItem, node)
    node.SetText(text, vtk.VTK_ENCODING_UTF_8)


def keepComputed(reportNode: Any) -> None:
    """Store the report of a result as computed before it is corrected, unless one is already stored."""
    if reportNode.GetNodeReference(REFERENCE) is None:
        storeComputed(reportNode, reportNode.GetText())


def forgetComputed(reportNode: Any) -> None:
    """Remove the stored report, because the result is again as computed."""
    node = reportNode.GetNodeReference(REFERENCE)
    if node is not None:
        removeNode(node)
