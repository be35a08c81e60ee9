"""The report as tab-separated values: one row per structure and finding, for a spreadsheet or a data frame."""

from __future__ import annotations

import csv
import io

from ..base import anatomy, wording
from ..base.report import FindingResult, Report, StructureResult
from .cells import plain_cell

CLASS_COLUMNS: tuple[str, ...] = tuple(
    dict.fromkeys(f"probability_{name}" for info in anatomy.FINDINGS for name in info.class_names)
)
"""One column per class name, the same in every table, so that tables of many studies can be concatenated."""

COLUMNS: tuple[str, ...] = (
    "study_uid",
    "image_sha256",
    "structure",
    "kind",
    "right_mm",
    "anterior_mm",
    "superior_mm",
    "point_confidence",
    "point_manual",
    "finding",
    "predicted",
    "text",
    "confidence",
    "abnormal",
    "plausible",
    "coverage",
    "unsure",
    *CLASS_COLUMNS,
    "model",
)


def table_of(report: Report) -> str:
    """The table as text, with a header line; position columns are RAS millimetres.

    A structure without findings has one row with empty finding columns, so that every point is in the table. Cells of classes
    that a finding does not have are empty. Booleans are 0 and 1.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, restval="", delimiter="\t", lineterminator="\n")
    writer.writeheader()
    for structure in report.structures:
        point = _point_cells(report, structure)
        for finding in structure.findings:
            writer.writerow({**point, **_finding_cells(finding)})
        if not structure.findings:
            writer.writerow(point)
    return stream.getvalue()


def _point_cells(report: Report, structure: StructureResult) -> dict[str, str]:
    right, anterior, superior = (f"{value:.2f}" for value in structure.position)
    return {
        "study_uid": plain_cell(report.study_uid),
        "image_sha256": plain_cell(report.image_sha256),
        "structure": structure.name,
        "kind": anatomy.structure(structure.name).kind.value,
        "right_mm": right,
        "anterior_mm": anterior,
        "superior_mm": superior,
        "point_confidence": f"{structure.confidence:.4f}",
        "point_manual": str(int(structure.manual)),
    }


def _finding_cells(finding: FindingResult) -> dict[str, str]:
    return {
        "finding": finding.name,
        "predicted": ",".join(finding.predicted),
        "text": wording.short_text(finding),
        "confidence": f"{finding.confidence:.4f}",
        "abnormal": str(int(finding.abnormal)),
        "plausible": ",".join(finding.plausible),
        "coverage": f"{finding.coverage:.2f}" if finding.plausible else "",
        "unsure": str(int(finding.unsure)) if finding.plausible else "",
        **{f"probability_{name}": f"{value:.4f}" for name, value in finding.probabilities.items()},
        "model": plain_cell(finding.model),
    }
