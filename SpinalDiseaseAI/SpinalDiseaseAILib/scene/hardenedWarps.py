"""Points that a hardened warp moved together with their volume do not count as edited in the next analysis.

A warp is a nonlinear transform. Hardening it resamples the volume and moves the points, and leaves no trace of the warp, so the
points cannot be mapped like those of a volume under a transform (:mod:`.frame`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from ..base.errors import InputError
from ..base.json_io import report_from_json
from .frame import Frame, hasAnalysedVoxels
from .pointEdits import EditKind, WrittenPoint, editsByID, isDefined, positionOf, remember, writtenPoints
from .volumes import studyFromVolumeNodes


def acceptWarp(reportNode: Any, pointsNode: Any, frame: Frame, volumeNodes: tuple[Any, Any]) -> None:
    """Let the points of an earlier result count as written where they are now, if a hardened warp moved them.

    That is assumed if the volume has other voxels, and all points moved that no reader corrected: a reader who drags points one
    after the other has the first one regraded and recorded as a correction. Corrected points stay edits.

    :param frame: maps the earlier report to the present.
    :param volumeNodes: T2 and T1 of the earlier result; None where there is none.
    """
    written = writtenPoints(pointsNode)
    try:
        report = report_from_json(reportNode.GetText())
        corrected = {item.structure for item in report.corrections}
        if not _allMoved(pointsNode, written, frame, corrected):
            return
        if hasAnalysedVoxels(reportNode, report, frame.studyOf(studyFromVolumeNodes(*volumeNodes))):
            return
    except InputError:  # the report cannot be read, or the volumes cannot be used
        return
    remember(pointsNode, {pointID: _here(pointsNode, pointID, item, corrected) for pointID, item in written.items()})


def _allMoved(node: Any, written: dict[str, WrittenPoint], frame: Frame, corrected: Collection[str]) -> bool:
    """True if there are several points that are present and not corrected, and each is elsewhere than it was written."""
    edits = editsByID(node, written, frame)
    kinds = [{edit.kind for edit in edits[pointID]} for pointID, item in written.items() if item.structure not in corrected]
    present = [item for item in kinds if EditKind.REMOVED not in item]
    return len(present) > 1 and all(EditKind.MOVED in item for item in present)


def _here(node: Any, pointID: str, item: WrittenPoint, corrected: Collection[str]) -> WrittenPoint:
    """A point as if it had been written where it is now, unless a reader corrected or removed it."""
    index = node.GetNthControlPointIndexByID(pointID)
    if item.structure in corrected or index < 0 or not isDefined(node, index):
        return item
    return replace(item, place=positionOf(node, index))
