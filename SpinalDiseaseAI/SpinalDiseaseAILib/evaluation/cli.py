"""``spinal-disease-ai evaluate``: every figure that the product states, made again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..base.locations import models_folder
from ..base.options import DEFAULT_LOCALIZER
from ..datasets.records import SPLITS
from ..models.bundle import CARD, list_bundles
from ..steps.device import choose_device
from .figures import Figures
from .tables import Table

app = typer.Typer(
    name="evaluate",
    help="Measure the models on data sets, with the trivial baseline and an interval beside every figure.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

_START, _END = "<!-- figures -->", "<!-- /figures -->"


@app.command()
def evaluate(
    data: Annotated[Path, typer.Option(help="Folder that holds the data sets.", exists=True, file_okay=False)],
    bundle: Annotated[
        list[str] | None, typer.Option(help="Model to measure; may be given again.", show_default="every model")
    ] = None,
    localizer: Annotated[str, typer.Option(help="Model that finds the points for the grading models.")] = DEFAULT_LOCALIZER,
    split: Annotated[str, typer.Option(help=f"Patients: one of {', '.join(SPLITS)}.")] = "report",
    device: Annotated[str, typer.Option(help="Where the networks run.")] = "auto",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for figures.md and figures.json.")] = None,
    write_cards: Annotated[bool, typer.Option("--write-cards", help="Put the tables into the model cards.")] = False,
) -> None:
    """Print the tables of the models.

    Example: spinal-disease-ai evaluate --data data -o docs/figures
    """
    if split not in SPLITS:
        raise typer.BadParameter(f"{split} is no split; choose one of {', '.join(SPLITS)}.")
    if write_cards and split != "report":
        raise typer.BadParameter("Model cards state figures of the report patients only.")
    figures = Figures(data, split, choose_device(device))
    tables: list[Table] = []
    parts = []
    for name in bundle or [item.name for item in list_bundles()]:
        parts.append(f"## {name}\n")
        typer.echo(parts[-1])
        for table in figures.tables_of(name, localizer):
            parts.append(table.markdown())
            if not table.detail:
                typer.echo(parts[-1])
            tables.append(table)
    for reason in figures.skipped:
        typer.echo(f"left out: {reason.found}")
    if not tables and figures.skipped:
        raise figures.skipped[0]
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "figures.md").write_text("\n".join(["# Figures\n", *parts]), encoding="utf-8")
        document = [table.document() for table in tables]
        (output / "figures.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if write_cards:
        for name in dict.fromkeys(name for table in tables for name in table.bundles):
            write_card(models_folder() / name / CARD, [table for table in tables if name in table.bundles and not table.detail])


def write_card(card: Path, tables: list[Table]) -> None:
    """Replace the figures of a model card.

    :raises ValueError: if the card has no place for them.
    """
    text = card.read_text(encoding="utf-8")
    if _START not in text or _END not in text:
        raise ValueError(f"{card} has no {_START} … {_END}.")
    before, rest = text.split(_START, 1)
    after = rest.split(_END, 1)[1]
    body = "\n".join(table.markdown() for table in tables)
    command = "Command: `spinal-disease-ai evaluate --data DATA`. Patients of these tables were never trained on.\n"
    card.write_text(f"{before}{_START}\n{command}\n{body}{_END}{after}", encoding="utf-8")
