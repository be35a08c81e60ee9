"""Report to scene nodes and back.

A result consists of three nodes in one folder: a text with the report itself, a list of points and a table of findings; plus a
segmentation if structures were segmented. The text is authoritative; the list and the table display it. Node references connect
them with one another and with the analysed volumes, so that a result is found again after saving, loading, renaming or moving.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import slicer
import vtk

from ..base.correcting import carried_over, shift_of
from ..base.corrections import Correction
from ..base.errors import InputError, SchemaError
from ..base.json_io import report_from_json, report_to_json
from ..base.report import DISCLAIMER, Report
from ..base.study import Role, Study
from .computed import forgetComputed, storeComputed
from .computedMasks import forgetComputedMasks
from .findingTable import fillFindingTable
from .frame import Frame, frameOf, movedTo, rememberGeometry
from .hardenedWarps import acceptWarp
from .hierarchy import folderOf, hierarchyOf, moveTo, parentForResults
from .measurementTable import fillMeasurementTable
from .pointEdits import PointEdit, changeFrame
from .pointList import fillPointList, showPoints
from .provenance import setProvenance
from .segmentation import fillSegmentation, nameSegments
from .volumes import studyFromVolumeNodes

REPORT_ATTRIBUTE = "SpinalDiseaseAI.Report"
"""Attribute that marks a text node as the report of a result; its value is the pipeline."""

REPORT_REFERENCE = "SpinalDiseaseAI.report"
POINTS_REFERENCE = "SpinalDiseaseAI.points"
TABLE_REFERENCE = "SpinalDiseaseAI.table"
SEGMENTATION_REFERENCE = "SpinalDiseaseAI.segmentation"
MEASUREMENTS_REFERENCE = "SpinalDiseaseAI.measurements"
INPUT_REFERENCES = {Role.SAGITTAL_T2: "SpinalDiseaseAI.t2", Role.SAGITTAL_T1: "SpinalDiseaseAI.t1"}

FOLDER_NAME = "Lumbar spine analysis"


@dataclass(frozen=True)
class ResultNodes:
    """The nodes of one result.

    :param reportNode: vtkMRMLTextNode that holds the report.
    :param pointsNode: vtkMRMLMarkupsFiducialNode; None if it was deleted.
    :param tableNode: vtkMRMLTableNode; None if it was deleted.
    :param folderItem: subject hierarchy item of their folder; 0 if the report was moved out of it.
    :param kept: a user's edits that the last update preserved.
    :param segmentationNode: vtkMRMLSegmentationNode; None if nothing was segmented, or it was deleted.
    :param measurementsNode: vtkMRMLTableNode of the measurements; None if nothing was measured, or it was deleted.
    """

    reportNode: Any
    pointsNode: Any
    tableNode: Any
    folderItem: int
    kept: tuple[PointEdit, ...] = ()
    segmentationNode: Any = None
    measurementsNode: Any = None


def writeReport(
    report: Report,
    scene: Any,
    t2Node: Any = None,
    t1Node: Any = None,
    *,
    overwriteEdits: bool = False,
    study: Study | None = None,
) -> ResultNodes:
    """Show a report in a scene. An earlier result of the same pipeline on the same volume is updated.

    An unreadable earlier result, such as one of a newer version, is kept next to the new one, unless edits are overwritten.
    Input nodes are not changed. Nodes are identified by attributes and references, never by their names.

    :param t2Node: volume node that was analysed as T2; None if there was none or it is no longer in the scene.
    :param t1Node: the same for T1.
    :param overwriteEdits: True to also replace points that a user moved, renamed, described, removed or added. False carries
        the corrections recorded in the earlier report over to the new one.
    :param study: the analysed study, if the volumes may have been moved since; None if they have not.
    """
    primary = t2Node or t1Node
    earlier = resultOf(primary, report.pipeline) if primary is not None else None
    if earlier and not overwriteEdits and not _isReadable(earlier.reportNode):
        earlier = None
    reportNode = earlier.reportNode if earlier else _newReportNode(scene, report, primary)
    forgetComputedMasks(reportNode)
    before = frameOfResult(reportNode)
    if earlier and earlier.pointsNode is not None:
        acceptWarp(reportNode, earlier.pointsNode, before, inputsOf(reportNode))
    volumes = {Role.SAGITTAL_T2: t2Node, Role.SAGITTAL_T1: t1Node}
    for role, node in volumes.items():
        reportNode.SetNodeReferenceID(INPUT_REFERENCES[role], node.GetID() if node is not None else None)
    rememberGeometry(reportNode, study, volumes)
    after = frameOfResult(reportNode)
    if earlier and earlier.pointsNode is not None:
        changeFrame(earlier.pointsNode, before, after)
    corrections = correctionsOf(reportNode) if earlier else ()
    if corrections and not overwriteEdits:
        storeComputed(reportNode, report_to_json(report))
        corrected = reportFromNode(reportNode)
        moved = tuple(movedTo(item, before, after) for item in corrected.structures)
        report = carried_over(report, replace(corrected, structures=moved))
    elif earlier:
        forgetComputed(reportNode)
    return _show(reportNode, report, overwriteEdits)


def updateReport(reportNode: Any, report: Report, *, overwriteEdits: bool = False) -> ResultNodes:
    """Make an existing result show another report on the same volumes, such as one with regraded levels."""
    return _show(reportNode, report, overwriteEdits)


def resultFromNode(node: Any) -> ResultNodes:
    """The result to which a node belongs, such as its text, list or table.

    :raises InputError: if the node belongs to no result, or its report was deleted.
    """
    isNode = isinstance(node, slicer.vtkMRMLNode)
    reportNode = node.GetNodeReference(REPORT_REFERENCE) if isNode and not node.GetAttribute(REPORT_ATTRIBUTE) else node
    if not isNode or reportNode is None:
        raise InputError(
            f"The node “{node.GetName() if isNode else node}” holds no result of an analysis.",
            "A report, or the points or table of one, is needed.",
            "Choose another node, or analyze the study again.",
            code="no-result",
        )
    return ResultNodes(
        reportNode,
        reportNode.GetNodeReference(POINTS_REFERENCE),
        reportNode.GetNodeReference(TABLE_REFERENCE),
        folderOf(reportNode),
        segmentationNode=reportNode.GetNodeReference(SEGMENTATION_REFERENCE),
        measurementsNode=reportNode.GetNodeReference(MEASUREMENTS_REFERENCE),
    )


def reportFromNode(node: Any) -> Report:
    """The report of the result to which a node, such as its text, list or table, belongs, as it was written.

    :raises InputError: if the node belongs to no result, or its report was deleted.
    :raises SchemaError: if the text was changed and is no longer a report.
    """
    return report_from_json(resultFromNode(node).reportNode.GetText())


def correctionsOf(node: Any) -> tuple[Correction, ...]:
    """A reader's corrections of the result to which a node belongs; none if its text was changed and is no longer a report."""
    try:
        return reportFromNode(node).corrections
    except SchemaError:
        return ()


