"""Chart of a result: the probability that each finding is abnormal, by level."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk

from ..base import anatomy
from ..base.report import FindingResult, Report, StructureResult
from .hierarchy import folderOf, moveTo, removeNode

Probability = Callable[[FindingResult], float]

CHART_REFERENCE = "SpinalDiseaseAI.chart"
SERIES_REFERENCE = "SpinalDiseaseAI.series"
TABLE_REFERENCE = "SpinalDiseaseAI.chartTable"
_LEVEL = "level"

_ROUNDING = 1e-6
"""Rounding error of a probability after writing it to a file and reading it."""

COLOURS = ((0.12, 0.47, 0.71), (1.0, 0.50, 0.05), (0.17, 0.63, 0.17), (0.84, 0.15, 0.16), (0.58, 0.40, 0.74), (0.55, 0.34, 0.29),
           (0.89, 0.47, 0.76), (0.50, 0.50, 0.50), (0.74, 0.74, 0.13), (0.09, 0.75, 0.81))  # fmt: skip
"""Colours of the findings in their order: Tableau's ten colours, distinguishable on light and dark backgrounds."""


def chartOf(reportNode: Any) -> Any:
    """The chart of a result; None if it has none."""
    return reportNode.GetNodeReference(CHART_REFERENCE)


def writeChart(reportNode: Any, report: Report, probability: Probability) -> Any:
    """Create or update the chart of a result, its series and the table behind them.

    :param probability: returns the probability that a finding is abnormal, 0 … 1.
    :returns: vtkMRMLPlotChartNode.
    """
    findings = [item for item in anatomy.FINDINGS if any(result.finding(item.name) for result in report.structures)]
    table = _node(reportNode, TABLE_REFERENCE, "vtkMRMLTableNode", "Lumbar findings chart table")
    chart = _node(reportNode, CHART_REFERENCE, "vtkMRMLPlotChartNode", "Lumbar findings chart")
    _fillTable(table, report, findings, probability)
    for index in reversed(range(reportNode.GetNumberOfNodeReferences(SERIES_REFERENCE))):
        if index >= len(findings):
            removeNode(reportNode.GetNthNodeReference(SERIES_REFERENCE, index))
    chart.RemoveAllPlotSeriesNodeIDs()
    for index, finding in enumerate(findings):
        series = _node(reportNode, SERIES_REFERENCE, "vtkMRMLPlotSeriesNode", finding.display, index)
        series.SetName(finding.display)
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeBar)
        series.SetXColumnName(_LEVEL)
        series.SetYColumnName(finding.display)
        series.SetLabelColumnName(_LEVEL)
        series.SetColor(*COLOURS[anatomy.FINDINGS.index(finding) % len(COLOURS)])
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    chart.SetTitle("Probability that a finding is abnormal")
    chart.SetXAxisTitle("Level")
    chart.SetYAxisTitle("Probability")
    chart.YAxisRangeAutoOff()
    chart.SetYAxisRange(0.0, 1.0)
    chart.SetLegendVisibility(True)
    return chart


def _fillTable(table: Any, report: Report, findings: list[anatomy.Finding], probability: Probability) -> None:
    rows = [item for item in report.structures if item.findings]
    levels = [item.name for item in rows]
    columns = {finding.display: [_probability(item, finding, probability) for item in rows] for finding in findings}
    if _holds(table, levels, columns):
        return  # so that a scene that is only viewed is not marked as modified
    wasModifying = table.StartModify()
    table.RemoveAllColumns()
    names = vtk.vtkStringArray()
    names.SetName(_LEVEL)
    for level in levels:
        names.InsertNextValue(level)
    table.AddColumn(names)
    for name, column in columns.items():
        values = vtk.vtkDoubleArray()
        values.SetName(name)
        for value in column:
            values.InsertNextValue(value)
        table.AddColumn(values)
    table.SetLocked(True)
    table.EndModify(wasModifying)


def _probability(item: StructureResult, finding: anatomy.Finding, probability: Probability) -> float:
    result = item.finding(finding.name)
    return probability(result) if result is not None else 0.0


def _holds(table: Any, levels: list[str], columns: dict[str, list[float]]) -> bool:
    """True if a table already holds these numbers, up to the precision of a file."""
    if [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())] != [_LEVEL, *columns]:
        return False
    held = [table.GetTable().GetColumn(index) for index in range(table.GetNumberOfColumns())]
    if any(array.GetNumberOfValues() != len(levels) or not array.IsA("vtkDoubleArray") for array in held[1:]):
        return False
    if [held[0].GetValue(row) for row in range(held[0].GetNumberOfValues())] != levels:
        return False
    pairs = zip(held[1:], columns.values(), strict=True)
    return all(abs(array.GetValue(row) - value) < _ROUNDING for array, column in pairs for row, value in enumerate(column))


def _node(reportNode: Any, reference: str, className: str, name: str, index: int = 0) -> Any:
    node = reportNode.GetNthNodeReference(reference, index)
    if node is None:
        node = reportNode.GetScene().AddNewNodeByClass(className, name)
        reportNode.SetNthNodeReferenceID(reference, index, node.GetID())
        folderItem = folderOf(reportNode)
        if folderItem:
            moveTo(folderItem, node)
    return node
