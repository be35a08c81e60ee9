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
"""Attribute of the list: JSON of control point ID to [structure, [R, A, S] in millimetres of the report, description]."""

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
    """What the report put into the list for one point; the position is the report's."""

    structure: str
    position: Point
    description: str


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


def isMoved(position: Point, before: Point, frame: Frame) -> bool:
    """True if world RAS millimetres are no longer those of a position of the report: someone moved a point."""
    return bool(np.linalg.norm(np.subtract(position, frame.toWorld(before))) > MOVED_MILLIMETRES)


def changeFrame(node: Any, before: Frame, after: Frame) -> None:
    """Keep what the report put into the list in the frame of another report on the same volume; the points stay."""
    written = writtenPoints(node)
    if written:
        remember(
            node, {key: replace(item, position=after.fromWorld(before.toWorld(item.position))) for key, item in written.items()}
        )


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
    if isMoved(position, before.position, frame):
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
    return {
        pointID: WrittenPoint(structure, (x, y, z), description)
        for pointID, (structure, (x, y, z), description) in document.items()
    }


def remember(node: Any, points: dict[str, WrittenPoint]) -> None:
    """Keep what the report put into the list, by control point ID."""
    document = {pointID: [item.structure, item.position, item.description] for pointID, item in points.items()}
    node.SetAttribute(WRITTEN, json.dumps(document))