def resultsInScene(scene: Any) -> list[ResultNodes]:
    """Every result in a scene, oldest first."""
    return [resultFromNode(node) for node in _reportNodes(scene)]


def resultOf(volumeNode: Any, pipeline: str = "") -> ResultNodes | None:
    """The newest result on a volume.

    :param pipeline: only results of this pipeline; empty for any.
    """
    found = None
    for node in _reportNodes(volumeNode.GetScene()):
        onVolume = any(node.GetNodeReference(role) is volumeNode for role in INPUT_REFERENCES.values())
        if onVolume and pipeline in ("", node.GetAttribute(REPORT_ATTRIBUTE)):
            found = node
    return resultFromNode(found) if found is not None else None


def inputsOf(reportNode: Any) -> tuple[Any, Any]:
    """The T2 and T1 volume nodes of a result; None if there was none or it was deleted."""
    t2Node, t1Node = (reportNode.GetNodeReference(INPUT_REFERENCES[role]) for role in (Role.SAGITTAL_T2, Role.SAGITTAL_T1))
    return t2Node, t1Node


def frameOfResult(reportNode: Any) -> Frame:
    """The mapping from a result's report to the present: its volumes may have been moved since the analysis."""
    return frameOf(reportNode, dict(zip(INPUT_REFERENCES, inputsOf(reportNode), strict=True)))


def studyOfResult(reportNode: Any) -> Study:
    """The study of a result's volumes, each at its position during the analysis, where the report is valid.

    :raises InputError: if the volumes are gone or cannot be used.
    """
    return frameOfResult(reportNode).studyOf(studyFromVolumeNodes(*inputsOf(reportNode)))


def _reportNodes(scene: Any) -> Iterator[Any]:
    nodes = scene.GetNodesByClass("vtkMRMLTextNode")
    nodes.UnRegister(None)
    for index in range(nodes.GetNumberOfItems()):
        node = nodes.GetItemAsObject(index)
        if node.GetAttribute(REPORT_ATTRIBUTE):
            yield node


