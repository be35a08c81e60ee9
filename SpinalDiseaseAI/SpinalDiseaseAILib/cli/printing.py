"""The outcome of an analysis as text."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..base import wording
from ..base.report import DISCLAIMER, Report, StructureResult
from ..writing.facts import numbering_line
from .analysis import Outcome

_STYLES: dict[wording.Severity, str] = {
    wording.Severity.NORMAL: "green",
    wording.Severity.BORDERLINE: "yellow",
    wording.Severity.ABNORMAL: "dark_orange",
    wording.Severity.SEVERE: "bold red",
}


def print_outcome(screen: Console, outcome: Outcome) -> None:
    """Print the levels with their findings, the numbering, notes, files, time and disclaimer."""
    report = outcome.report
    screen.print(_levels(report))
    screen.print(Text(numbering_line(report)))
    for note in report.notes:
        warning = note.severity == "warning"
        screen.print(Text(f"{'Warning' if warning else 'Note'}: {note.text}", style="yellow" if warning else ""))
    for remark in outcome.remarks:
        screen.print(Text(f"Note: {remark}"))
    screen.print()
    if outcome.files:
        folder = next(iter(outcome.files.values())).parent
        screen.print(Text(f"Written to {folder}: {', '.join(outcome.files)}"))
    models = ", ".join(f"{model.name} {model.version}" for model in report.models)
    screen.print(Text(f"{outcome.seconds:.1f} s on {report.device or 'an unnamed device'} · {models}"))
    screen.print(Text(DISCLAIMER, style="yellow"))


def _levels(report: Report) -> Table:
    table = Table.grid(padding=(0, 2))
    for item in report.structures:
        if item.findings:
            table.add_row(Text(item.name, style="bold"), _findings(item))
    if not table.rows:
        table.add_row(Text("No structure was graded."))
    return table


def _findings(structure: StructureResult) -> Text:
    text = Text(wording.summary(structure))
    for item in wording.headline(structure):
        text.highlight_words([wording.short_text(item)], _STYLES[wording.severity(item)])
    return text
