"""Tables of figures, as Markdown and as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from .intervals import Figure


@dataclass(frozen=True)
class Row:
    """One figure beside its trivial baseline.

    :param baseline: value of the baseline; None where there is no meaningful one.
    """

    name: str
    figure: Figure
    baseline: float | None = None


@dataclass(frozen=True)
class Table:
    """Figures of one model on one part of one data set.

    :param bundles: models that took part; the table goes into their cards.
    :param data: data set, split, planes and patients in words.
    :param baseline: what the baseline is, in words.
    """

    title: str
    bundles: tuple[str, ...]
    data: str
    baseline: str
    rows: list[Row] = field(default_factory=list)

    def markdown(self) -> str:
        """The table under its title."""
        lines = [
            f"**{self.title}** — {self.data}.",
            "",
            f"| figure | value (95 % interval over patients) | n | {self.baseline} |",
        ]
        lines.append("|---|---|---|---|")
        for row in self.rows:
            baseline = "" if row.baseline is None else f"{row.baseline:.3f}"
            lines.append(f"| {row.name} | {row.figure.text()} | {row.figure.count} | {baseline} |")
        return "\n".join(lines) + "\n"

    def document(self) -> dict[str, Any]:
        """The table as JSON values; null where a figure is no finite number."""
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
                }
                for row in self.rows
            ],
        }


def _number(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
