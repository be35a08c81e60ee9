"""Tables of figures, as Markdown and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from .intervals import Figure


@dataclass(frozen=True)
class Row:
    """One figure with its trivial baseline.

    :param baseline: value of the table's baseline; None if there is no meaningful one.
    :param further: values of further baselines by name; None if one has no value.
    """

    name: str
    figure: Figure
    baseline: float | None = None
    further: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Figures of one model on one part of one data set.

    :param bundles: models that took part; the table goes into their cards.
    :param data: data set, split, planes and patients in words.
    :param baseline: description of the baseline.
    :param detail: True for a table by level or class, which is too long for a model card.
    """

    title: str
    bundles: tuple[str, ...]
    data: str
    baseline: str
    rows: list[Row] = field(default_factory=list)
    detail: bool = False

    @property
    def further(self) -> tuple[str, ...]:
        """Names of the further baselines, in order of first appearance."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.further))

    def markdown(self) -> str:
        """The table under its title, as Markdown."""
        names = (self.baseline, *self.further)
        lines = [
            f"**{self.title}** — {self.data}.",
            "",
            f"| figure | value (95 % interval over patients) | n | {' | '.join(names)} |",
            "|---" * (3 + len(names)) + "|",
        ]
        for row in self.rows:
            values = (row.baseline, *(row.further.get(name) for name in self.further))
            cells = " | ".join("" if value is None or not isfinite(value) else f"{value:.3f}" for value in values)
            lines.append(f"| {row.name} | {row.figure.text()} | {row.figure.count} | {cells} |")
        return "\n".join(lines) + "\n"

    def document(self) -> dict[str, Any]:
        """The table as JSON values; null for a figure that is not finite."""
        return {
            "title": self.title,
            "bundles": list(self.bundles),
            "data": self.data,
            "rows": [
                {
                    "name": row.name,
                    "value": _number(row.figure.value),
                    "low": _number(row.figure.low),
                    "high": _number(row.figure.high),
                    "count": row.figure.count,
                    "baseline": _number(row.baseline),
                    "further": {name: _number(row.further.get(name)) for name in self.further},
                }
                for row in self.rows
            ],
        }


CSV_COLUMNS = ("table", "data", "models", "figure", "value", "low", "high", "count", "baseline", "baseline_value")


def csv_of(tables: Sequence[Table]) -> str:
    """Every figure of some tables as comma-separated values: one row per figure and baseline, empty if there is no number."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for table in tables:
        for row in table.rows:
            numbers = [_number(value) for value in (row.figure.value, row.figure.low, row.figure.high)]
            start = (table.title, table.data, " ".join(table.bundles), row.name, *numbers, row.figure.count)
            for name, value in {table.baseline: row.baseline, **row.further}.items():
                writer.writerow((*start, name, _number(value)))
    return stream.getvalue()


def _number(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
