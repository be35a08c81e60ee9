"""What a user did to the points of a result.

With the points the list keeps, as an attribute, what the report put there. A difference between the two is an edit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np
import slicer

from ..base.report import Point
from .frame import WORLD, Frame

WRITTEN = "SpinalDiseaseAI.WrittenPoints"
"""Attribute of the list: JSON of control point ID to [structure, position in the report, description, place in the world]."""

MOVED_MILLIMETRES = 0.01
"""A point that lies farther than this from where it was written was moved by someone."""


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
class WrittenPoint:
    """What the report put into the list for one point.

    :param position: RAS millimetres of the report.
    :param place: world RAS millimetres that this was at the time.
    """

    structure: str
    position: Point
    description: str
    place: Point


def editsOf(node: Any, frame: Frame = WORLD) -> tuple[PointEdit, ...]:
    """What a user did to the points since the report was written, in the order of the report, added points last."""
    written = writtenPoints(node)
    edits = editsByID(node, written, frame)
    added = [
        PointEdit(node.GetNthControlPointLabel(index), EditKind.ADDED, positionOf(node, index))
        for index in range(node.GetNumberOfControlPoints())
        if node.GetNthControlPointID(index) not in written
    ]
    return (*(edit for pointID in written for edit in edits[pointID]), *added)


def isMoved(position: Point, *places: Point) -> bool:
    """True if someone moved a point: it is at none of the places where it may be untouched.

    :param places: where the report is now, as the point may have been moved with its volume; and where it was when the point was
        written, as the volume may have left the point behind. Nobody touched it then, and what lies under it is no level that a
        reader meant.
    """
    return all(float(np.linalg.norm(np.subtract(position, place))) > MOVED_MILLIMETRES for place in places)


def changeFrame(node: Any, before: Frame, after: Frame) -> None:
    """Keep what the report put into the list in the frame of another report on the same volume; the points stay.

    A point that nobody moved is one that nobody moved in the other frame, too.
    """
    written = {}
    for pointID, item in writtenPoints(node).items():
        index = node.GetNthControlPointIndexByID(pointID)
        expected = before.toWorld(item.position)
        if index >= 0 and isDefined(node, index) and not isMoved(positionOf(node, index), expected, item.place):
            expected = positionOf(node, index)
        written[pointID] = replace(item, position=after.fromWorld(expected), place=expected)
    if written:
        remember(node, written)


def editsByID(node: Any, written: dict[str, WrittenPoint], frame: Frame) -> dict[str, tuple[PointEdit, ...]]:
    """Control point ID to what a user did to the point, of every point that the report put there."""
    return {
        pointID: _editsOfPoint(node, node.GetNthControlPointIndexByID(pointID), before, frame)
        for pointID, before in written.items()
    }


def _editsOfPoint(node: Any, index: int, before: WrittenPoint, frame: Frame) -> tuple[PointEdit, ...]:
    if index < 0 or not isDefined(node, index):
        return (PointEdit(before.structure, EditKind.REMOVED),)
    position = positionOf(node, index)
    kinds = []
    if isMoved(position, frame.toWorld(before.position), before.place):
        kinds.append(EditKind.MOVED)
    if node.GetNthControlPointLabel(index) != before.structure:
        kinds.append(EditKind.RENAMED)
    if node.GetNthControlPointDescription(index) != before.description:
        kinds.append(EditKind.DESCRIBED)
    return tuple(PointEdit(before.structure, kind, position) for kind in kinds)


def isDefined(node: Any, index: int) -> bool:
    """True if a point has a place."""
    return bool(node.GetNthControlPointPositionStatus(index) == slicer.vtkMRMLMarkupsNode.PositionDefined)


def positionOf(node: Any, index: int) -> Point:
    """World RAS millimetres of a point."""
    x, y, z = node.GetNthControlPointPositionWorld(index)
    return float(x), float(y), float(z)


def writtenPoints(node: Any) -> dict[str, WrittenPoint]:
    """Control point ID to what the report put there."""
    document = json.loads(node.GetAttribute(WRITTEN) or "{}")
    return {pointID: _written(*values) for pointID, values in document.items()}


def remember(node: Any, points: dict[str, WrittenPoint]) -> None:
    """Keep what the report put into the list, by control point ID."""
    document = {key: [item.structure, item.position, item.description, item.place] for key, item in points.items()}
    node.SetAttribute(WRITTEN, json.dumps(document))


def _written(structure: str, position: list[float], description: str, place: list[float] | None = None) -> WrittenPoint:
    # Scenes of earlier versions have no place: reports and the world were the same there.
    x, y, z = position
    a, b, c = place or position
    return WrittenPoint(structure, (x, y, z), description, (a, b, c))
