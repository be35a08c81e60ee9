"""The overview of a batch: a page with the picture and the findings of every study, to look through them quickly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from ..base import anatomy
from ..base.report import DISCLAIMER
from .manifest import Entry, Status

OVERVIEW_FILE = "index.html"
_TEMPLATES = Path(__file__).parent / "templates"
_GRADE = "pfirrmann"  # shown even if it is normal


@dataclass
class _Level:
    """Findings of one structure: texts with their probability, and whether they are abnormal."""

    name: str
    findings: list[tuple[str, str, bool]] = field(default_factory=list)


class Overview:
    """What the page shows, gathered row by row from the table of findings."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.analyzed = [entry for entry in entries if entry.status is Status.ANALYZED]
        self.others = [entry for entry in entries if entry.status is not Status.ANALYZED]
        self.levels: dict[str, dict[str, _Level]] = {}

    def add(self, study: str, row: Mapping[str, str]) -> None:
        """Add a row of a study's table; rows without an abnormal finding or a grade are ignored."""
        if not row.get("finding") or (row["abnormal"] != "1" and row["finding"] != _GRADE):
            return
        levels = self.levels.setdefault(study, {})
        level = levels.setdefault(row["structure"], _Level(row["structure"]))
        number = f"{float(row['confidence']):.2f}" + (", not sure" if row["unsure"] == "1" else "")
        level.findings.append((row["text"], number, row["abnormal"] == "1"))


def page_of(overview: Overview) -> str:
    """The page as text. It shows the pictures in the folders of the studies, and has no scripts."""
    reasons = Counter((entry.status.value, entry.code) for entry in overview.others)
    order = {item.name: place for place, item in enumerate(anatomy.STRUCTURES)}
    return _template().render(
        analyzed=overview.analyzed,
        levels={
            study: sorted(levels.values(), key=lambda level: order.get(level.name, len(order)))
            for study, levels in overview.levels.items()
        },
        others=sorted(overview.others, key=lambda entry: (entry.status.value, entry.code, entry.study)),
        reasons=reasons.most_common(),
        disclaimer=DISCLAIMER,
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("overview.html")
