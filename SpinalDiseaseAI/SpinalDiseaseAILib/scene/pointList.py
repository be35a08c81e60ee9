"""Report to a list of control points, preserving a user's edits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import vtk

from ..base import anatomy
from ..base.report import Point, Report, StructureResult
from ..base.wording import summary
from .frame import WORLD, Frame
from .pointEdits import EditKind, PointEdit, WrittenPoint, editsByID, editsOf, isDefined, positionOf, remember, writtenPoints

HIGHLIGHT_COLOUR = (0.2, 0.9, 1.0)
"""Colour of the point of the selected row."""

PROJECTION_OPACITY = 0.8
"""Opacity of points that are not in the shown slice: paler, but legible over images and masks."""

COLOUR_OF = "L4-L5"
"""The structure whose colour is used for the list, which can have only one colour."""


_STRUCTURES = {item.name for item in anatomy.STRUCTURES}


def fillPointList(
    node: Any, report: Report, associatedNodeID: str, frame: Frame = WORLD, *, overwriteEdits: bool = False
) -> tuple[PointEdit, ...]:
    """Make a vtkMRMLMarkupsFiducialNode show the structures of a report.

    :param associatedNodeID: ID of the volume on which the points lie; empty if it is not in the scene.
    :param frame: maps the report to its present position; points that moved with their volume do not count as edited.
    :param overwriteEdits: False keeps positions, labels and descriptions that a user changed, does not restore points that a
        user removed, and keeps points that a user added.
    :returns: the edits that were kept and differ from the report.
    """
    written = {} if overwriteEdits else writtenPoints(node)
    wasModifying = node.StartModify()
    node.SetFixedNumberOfControlPoints(False)
    if overwriteEdits:
        node.RemoveAllControlPoints()
    edits = editsByID(node, written, frame)
    wanted = {item.name for item in report.structures}
    now: dict[str, WrittenPoint] = {}
    for pointID, before in written.items():
        if before.structure not in wanted and not edits[pointID]:
            node.RemoveNthControlPoint(node.GetNthControlPointIndexByID(pointID))
        elif before.structure not in wanted:
            now[pointID] = before
    placed = {} if overwriteEdits else _placedByUser(node, written)
    byStructure = {**placed, **{before.structure: pointID for pointID, before in written.items()}}
    index = 0
    for item in report.structures:
        pointID = byStructure.get(item.name, "")
        kinds = {edit.kind for edit in edits.get(pointID, ())}
        if pointID and pointID not in written:
            kinds.add(EditKind.MOVED)  # the user placed a point for this structure, which stays where it is
        if EditKind.REMOVED not in kinds:
            if not pointID:
                node.InsertControlPointWorld(index, vtk.vtkVector3d(*frame.toWorld(item.position)), item.name)
                node.SetNthControlPointSelected(index, False)
                pointID = node.GetNthControlPointID(index)
            index = node.GetNthControlPointIndexByID(pointID)
            _update(node, index, item, frame, kinds)
            node.SetNthControlPointAssociatedNodeID(index, associatedNodeID)
            index += 1
        now[pointID] = WrittenPoint(item.name, item.position, describe(item), frame.toWorld(item.position))
    node.SetFixedNumberOfControlPoints(True)
    remember(node, now)
    node.EndModify(wasModifying)
    return editsOf(node, frame)


def renamePoints(node: Any, names: dict[str, str]) -> None:
    """Rename points to other structures, and remove those without a new structure; a user's edits are kept.

    :param names: the structure for which a point was written to its new structure.
    """
    now: dict[str, WrittenPoint] = {}
    wasModifying = node.StartModify()
    node.SetFixedNumberOfControlPoints(False)
    for pointID, before in writtenPoints(node).items():
        index = node.GetNthControlPointIndexByID(pointID)
        if before.structure not in names:
            if index >= 0:
                node.RemoveNthControlPoint(index)
            continue
        new = names[before.structure]
        if index >= 0 and node.GetNthControlPointLabel(index) == before.structure:
            node.SetNthControlPointLabel(index, new)
        now[pointID] = replace(before, structure=new)
    node.SetFixedNumberOfControlPoints(True)
    remember(node, now)
    node.EndModify(wasModifying)


def presentPoints(node: Any) -> dict[str, Point]:
    """Structure to world RAS millimetres of every point that has a position, whoever placed it."""
    return {
        name: positionOf(node, index)
        for index in range(node.GetNumberOfControlPoints())
        for name in (structureOfPoint(node, index),)
        if name in _STRUCTURES and isDefined(node, index)
    }


def structureOfPoint(node: Any, index: int) -> str:
    """The structure for which a point was written, otherwise its label; empty if there is no such point."""
    if not 0 <= index < node.GetNumberOfControlPoints():
        return ""
    before = writtenPoints(node).get(node.GetNthControlPointID(index))
    return before.structure if before is not None else str(node.GetNthControlPointLabel(index))


def indexOfPoint(node: Any, structure: str) -> int:
    """Index of the point of a structure, whether or not it has a position; -1 if there is none."""
    indexes = range(node.GetNumberOfControlPoints())
    return next((index for index in indexes if structureOfPoint(node, index) == structure), -1)


def preparePlacing(node: Any, structure: str) -> int:
    """Make the next click in a view place the point of a structure.

    :returns: the index of the point.
    """
    index = indexOfPoint(node, structure)
    if index < 0:
        node.SetFixedNumberOfControlPoints(False)
        index = node.AddControlPointWorld(vtk.vtkVector3d(0, 0, 0), structure)
        node.SetNthControlPointSelected(index, False)
        node.UnsetNthControlPointPosition(index)
        node.SetFixedNumberOfControlPoints(True)
    node.SetControlPointPlacementStartIndex(index)
    return index


def takeAwayPoint(node: Any, structure: str) -> None:
    """Unset the position of a structure's point; the point itself stays in the list, so that it can be placed again."""
    index = indexOfPoint(node, structure)
    if index >= 0:
        node.UnsetNthControlPointPosition(index)


