"""The points of a report as a 3D Slicer markups file."""

from __future__ import annotations

import json
from typing import Any

from ..base import wording
from ..base.report import Report, StructureResult

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#"
)


def markups_of(report: Report) -> str:
    """Fiducial list in Slicer's markups schema 1.0.3, positions in RAS millimetres, one control point per structure."""
    points = [_control_point(number, item) for number, item in enumerate(report.structures, start=1)]
    markups = {
        "type": "Fiducial",
        "coordinateSystem": "RAS",
        "coordinateUnits": "mm",
        "locked": False,
        "fixedNumberOfControlPoints": False,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": len(points),
        "controlPoints": points,
        "measurements": [],
    }
    return json.dumps({"@schema": SCHEMA, "markups": [markups]}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _control_point(number: int, structure: StructureResult) -> dict[str, Any]:
    return {
        "id": str(number),
        "label": structure.name,
        "description": wording.summary(structure),
        "associatedNodeID": "",
        "position": list(structure.position),
        "orientation": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        "selected": True,
        "locked": False,
        "visibility": True,
        "positionStatus": "defined",
    }
