"""Measurements of a report to a table node: one row per structure and quantity, typed columns."""

from __future__ import annotations

from typing import Any

import vtk

from ..base import anatomy
from ..base.quantities import Measurement
from ..base.report import Report

SPINE = "Lumbar spine"
"""Level of the rows for the whole spine."""

_COLUMNS = (
    ("level", "Level", "Vertebra or intervertebral disc, by level", False),
    ("structure", "Structure", "Kind of structure: vertebra, disc or spine", False),
    ("measurement", "Measurement", "Quantity that was measured", False),
    ("value", "Value", "Value in the unit given next to it; no number if it could not be measured", True),
    ("unit", "Unit", "Unit of the value, as UCUM writes it; 1 for a ratio", False),
    ("reason", "Not measurable", "Why there is no value", False),
    ("reference", "Reference", "Literature that defines the quantity", False),
)
"""Name, title, description, and whether the column holds numbers."""


def fillMeasurementTable(tableNode: Any, report: Report) -> None:
    """Make a vtkMRMLTableNode show the measurements of a report, replacing its contents. It is locked, like all results."""
    rows = [
        _row(item.name, anatomy.structure(item.name).kind.value, entry)
        for item in report.structures
        for entry in item.measurements
    ]
    rows += [_row(SPINE, "spine", entry) for entry in report.measurements]
    wasModifying = tableNode.StartModify()
    tableNode.RemoveAllColumns()
    for index, (name, title, description, number) in enumerate(_COLUMNS):
        array = vtk.vtkDoubleArray() if number else vtk.vtkStringArray()
        array.SetName(name)
        for row in rows:
            array.InsertNextValue(row[index])
        tableNode.AddColumn(array)
        tableNode.SetColumnType(name, vtk.VTK_DOUBLE if number else vtk.VTK_STRING)
        tableNode.SetColumnTitle(name, title)
        tableNode.SetColumnDescription(name, description)
    tableNode.SetUseColumnTitleAsColumnHeader(True)
    tableNode.SetLocked(True)
    tableNode.EndModify(wasModifying)


def _row(level: str, kind: str, entry: Measurement) -> tuple[str | float, ...]:
    info = entry.quantity
    value = float("nan") if entry.value is None else round(entry.value, info.decimals + 1)
    return level, kind, info.display, value, info.unit, entry.reason, info.reference
