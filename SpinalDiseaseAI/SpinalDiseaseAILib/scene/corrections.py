"""A reader's corrections of a result in the scene; the computed result is kept, so that it can be restored.

Readers correct the points, and the report follows. :func:`pendingChanges` returns where the two differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..base import anatomy
from ..base.correcting import now, shift_of, with_graded, with_other_numbering, without_point
from ..base.json_io import report_from_json
from ..base.report import Point, Report
from .computed import computedText, forgetComputed, keepComputed
from .computedMasks import forgetComputedMasks, keepComputedMasks, restoreComputedMasks
from .pointEdits import isMoved, writtenPoints
from .pointList import presentPoints, renamePoints
from .results import ResultNodes, frameOfResult, reportFromNode, resultFromNode, updateReport


@dataclass(frozen=True)
class PendingChanges:
    """Where the points of a result differ from its report.

    :param placed: structure to the position, in RAS millimetres of the report, of points that were moved or added.
    :param removed: structures of the report whose point is gone.
    """

    placed: dict[str, Point]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.placed or self.removed)


def pendingChanges(resultNode: Any) -> PendingChanges:
    """A reader's changes to the points of a result that are not yet in its report."""
    result, report = resultFromNode(resultNode), reportFromNode(resultNode)
    if result.pointsNode is None:
        return PendingChanges({}, ())
    points, frame = presentPoints(result.pointsNode), frameOfResult(result.reportNode)
    written = {item.structure: item.place for item in writtenPoints(result.pointsNode).values()}
    placed = {}
    for name, position in points.items():
        item = report.structure(name)
        there = frame.toWorld(item.position) if item is not None else None
        if there is None or isMoved(position, there, written.get(name, there)):
            placed[name] = frame.fromWorld(position)
    return PendingChanges(placed, tuple(item.name for item in report.structures if item.name not in points))


def modelPoints(resultNode: Any) -> tuple[dict[str, Point], dict[str, str]]:
    """Positions of all key points in the report by the models' names, and the report's names to the models' names.

    The names differ if a reader shifted the numbering: a model grades what is in the image, whatever it is called.
    """
    report = reportFromNode(resultNode)
    shift = shift_of(report)
    points = {item.name: item.position for item in report.structures} | pendingChanges(resultNode).placed
    names = {name: known for name in points for known in (anatomy.renumbered(name, -shift),) if known in anatomy.KEY_POINTS}
    return {names[name]: points[name] for name in names}, names


def applyGraded(reportNode: Any, graded: Report) -> ResultNodes:
    """Insert regraded and remeasured levels into a result, and the masks at the corrected points if they changed.

    :param graded: report with only these levels, under the models' names.
    """
    keepComputed(reportNode)
    if graded.masks is not None:
        keepComputedMasks(reportNode, resultFromNode(reportNode).segmentationNode)
    return updateReport(reportNode, with_graded(reportFromNode(reportNode), graded, now()))


def applyRemoved(reportNode: Any, removed: tuple[str, ...]) -> ResultNodes:
    """Remove structures from a result whose points were removed."""
    report = reportFromNode(reportNode)
    keepComputed(reportNode)
    when = now()
    for name in removed:
        report = without_point(report, name, when)
    return updateReport(reportNode, report)


def renumberResult(reportNode: Any, shift: int) -> ResultNodes:
    """Shift the numbering of a result by whole levels: points, table and report together. A user's edits are kept.

    :param shift: number of levels; +1 moves every name one level down (L4 becomes L5).
    :raises InputError: if no structure would keep a name.
    """
    result = resultFromNode(reportNode)
    report, names = with_other_numbering(reportFromNode(reportNode), shift, now())
    keepComputed(result.reportNode)
    if result.pointsNode is not None:
        renamePoints(result.pointsNode, names)
    return updateReport(result.reportNode, report)


def restoreComputed(reportNode: Any) -> ResultNodes:
    """Restore the computed result and discard every correction. A result without corrections does not change."""
    text = computedText(reportNode)
    report = report_from_json(text) if text else reportFromNode(reportNode)
    segmentationNode = resultFromNode(reportNode).segmentationNode
    if segmentationNode is not None:
        restoreComputedMasks(reportNode, segmentationNode, frameOfResult(reportNode).toNode(segmentationNode))
    forgetComputedMasks(reportNode)
    forgetComputed(reportNode)
    return updateReport(reportNode, report, overwriteEdits=True)
