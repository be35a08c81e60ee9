"""Measurements as tab-separated values: one row per structure and quantity."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from ..base import anatomy
from ..base.quantities import Measurement
from ..base.report import Report
from .cells import plain_cell

MEASUREMENT_COLUMNS = (
    "study_uid",
    "image_sha256",
    "structure",
    "kind",
    "measurement",
    "quantity",
    "value",
    "unit",
    "reason",
    "reference",
)

SPINE = "lumbar spine"
"""Value of the structure column for measurements of the whole spine."""


def measurement_table(report: Report) -> str:
    """The table as text, with a header line. Units are UCUM codes; a failed measurement has a reason instead of a value."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
    writer.writerow(MEASUREMENT_COLUMNS)
    for item in report.structures:
        writer.writerows(_rows(report, item.name, anatomy.structure(item.name).kind.value, item.measurements))
    writer.writerows(_rows(report, SPINE, "spine", report.measurements))
    return stream.getvalue()


def _rows(report: Report, name: str, kind: str, items: Iterable[Measurement]) -> list[tuple[str, ...]]:
    return [
        (
            plain_cell(report.study_uid),
            plain_cell(report.image_sha256),
            name,
            kind,
            item.name,
            item.quantity.display,
            "" if item.value is None else f"{item.value:.4g}",
            item.quantity.unit,
            plain_cell(item.reason),
            item.quantity.reference,
        )
        for item in items
    ]
