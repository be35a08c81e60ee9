"""The report of an evaluation as one self-contained page."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from ..base.anatomy import finding
from ..base.report import DISCLAIMER
from . import charts, classification, key_points
from .comparison import Comparison
from .intervals import DETAIL_REPEATS
from .predictions import LOCALIZATION, Graded, Run, collect
from .provenance import Provenance
from .tables import Row, Table
from .worst_cases import WorstCase, worst_cases

_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Chart:
    """A chart with its caption; ``source`` is a data URI."""

    caption: str
    source: str


@dataclass(frozen=True)
class Section:
    """The results of one model on one part of one data set.

    :param tables: the leading table first, then long ones, which the page shows collapsed.
    """

    anchor: str
    model: str
    tables: tuple[Table, ...]
    charts: tuple[Chart, ...]
    cases: tuple[WorstCase, ...]


@dataclass(frozen=True)
class SideBySide:
    """One table for several models: for each figure the row of each model, or None.

    :param published: sources of published figures, which become further columns.
    """

    title: str
    data: str
    models: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Row | None, ...]], ...]
    published: tuple[str, ...] = ()

    def published_values(self, rows: tuple[Row | None, ...]) -> tuple[float | None, ...]:
        """The value that each source published for the figure of a row."""
        stated = next((row.further for row in rows if row is not None), {})
        return tuple(stated.get(source) for source in self.published)


def page_of(
    tables: Sequence[Table],
    runs: Sequence[Run],
    provenance: Provenance,
    comparisons: Sequence[Comparison] = (),
    *,
    pictures: bool = True,
) -> str:
    """The page as HTML text, with all charts and pictures embedded, no scripts and no external links.

    :param pictures: show the worst cases; False if images of the data set must not be passed on.
    """
    return _template().render(
        provenance=provenance,
        disclaimer=DISCLAIMER,
        sections=list(_sections(tables, runs, pictures)),
        beside=side_by_side(tables),
        comparisons=[(item, _difference_chart(item)) for item in comparisons],
        number=_number,
    )


def _sections(tables: Sequence[Table], runs: Sequence[Run], pictures: bool) -> Iterator[Section]:
    """The leading table of each model on each data set, with the detail tables and the run that belong to it."""
    taken: set[int] = set()
    for index, table in enumerate(tables):
        if index in taken:
            continue
        belongs = [
            number
            for number, other in enumerate(tables)
            if number not in taken and other.bundles == table.bundles and (number == index or _is_part(other, table))
        ]
        taken.update(belongs)
        run = next((item for item in runs if item.title == table.title and item.models[0].name == table.bundles[0]), None)
        yield Section(
            f"section-{index}",
            table.bundles[0],
            tuple(tables[number] for number in belongs),
            tuple(_charts(run)) if run else (),
            tuple(worst_cases(run)) if run and pictures else (),
        )


def _is_part(other: Table, table: Table) -> bool:
    title = f"{table.title[0].lower()}{table.title[1:]}"
    return other.title.startswith(f"{table.title}, by ") or other.title.endswith(f"challenge, {title}")


def _charts(run: Run) -> Iterator[Chart]:
    if run.task == LOCALIZATION:
        errors = [key_points.errors_of(case) for case in run.cases]
        figures = key_points.level_summary(errors, repeats=DETAIL_REPEATS)
        hits = charts.level_chart(figures, ("points within 6 mm (or 1/6 spacing)", "points nearer to another level"), "share")
        yield Chart("Hits by level", _uri(hits))
        known = any(item.millimetres for item in errors)
        unit = "mm" if known else "px at 512"
        far = charts.level_chart(figures, (f"median error, {unit}", f"95th percentile, {unit}"), unit)
        yield Chart("Errors by level", _uri(far))
        return
    for name, graded in collect(run.cases, run.findings).items():
        yield from _charts_of_finding(name, graded)


def _charts_of_finding(name: str, graded: Graded) -> Iterator[Chart]:
    info = finding(name)
    if info.exclusive:
        yield Chart(f"{info.display}: true and predicted classes", _uri(charts.confusion_chart(graded)))
    yield Chart(f"{info.display}: stated and observed", _uri(charts.reliability_chart(graded)))
    figures = classification.level_summary(graded, repeats=DETAIL_REPEATS)
    names = tuple(dict.fromkeys(key for values in figures.values() for key in values))
    yield Chart(f"{info.display} by level", _uri(charts.level_chart(figures, names, "share")))


def side_by_side(tables: Sequence[Table]) -> list[SideBySide]:
    """One table for each kind of measurement that exists for more than one model."""
    kinds: dict[tuple[str, str], list[Table]] = {}
    for table in tables:
        if not table.detail:
            kinds.setdefault((table.title, table.data.partition(";")[0]), []).append(table)
    result = []
    for (title, data), group in kinds.items():
        if len(group) < 2:
            continue
        rows = [{row.name: row for row in table.rows} for table in group]
        names = dict.fromkeys(name for row in rows for name in row)
        result.append(
            SideBySide(
                title,
                data,
                tuple(table.bundles[0] for table in group),
                tuple((name, tuple(row.get(name) for row in rows)) for name in names),
                tuple(dict.fromkeys(name for table in group for name in table.further if name.startswith("published"))),
            )
        )
    return result


def _difference_chart(comparison: Comparison) -> Chart:
    shown = {row.name: row.difference for row in comparison.rows if isfinite(row.difference.low) and " px" not in row.name}
    return Chart(f"{comparison.second} minus {comparison.first}", _uri(charts.difference_chart(shown)))


def _number(value: float | None) -> str:
    return f"{value:.3f}" if value is not None and isfinite(value) else "–"


def _uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode("utf-8")).decode("ascii")


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("evaluation.html")
