"""The report as one self-contained web page."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from ..base import anatomy, wording
from ..base.report import DISCLAIMER, FindingResult, Report, StructureResult
from ..base.study import Study
from . import facts
from .measurement_section import measurement_section

_TEMPLATES = Path(__file__).parent / "templates"

_HYPHENATED = (
    ("generation", "gener\u00adation"),
    ("dylolisthesis", "dylo\u00adlisthesis"),
    ("anteroposterior", "antero\u00adposterior"),
    ("cerebrospinal", "cerebro\u00adspinal"),
    ("Meyerding", "Meyer\u00adding"),
    ("vertebra", "verte\u00adbra"),
)
"""Parts of long words with soft hyphens, because not every browser can hyphenate English."""


@dataclass(frozen=True)
class Bar:
    """Probability of one class, as a bar.

    :param percent: 0 … 100.
    :param predicted: True if the class is predicted; its bar is coloured.
    """

    label: str
    text: str
    percent: float
    predicted: bool


@dataclass(frozen=True)
class Cell:
    """One finding at one structure. A finding that is present or absent has only the bar of ``present``.

    :param doubt: the other plausible classes, in words.
    """

    text: str
    confidence: float
    severity: str
    bars: tuple[Bar, ...]
    doubt: str = ""


@dataclass(frozen=True)
class Table:
    """Findings of all structures of one kind: ``rows`` with a structure and a cell (or None) for each of ``columns``.

    :param coverage: lowest rate guaranteed by the plausible classes of its findings; 0 if none has plausible classes.
    """

    title: str
    columns: tuple[anatomy.Finding, ...]
    rows: tuple[tuple[StructureResult, tuple[Cell | None, ...]], ...]
    coverage: float


def html_of(report: Report, study: Study, overlay: bytes) -> str:
    """The page as text, with the picture embedded, no scripts and no external links.

    :param study: determines whether voxel sizes are known.
    :param overlay: the picture of the report, a PNG file.
    """
    return _template().render(
        report=report,
        disclaimer=DISCLAIMER,
        picture="data:image/png;base64," + base64.b64encode(overlay).decode("ascii"),
        picture_text=_picture_text(report),
        tables=[table for table in (_table(report, kind) for kind in (anatomy.Kind.DISC, anatomy.Kind.VERTEBRA)) if table.rows],
        measured=measurement_section(report),
        structure=anatomy.structure,
        spacing_text=facts.spacing_text,
        capitalised=facts.capitalised,
        hyphenated=_hyphenated,
        correction_line=facts.correction_line,
        time_text=facts.time_text,
        remarks=[note for note in report.notes if note.severity != "warning"],
        alternatives=[(item, _names_under(report, item.shift)) for item in report.numberings],
        spacing_known={item.role.value: item.spacing_known for item in study.series},
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html")


def _hyphenated(text: str) -> str:
    for part, broken in _HYPHENATED:
        text = text.replace(part, broken)
    return text


def _picture_text(report: Report) -> str:
    levels = "; ".join(f"{item.name}: {wording.summary(item)}" for item in report.structures if item.findings)
    return f"Sagittal picture of the lumbar spine with its levels named. {levels}"


def _table(report: Report, kind: anatomy.Kind) -> Table:
    structures = [item for item in report.structures if item.findings and anatomy.structure(item.name).kind is kind]
    columns = tuple(info for info in anatomy.FINDINGS if any(item.finding(info.name) for item in structures))
    rates = {result.coverage for item in structures for result in item.findings if result.plausible}
    rows = tuple((item, tuple(_cell(item.finding(info.name)) for info in columns)) for item in structures)
    return Table("Intervertebral discs" if kind is anatomy.Kind.DISC else "Vertebrae", columns, rows, min(rates, default=0.0))


def _cell(result: FindingResult | None) -> Cell | None:
    if result is None:
        return None
    info = anatomy.finding(result.name)
    classes = info.classes[-1:] if info.class_names == ("absent", "present") else info.classes
    bars = tuple(
        Bar(item.name, item.display, 100 * result.probabilities[item.name], item.name in result.predicted) for item in classes
    )
    text = ", ".join(info.class_of(name).display for name in result.predicted)
    return Cell(text, result.confidence, wording.severity(result).value, bars, wording.doubt(result))


def _names_under(report: Report, shift: int | None) -> str:
    """First and last name under another numbering, and whether a level beyond them would have none; empty without names."""
    if shift is None:
        return ""
    moved = [name for item in report.structures if (name := anatomy.renumbered(item.name, shift))]
    if not moved:
        return ""
    beyond = len(report.structures) - len(moved)
    beside = f", {beyond} more {'below' if shift > 0 else 'above'}" if beyond else ""
    return f"{moved[0]} to {moved[-1]}{beside}"
