"""Positions of nodes in the subject hierarchy, the tree in the Data module."""

from __future__ import annotations

from typing import Any

import slicer


def hierarchyOf(scene: Any) -> Any:
    """The vtkMRMLSubjectHierarchyNode of a scene, created if there is none."""
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def itemOf(node: Any) -> int:
    """The item of a node. In the application every node has one; outside it, one is created under the scene."""
    hierarchy = hierarchyOf(node.GetScene())
    item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
    return int(item)


def parentForResults(scene: Any, inputNode: Any) -> int:
    """Parent item for the results of a volume: its DICOM study, otherwise the volume's own parent.

    :param inputNode: None if the volume is no longer in the scene; the parent is then the scene itself.
    """
    hierarchy = hierarchyOf(scene)
    if inputNode is None:
        return int(hierarchy.GetSceneItemID())
    item = itemOf(inputNode)
    study = hierarchy.GetItemAncestorAtLevel(item, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMLevelStudy())
    return int(study or hierarchy.GetItemParent(item))


def folderOf(node: Any) -> int:
    """The folder item directly above a node; 0 if there is none."""
    hierarchy = hierarchyOf(node.GetScene())
    parent = hierarchy.GetItemParent(itemOf(node))
    isFolder = hierarchy.IsItemLevel(parent, slicer.vtkMRMLSubjectHierarchyConstants.GetSubjectHierarchyLevelFolder())
    return int(parent) if isFolder else 0


def moveTo(folderItem: int, node: Any) -> None:
    """Move a node into a folder."""
    hierarchyOf(node.GetScene()).SetItemParent(itemOf(node), folderItem)


def removeNode(node: Any) -> None:
    """Remove a node from its scene, together with its item, which outside the application would stay behind without a node."""
    scene = node.GetScene()
    hierarchy = hierarchyOf(scene)
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.RemoveItem(item, False)  # only the item: not every version removes both at once
    scene.RemoveNode(node)
