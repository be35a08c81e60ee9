"""Measurements for the page: one table per kind of structure, and what could not be measured."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.quantities import Measurement, Place, Quantity, quantities_of
from ..base.report import Report, StructureResult


@dataclass(frozen=True)
class MeasurementTable:
    """Measurements of all structures of one kind.

    :param columns: quantities.
    :param rows: a structure and its measurement of each quantity, None if not attempted.
    """

    title: str
    columns: tuple[Quantity, ...]
    rows: tuple[tuple[StructureResult, tuple[Measurement | None, ...]], ...]


@dataclass(frozen=True)
class MeasurementSection:
    """The measurements that the page shows.

    :param spine: measurements of the whole spine.
    :param reasons: what could not be measured, where and why.
    """

    tables: tuple[MeasurementTable, ...]
    spine: tuple[Measurement, ...]
    reasons: tuple[str, ...]


def measurement_section(report: Report) -> MeasurementSection | None:
    """The section of a report, None if nothing was measured."""
    tables = tuple(
        table
        for table in (_table(report, "Discs and canal", Place.DISC), _table(report, "Vertebrae", Place.VERTEBRA))
        if table.rows
    )
    if not tables and not report.measurements:
        return None
    return MeasurementSection(tables, report.measurements, _reasons(report))


def _reasons(report: Report) -> tuple[str, ...]:
    """What could not be measured, where, and why: one sentence for all levels with the same reason."""
    levels: dict[tuple[str, str], list[str]] = {}
    for name, items in (*((part.name, part.measurements) for part in report.structures), ("", report.measurements)):
        missing: dict[str, list[str]] = {}
        for item in items:
            if item.value is None:
                missing.setdefault(item.reason, []).append(item.quantity.display)
        for reason, quantities in missing.items():
            levels.setdefault((reason, "; ".join(quantities)), []).append(name)
    return tuple(
        f"{', '.join(names)}{': ' if any(names) else ''}{quantities}. {reason}" for (reason, quantities), names in levels.items()
    )


def _table(report: Report, title: str, place: Place) -> MeasurementTable:
    wanted = quantities_of(place)
    structures = [item for item in report.structures if any(entry.quantity.place is place for entry in item.measurements)]
    columns = tuple(info for info in wanted if any(item.measurement(info.name) for item in structures))
    return MeasurementTable(
        title, columns, tuple((item, tuple(item.measurement(info.name) for info in columns)) for item in structures)
    )
