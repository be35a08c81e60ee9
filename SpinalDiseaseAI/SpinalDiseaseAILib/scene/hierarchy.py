"""Places of nodes in the subject hierarchy, the tree that a user sees in the Data module."""

from __future__ import annotations

from typing import Any

import slicer


def hierarchyOf(scene: Any) -> Any:
    """The vtkMRMLSubjectHierarchyNode of a scene; it is made if there is none."""
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def itemOf(node: Any) -> int:
    """Item of a node; in the application every node has one, without it one is made under the scene."""
    hierarchy = hierarchyOf(node.GetScene())
    item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
    return int(item)


def parentForResults(scene: Any, inputNode: Any) -> int:
    """Item under which the results of a volume belong: its DICOM study, else what the volume itself is under.

    :param inputNode: None if the volume is no longer in the scene: then the scene itself.
    """
    hierarchy = hierarchyOf(scene)
    if inputNode is None:
        return int(hierarchy.GetSceneItemID())
    item = itemOf(inputNode)
    study = hierarchy.GetItemAncestorAtLevel(item, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMLevelStudy())
    return int(study or hierarchy.GetItemParent(item))


def folderOf(node: Any) -> int:
    """The folder item that a node is directly in; 0 if it is in none."""
    hierarchy = hierarchyOf(node.GetScene())
    parent = hierarchy.GetItemParent(itemOf(node))
    isFolder = hierarchy.IsItemLevel(parent, slicer.vtkMRMLSubjectHierarchyConstants.GetSubjectHierarchyLevelFolder())
    return int(parent) if isFolder else 0


def moveTo(folderItem: int, node: Any) -> None:
    """Put a node into a folder."""
    hierarchyOf(node.GetScene()).SetItemParent(itemOf(node), folderItem)