def highlightPoint(node: Any, structure: str) -> None:
    """Draw the point of one structure in the highlight colour, and all others in the list's own colour.

    :param structure: empty for none.
    """
    wasModifying = node.StartModify()
    for index in range(node.GetNumberOfControlPoints()):
        node.SetNthControlPointSelected(index, bool(structure) and structureOfPoint(node, index) == structure)
    node.EndModify(wasModifying)


def pointOf(node: Any, structure: str) -> Point | None:
    """World RAS millimetres of the point written for a structure; None if there is none."""
    for pointID, before in writtenPoints(node).items():
        index = node.GetNthControlPointIndexByID(pointID)
        if before.structure == structure and index >= 0:
            return positionOf(node, index)
    return None


def describe(item: StructureResult) -> str:
    """Description of a point: the structure and its findings."""
    display = anatomy.structure(item.name).display
    found = summary(item)
    return f"{display}: {found}" if found else display


def showPoints(node: Any) -> None:
    """Set up the display of a new list: labels, the product's colour of discs, and every point in every slice.

    A spine does not lie in one slice, and without projection a view shows only the points of its own slice.
    """
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    colour = anatomy.structure(COLOUR_OF).colour
    display.SetSelectedColor(*HIGHLIGHT_COLOUR)
    display.SetColor(*colour)
    display.SetPointLabelsVisibility(True)
    display.SetSliceProjection(True)
    display.SetSliceProjectionOpacity(PROJECTION_OPACITY)


def _update(node: Any, index: int, item: StructureResult, frame: Frame, kept: set[EditKind]) -> None:
    if EditKind.MOVED not in kept:
        node.SetNthControlPointPositionWorld(index, *frame.toWorld(item.position))
    if EditKind.RENAMED not in kept:
        node.SetNthControlPointLabel(index, item.name)
    if EditKind.DESCRIBED not in kept:
        node.SetNthControlPointDescription(index, describe(item))


def _placedByUser(node: Any, written: dict[str, WrittenPoint]) -> dict[str, str]:
    """Label to ID of the points that a user placed in addition to those of the report."""
    return {
        node.GetNthControlPointLabel(index): node.GetNthControlPointID(index)
        for index in range(node.GetNumberOfControlPoints())
        if node.GetNthControlPointID(index) not in written and isDefined(node, index)
    }
