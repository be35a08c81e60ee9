"""A user's edits of the points of a result.

An attribute of the list keeps the points as the report wrote them. A difference from the current points is an edit.
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
"""Attribute of the list: JSON of control point ID to [structure, position in the report, description, world position]."""

MOVED_MILLIMETRES = 0.01
"""A point farther than this from where it was written has been moved."""


class EditKind(Enum):
    """Kinds of edits of a point."""

    MOVED = "moved"
    RENAMED = "renamed"
    DESCRIBED = "described"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True)
class PointEdit:
    """A user's edit of a point of the list.

    :param structure: the structure for which the point was written; the label of a point that the user added.
    :param position: the present position of the point, world RAS millimetres; None if it was removed.
    """

    structure: str
    kind: EditKind
    position: Point | None = None


@dataclass(frozen=True)
class WrittenPoint:
    """A point as the report wrote it into the list.

    :param position: RAS millimetres of the report.
    :param place: world RAS millimetres of this position at the time.
    """

    structure: str
    position: Point
    description: str
    place: Point


def editsOf(node: Any, frame: Frame = WORLD) -> tuple[PointEdit, ...]:
    """A user's edits of the points since the report was written, in the order of the report, added points last."""
    written = writtenPoints(node)
    edits = editsByID(node, written, frame)
    added = [
        PointEdit(node.GetNthControlPointLabel(index), EditKind.ADDED, positionOf(node, index))
        for index in range(node.GetNumberOfControlPoints())
        if node.GetNthControlPointID(index) not in written
    ]
    return (*(edit for pointID in written for edit in edits[pointID]), *added)


def isMoved(position: Point, *places: Point) -> bool:
    """True if someone moved a point: it is at none of the places where an unedited point may be.

    :param places: the report's position now, because the point may have been moved with its volume; and its position when the
        point was written, because the volume may have been moved without the point. The latter is not an edit: no reader chose
        that place in the image.
    """
    return all(float(np.linalg.norm(np.subtract(position, place))) > MOVED_MILLIMETRES for place in places)


def changeFrame(node: Any, before: Frame, after: Frame) -> None:
    """Convert the points as written to the frame of another report on the same volume; the points themselves stay.

    A point that was not moved counts as not moved in the other frame, too.
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
    """Control point ID to the edits of the point, for every point that the report wrote."""
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
    """True if a point has a position."""
    return bool(node.GetNthControlPointPositionStatus(index) == slicer.vtkMRMLMarkupsNode.PositionDefined)


def positionOf(node: Any, index: int) -> Point:
    """World RAS millimetres of a point."""
    x, y, z = node.GetNthControlPointPositionWorld(index)
    return float(x), float(y), float(z)


def writtenPoints(node: Any) -> dict[str, WrittenPoint]:
    """Control point ID to the point as the report wrote it."""
    document = json.loads(node.GetAttribute(WRITTEN) or "{}")
    return {pointID: _written(*values) for pointID, values in document.items()}


def remember(node: Any, points: dict[str, WrittenPoint]) -> None:
    """Record the points as the report wrote them, by control point ID."""
    document = {key: [item.structure, item.position, item.description, item.place] for key, item in points.items()}
    node.SetAttribute(WRITTEN, json.dumps(document))


def _written(structure: str, position: list[float], description: str, place: list[float] | None = None) -> WrittenPoint:
    # Scenes of earlier versions have no world position, which was the same as that of the report.
    x, y, z = position
    a, b, c = place or position
    return WrittenPoint(structure, (x, y, z), description, (a, b, c))
