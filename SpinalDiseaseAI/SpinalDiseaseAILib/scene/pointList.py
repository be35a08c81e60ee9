"""Report to a list of control points, in which what a user edited stays as the user left it.

With the points the list keeps, as an attribute, what the report put there. A difference between the two is an edit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np
import slicer
import vtk

from ..base import anatomy
from ..base.report import Point, Report, StructureResult
from ..base.wording import summary
from .frame import WORLD, Frame

WRITTEN = "SpinalDiseaseAI.WrittenPoints"
"""Attribute of the list: JSON of control point ID to [structure, [R, A, S] in millimetres of the report, description]."""

MOVED_MILLIMETRES = 0.01
"""A point that lies farther than this from where it was written was moved by someone."""

HIGHLIGHT_COLOUR = (0.2, 0.9, 1.0)
"""Colour of the point whose row is selected."""

PROJECTION_OPACITY = 0.8
"""Of points that lie in another slice than the one that is shown: paler, and to be read before an image and its masks."""

COLOUR_OF = "L4-L5"
"""The structure whose colour the list has: a list has one colour."""


_STRUCTURES = {item.name for item in anatomy.STRUCTURES}


class EditKind(Enum):
    """What a user did to a point."""

    MOVED = "moved"
    RENAMED = "renamed"
    DESCRIBED = "described"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True)
class PointEdit:
    """Something that a user did to a point of the list.

    :param structure: the structure that the point was written for; the label of a point that the user added.
    :param position: where the point is now, world RAS millimetres; None if it was removed.
    """

    structure: str
    kind: EditKind
    position: Point | None = None


@dataclass(frozen=True)
class _Written:
    """What the report put into the list for one point; the position is the report's."""

    structure: str
    position: Point
    description: str


def fillPointList(
    node: Any, report: Report, associatedNodeID: str, frame: Frame = WORLD, *, overwriteEdits: bool = False
) -> tuple[PointEdit, ...]:
    """Make a vtkMRMLMarkupsFiducialNode show the structures of a report.

    :param associatedNodeID: ID of the volume that the points lie on; empty if it is not in the scene.
    :param frame: where the report's millimetres are now; points that moved with their volume were not edited.
    :param overwriteEdits: False keeps the position, label and description that a user changed, leaves points out that a user
        removed, and leaves points in that a user added.
    :returns: the edits that were kept and differ from the report.
    """
    written = {} if overwriteEdits else _written(node)
    wasModifying = node.StartModify()
    node.SetFixedNumberOfControlPoints(False)
    if overwriteEdits:
        node.RemoveAllControlPoints()
    edits = _editsByID(node, written, frame)
    wanted = {item.name for item in report.structures}
    now: dict[str, _Written] = {}
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
            kinds.add(EditKind.MOVED)  # a point that the user placed for this structure stays where it is
        if EditKind.REMOVED not in kinds:
            if not pointID:
                node.InsertControlPointWorld(index, vtk.vtkVector3d(*frame.toWorld(item.position)), item.name)
                node.SetNthControlPointSelected(index, False)
                pointID = node.GetNthControlPointID(index)
            index = node.GetNthControlPointIndexByID(pointID)
            _update(node, index, item, frame, kinds)
            node.SetNthControlPointAssociatedNodeID(index, associatedNodeID)
            index += 1
        now[pointID] = _Written(item.name, item.position, describe(item))
    node.SetFixedNumberOfControlPoints(True)
    _remember(node, now)
    node.EndModify(wasModifying)
    return editsOf(node, frame)


def editsOf(node: Any, frame: Frame = WORLD) -> tuple[PointEdit, ...]:
    """What a user did to the points since the report was written, in the order of the report, added points last."""
    written = _written(node)
    edits = _editsByID(node, written, frame)
    added = [
        PointEdit(node.GetNthControlPointLabel(index), EditKind.ADDED, _positionOf(node, index))
        for index in range(node.GetNumberOfControlPoints())
        if node.GetNthControlPointID(index) not in written
    ]
    return (*(edit for pointID in written for edit in edits[pointID]), *added)


def isMoved(position: Point, before: Point, frame: Frame) -> bool:
    """True if world RAS millimetres are no longer those of a position of the report: someone moved a point."""
    return bool(np.linalg.norm(np.subtract(position, frame.toWorld(before))) > MOVED_MILLIMETRES)


def changeFrame(node: Any, before: Frame, after: Frame) -> None:
    """Keep what the report put into the list in the frame of another report on the same volume; the points stay."""
    written = _written(node)
    if written:
        _remember(
            node, {key: replace(item, position=after.fromWorld(before.toWorld(item.position))) for key, item in written.items()}
        )