def _isReadable(reportNode: Any) -> bool:
    try:
        reportFromNode(reportNode)
    except SchemaError:
        return False
    return True


def _newReportNode(scene: Any, report: Report, inputNode: Any) -> Any:
    hierarchy = hierarchyOf(scene)
    name = f"{FOLDER_NAME}: {inputNode.GetName()}" if inputNode is not None else FOLDER_NAME
    name = scene.GenerateUniqueName(name)  # distinguishes results of volumes with the same name in selectors
    folderItem = hierarchy.CreateFolderItem(parentForResults(scene, inputNode), name)
    node = scene.AddNewNodeByClass("vtkMRMLTextNode", name)
    node.SetAttribute(REPORT_ATTRIBUTE, report.pipeline)
    # Kept in a separate file, because a long text inside the scene's XML may be rewrapped.
    node.SetForceCreateStorageNode(slicer.vtkMRMLTextNode.CreateStorageNodeAlways)
    moveTo(folderItem, node)
    return node


def _show(reportNode: Any, report: Report, overwriteEdits: bool) -> ResultNodes:
    wasModifying = reportNode.StartModify()  # observers of the report are notified once, when it is complete
    try:
        return _fill(reportNode, report, overwriteEdits)
    finally:
        reportNode.EndModify(wasModifying)


def _fill(reportNode: Any, report: Report, overwriteEdits: bool) -> ResultNodes:
    primary = next((node for node in inputsOf(reportNode) if node is not None), None)
    # First, because views draw earlier nodes below later ones, and points must be on top of their structures.
    segmentationNode = _showMasks(reportNode, report, primary, overwriteEdits)
    pointsNode = _companion(reportNode, POINTS_REFERENCE, "vtkMRMLMarkupsFiducialNode", "Lumbar levels")
    tableNode = _companion(reportNode, TABLE_REFERENCE, "vtkMRMLTableNode", "Lumbar findings")
    primaryID = primary.GetID() if primary is not None else ""
    kept = fillPointList(pointsNode, report, primaryID, frameOfResult(reportNode), overwriteEdits=overwriteEdits)
    fillFindingTable(tableNode, report)
    reportNode.SetText(report_to_json(report), vtk.VTK_ENCODING_UTF_8)
    nodes = [reportNode, pointsNode, tableNode]
    if report.masks is not None:
        nodes.append(segmentationNode)
    measurementsNode = _showMeasurements(reportNode, report)
    if measurementsNode is not None:
        nodes.append(measurementsNode)
    for node in nodes:
        setProvenance(node, report)
        node.SetDescription(DISCLAIMER)
    return ResultNodes(reportNode, pointsNode, tableNode, folderOf(reportNode), kept, segmentationNode, measurementsNode)


def _showMasks(reportNode: Any, report: Report, primary: Any, overwriteEdits: bool) -> Any:
    """The segmentation of a result, updated; None if there are no masks."""
    node = reportNode.GetNodeReference(SEGMENTATION_REFERENCE)
    if report.masks is not None:
        node = _companion(reportNode, SEGMENTATION_REFERENCE, "vtkMRMLSegmentationNode", "Lumbar structures")
        place = frameOfResult(reportNode).toNode(node)
        fillSegmentation(node, report.masks, primary, place, shift=shift_of(report), overwriteEdits=overwriteEdits)
    elif node is not None:  # a corrected report has no masks: those in the scene stay, and follow its names
        nameSegments(node, shift_of(report))
    return node


def _showMeasurements(reportNode: Any, report: Report) -> Any:
    """The table of the measurements of a result, updated; None if there never were any."""
    node = reportNode.GetNodeReference(MEASUREMENTS_REFERENCE)
    if report.measured:
        node = _companion(reportNode, MEASUREMENTS_REFERENCE, "vtkMRMLTableNode", "Lumbar measurements")
    if node is not None:
        fillMeasurementTable(node, report)
    return node


def _companion(reportNode: Any, reference: str, className: str, name: str) -> Any:
    """The list, table or segmentation of a result, created if missing."""
    node = reportNode.GetNodeReference(reference)
    if node is None:
        node = reportNode.GetScene().AddNewNodeByClass(className, name)
        reportNode.SetNodeReferenceID(reference, node.GetID())
        node.SetNodeReferenceID(REPORT_REFERENCE, reportNode.GetID())
        folderItem = folderOf(reportNode)
        if folderItem:
            moveTo(folderItem, node)
        if node.IsA("vtkMRMLMarkupsNode"):
            showPoints(node)
    return node
