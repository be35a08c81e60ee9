"""Report to a table node: one row per structure and finding, typed columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import vtk

from ..base import anatomy, wording
from ..base.report import FindingResult, Report, StructureResult

PANEL_COLUMNS = ("level", "finding", "predicted", "confidence", "plausible", "probabilities")
"""Columns that a narrow view shows."""

DECIMALS = 4
"""Decimals of the probabilities in the table; the report has them in full."""

MISSING = float("nan")
"""Value of a probability column if the row's finding has fewer classes."""


@dataclass(frozen=True)
class Column:
    """A column of the table.

    :param name: identifier in scripts and files.
    :param title: text of the header.
    :param number: True for a column of doubles, False for a column of text.
    """

    name: str
    title: str
    description: str
    number: bool = False


TEXT_COLUMNS = (
    Column("level", "Level", "Vertebra or intervertebral disc, by level"),
    Column("structure", "Structure", "Kind of structure: vertebra or disc"),
    Column("finding", "Finding", "Disease or grade that was assessed"),
    Column("predicted", "Predicted", "Predicted class; several if more than one applies"),
)
CONFIDENCE = Column("confidence", "Confidence", "Probability of the predicted class, 0 to 1", number=True)
PLAUSIBLE = Column(
    "plausible", "Plausible", "Classes that include the true one at the model's stated rate; not sure if they are all classes"
)
PROBABILITIES = Column("probabilities", "Probabilities", "Probability of every class of the finding, in words")
MODEL = Column("model", "Model", "Model bundle that gave the probabilities")


def columnsFor(report: Report) -> tuple[Column, ...]:
    """Columns of a report's table, with enough probability columns for the finding with the most classes."""
    probabilities = tuple(
        Column(
            f"p{slot}", f"P{slot}", f"Probability of class {slot} of the finding, in the order of “Probabilities”", number=True
        )
        for slot in range(1, _slotCount(report) + 1)
    )
    return (*TEXT_COLUMNS, CONFIDENCE, PLAUSIBLE, PROBABILITIES, *probabilities, MODEL)


def rowsOf(report: Report) -> list[tuple[StructureResult, FindingResult]]:
    """The contents of each row of the table, from cranial to caudal."""
    return [(item, result) for item in report.structures for result in item.findings]


def fillFindingTable(tableNode: Any, report: Report) -> None:
    """Make a vtkMRMLTableNode show a report, replacing its contents. It is locked, because its numbers are results."""
    columns = columnsFor(report)
    values: dict[str, list[Any]] = {column.name: [] for column in columns}
    for item, result in rowsOf(report):
        for name, value in _row(item, result, _slotCount(report)).items():
            values[name].append(value)
    wasModifying = tableNode.StartModify()
    tableNode.RemoveAllColumns()
    for column in columns:
        array = vtk.vtkDoubleArray() if column.number else vtk.vtkStringArray()
        array.SetName(column.name)
        for value in values[column.name]:
            array.InsertNextValue(value)
        tableNode.AddColumn(array)
        tableNode.SetColumnType(column.name, vtk.VTK_DOUBLE if column.number else vtk.VTK_STRING)
        tableNode.SetColumnTitle(column.name, column.title)
        tableNode.SetColumnDescription(column.name, column.description)
        if column.number:
            tableNode.SetColumnUnitLabel(column.name, "1")  # no unit in UCUM
    tableNode.SetUseColumnTitleAsColumnHeader(True)
    tableNode.SetLocked(True)
    tableNode.EndModify(wasModifying)


def wideColumns(tableNode: Any) -> list[int]:
    """Indices of the columns that a narrow view leaves out."""
    names = [tableNode.GetColumnName(index) for index in range(tableNode.GetNumberOfColumns())]
    return [index for index, name in enumerate(names) if name not in PANEL_COLUMNS]


def levelOfRow(tableNode: Any, row: int) -> str:
    """The level of a row of the table; empty if there is no such row."""
    table = tableNode.GetTable()
    column = table.GetColumnByName("level")
    return str(column.GetValue(row)) if column is not None and 0 <= row < table.GetNumberOfRows() else ""


def _slotCount(report: Report) -> int:
    return max((len(result.probabilities) for _, result in rowsOf(report)), default=0)


def _row(item: StructureResult, result: FindingResult, slots: int) -> dict[str, str | float]:
    info = anatomy.finding(result.name)
    padded = [
        *(round(value, DECIMALS) for value in result.probabilities.values()),
        *[MISSING] * (slots - len(result.probabilities)),
    ]
    return {
        "level": item.name,
        "structure": info.kind.value,
        "finding": info.display,
        "predicted": ", ".join(info.class_of(name).display for name in result.predicted),
        "confidence": round(result.confidence, DECIMALS),
        "plausible": _plausible(result),
        "probabilities": " · ".join(f"{info.class_of(name).display} {value:.2f}" for name, value in result.probabilities.items()),
        "model": result.model,
        **{f"p{slot}": value for slot, value in enumerate(padded, start=1)},
    }


def _plausible(result: FindingResult) -> str:
    """Plausible classes in words; empty if the model states none."""
    if result.unsure:
        return wording.NOT_SURE
    info = anatomy.finding(result.name)
    return ", ".join(info.class_of(name).display for name in result.plausible)