def renamePoints(node: Any, names: dict[str, str]) -> None:
    """Give the points the names of other structures, and no point to structures that get none; what a user edited stays.

    :param names: structure that a point was written for, to its new structure.
    """
    now: dict[str, _Written] = {}
    wasModifying = node.StartModify()
    node.SetFixedNumberOfControlPoints(False)
    for pointID, before in _written(node).items():
        index = node.GetNthControlPointIndexByID(pointID)
        if before.structure not in names:
            if index >= 0:
                node.RemoveNthControlPoint(index)
            continue
        new = names[before.structure]
        if index >= 0 and node.GetNthControlPointLabel(index) == before.structure:
            node.SetNthControlPointLabel(index, new)
        now[pointID] = _Written(new, before.position, before.description)
    node.SetFixedNumberOfControlPoints(True)
    _remember(node, now)
    node.EndModify(wasModifying)


def presentPoints(node: Any) -> dict[str, Point]:
    """Structure to world RAS millimetres, of every point that has a place now, whoever put it there."""
    return {
        name: _positionOf(node, index)
        for index in range(node.GetNumberOfControlPoints())
        for name in (structureOfPoint(node, index),)
        if name in _STRUCTURES and _isDefined(node, index)
    }


def structureOfPoint(node: Any, index: int) -> str:
    """Structure that a point was written for, else its label; empty if there is no such point."""
    if not 0 <= index < node.GetNumberOfControlPoints():
        return ""
    before = _written(node).get(node.GetNthControlPointID(index))
    return before.structure if before is not None else str(node.GetNthControlPointLabel(index))


def indexOfPoint(node: Any, structure: str) -> int:
    """Index of the point of a structure, whether it has a place or not; -1 if there is none."""
    indexes = range(node.GetNumberOfControlPoints())
    return next((index for index in indexes if structureOfPoint(node, index) == structure), -1)


def preparePlacing(node: Any, structure: str) -> int:
    """Make the point of a structure the one that the next click in a view places.

    :returns: its index.
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
    """Take the place of a structure's point away; the point itself stays in the list, so that it can be placed again."""
    index = indexOfPoint(node, structure)
    if index >= 0:
        node.UnsetNthControlPointPosition(index)


def highlightPoint(node: Any, structure: str) -> None:
    """Draw the point of one structure in the highlight colour, and every other one in the list's own.

    :param structure: empty for none.
    """
    wasModifying = node.StartModify()
    for index in range(node.GetNumberOfControlPoints()):
        node.SetNthControlPointSelected(index, bool(structure) and structureOfPoint(node, index) == structure)
    node.EndModify(wasModifying)


def pointOf(node: Any, structure: str) -> Point | None:
    """World RAS millimetres of the point that was written for a structure; None if there is none."""
    for pointID, before in _written(node).items():
        index = node.GetNthControlPointIndexByID(pointID)
        if before.structure == structure and index >= 0:
            return _positionOf(node, index)
    return None


def describe(item: StructureResult) -> str:
    """Description of a point: the structure and what was found there."""
    display = anatomy.structure(item.name).display
    found = summary(item)
    return f"{display}: {found}" if found else display


def showPoints(node: Any) -> None:
    """Give a new list its display: labels, the colour of the product's discs, and every point in every slice.

    A spine is not straight enough to lie in one slice: without projection a view shows the points of its own slice only.
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


def _editsByID(node: Any, written: dict[str, _Written], frame: Frame) -> dict[str, tuple[PointEdit, ...]]:
    return {
        pointID: _editsOfPoint(node, node.GetNthControlPointIndexByID(pointID), before, frame)
        for pointID, before in written.items()
    }


def _editsOfPoint(node: Any, index: int, before: _Written, frame: Frame) -> tuple[PointEdit, ...]:
    if index < 0 or not _isDefined(node, index):
        return (PointEdit(before.structure, EditKind.REMOVED),)
    position = _positionOf(node, index)
    kinds = []
    if isMoved(position, before.position, frame):
        kinds.append(EditKind.MOVED)
    if node.GetNthControlPointLabel(index) != before.structure:
        kinds.append(EditKind.RENAMED)
    if node.GetNthControlPointDescription(index) != before.description:
        kinds.append(EditKind.DESCRIBED)
    return tuple(PointEdit(before.structure, kind, position) for kind in kinds)


def _isDefined(node: Any, index: int) -> bool:
    return bool(node.GetNthControlPointPositionStatus(index) == slicer.vtkMRMLMarkupsNode.PositionDefined)


def _placedByUser(node: Any, written: dict[str, _Written]) -> dict[str, str]:
    """Label to ID of the points that a user placed beside those of the report."""
    return {
        node.GetNthControlPointLabel(index): node.GetNthControlPointID(index)
        for index in range(node.GetNumberOfControlPoints())
        if node.GetNthControlPointID(index) not in written and _isDefined(node, index)
    }


def _positionOf(node: Any, index: int) -> Point:
    x, y, z = node.GetNthControlPointPositionWorld(index)
    return float(x), float(y), float(z)


def _written(node: Any) -> dict[str, _Written]:
    document = json.loads(node.GetAttribute(WRITTEN) or "{}")
    return {
        pointID: _Written(structure, (x, y, z), description) for pointID, (structure, (x, y, z), description) in document.items()
    }


def _remember(node: Any, points: dict[str, _Written]) -> None:
    document = {pointID: [item.structure, item.position, item.description] for pointID, item in points.items()}
    node.SetAttribute(WRITTEN, json.dumps(document))
