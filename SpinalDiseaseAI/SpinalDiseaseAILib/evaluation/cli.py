"""``spinal-disease-ai evaluate``: reproduces every figure that the product states."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ..base.documents import read_text
from ..base.errors import InputError
from ..base.locations import models_folder
from ..base.options import DEFAULT_LOCALIZER, SHORT_NAMES
from ..datasets.records import SPLITS
from ..models.bundle import CARD, list_bundles
from ..steps.device import choose_device
from .comparison import Comparison, compare
from .figures import Figures
from .outputs import check_folder, write_outputs
from .prediction_file import PREDICTIONS_FILE, read_predictions
from .predictions import Run
from .provenance import provenance_of
from .tables import Table

app = typer.Typer(
    name="evaluate",
    help="Measure the models on data sets, with the trivial baseline and an interval for every figure.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

_START, _END = "<!-- figures -->", "<!-- /figures -->"


@app.command()
def evaluate(
    data: Annotated[
        Path | None, typer.Option(help="Folder that holds the data sets.", exists=True, file_okay=False, show_default=False)
    ] = None,
    bundle: Annotated[
        list[str] | None, typer.Option(help="Model to measure; can be repeated.", show_default="every model")
    ] = None,
    localizer: Annotated[str, typer.Option(help="Model that finds the points for the grading models.")] = DEFAULT_LOCALIZER,
    split: Annotated[str, typer.Option(help=f"Patients: one of {', '.join(SPLITS)}.")] = "report",
    patients: Annotated[int, typer.Option(help="Patients of each data set, for a quick look; 0 for all.", min=0)] = 0,
    uncalibrated: Annotated[bool, typer.Option("--uncalibrated", help="Without the calibration of the bundles.")] = False,
    compare_both: Annotated[
        tuple[str, str] | None,
        typer.Option("--compare", help="Two models, or two folders or files of predictions.", metavar="A B"),
    ] = None,
    device: Annotated[str, typer.Option(help="Where the networks run.")] = "auto",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for report.html, figures (md, json, csv) and predictions.json.")
    ] = None,
    pictures: Annotated[bool, typer.Option(help="Show images of the worst cases in report.html.")] = True,
    write_cards: Annotated[bool, typer.Option("--write-cards", help="Put the tables into the model cards.")] = False,
) -> None:
    """Print the figures of the models, or the differences between two, and write them as a report.

    Example: spinal-disease-ai evaluate --data data -o report

    Example: spinal-disease-ai evaluate --compare report-old report-new -o differences
    """
    if split not in SPLITS:
        raise typer.BadParameter(f"{split} is not a split; choose one of {', '.join(SPLITS)}.")
    if write_cards and (split != "report" or patients or uncalibrated):
        raise typer.BadParameter(
            "Model cards need all report patients, calibrated: leave --split, --patients and --uncalibrated out."
        )
    if bundle and compare_both:
        raise typer.BadParameter("--compare already names the two to measure; leave --bundle out.")
    if output is not None:
        check_folder(output)
    both = compare_both or ()
    measured = [name for name in both if not _is_predictions(name)] if both else bundle
    tables: list[Table] = []
    runs: list[Run] = []
    left_out: list[str] = []
    device_text = "no device, nothing was computed anew"
    if measured or not both:
        if data is None:
            raise typer.BadParameter("--data is needed to measure a model: the folder that holds the data sets.")
        chosen = choose_device(device)
        device_text = chosen.description
        figures = Figures(data, split, chosen, calibrated=not uncalibrated, patients=patients)
        tables = _measure(figures, measured or [item.name for item in list_bundles()], localizer)
        runs, left_out = figures.runs, list(dict.fromkeys(error.found for error in figures.skipped))
    comparisons: list[Comparison] = []
    if compare_both:
        first, second = (_runs_of(name, runs) for name in compare_both)
        comparisons = compare(first, second, _labels(compare_both))
        for item in comparisons:
            typer.echo(item.markdown())
        runs = [*runs, *(run for run in (*first, *second) if run not in runs)]
    if output is not None:
        given = {"--bundle": bundle or (), "--compare": [Path(name) if _is_predictions(name) else name for name in both]}
        words: list[str | Path] = ["--data", data] if data else []
        words += [word for option, values in given.items() if values for word in _words(option, values)]
        words += ["--split", split, "--localizer", localizer, "--device", device, "--output", output]
        words += (["--patients", str(patients)] if patients else []) + (["--uncalibrated"] if uncalibrated else [])
        provenance = provenance_of(words, device_text, [model for run in runs for model in run.models], left_out)
        written = write_outputs(output, tables, runs, provenance, data=data, comparisons=comparisons, pictures=pictures)
        typer.echo(f"Written to {output}: {', '.join(written)}")
    if write_cards:
        for name in dict.fromkeys(name for table in tables for name in table.bundles):
            write_card(models_folder() / name / CARD, [table for table in tables if name in table.bundles and not table.detail])


def _measure(figures: Figures, names: Sequence[str], localizer: str) -> list[Table]:
    """The tables of some models, each printed as soon as it is ready.

    :raises InputError: if none of the data sets could be used.
    """
    tables = []
    for name in names:
        typer.echo(f"## {name}\n")
        for table in figures.tables_of(name, localizer):
            if not table.detail:
                typer.echo(table.markdown())
            tables.append(table)
    for reason in dict.fromkeys(error.found for error in figures.skipped):
        typer.echo(f"left out: {reason}")
    if not tables and figures.skipped:
        raise figures.skipped[0]
    return tables


def _words(option: str, values: Sequence[str | Path]) -> list[str | Path]:
    """An option as typed: ``--compare`` once with both values, any other option repeated before each value."""
    return [option, *values] if option == "--compare" else [word for value in values for word in (option, value)]


def _is_predictions(name: str) -> bool:
    """True for a file, or a folder with predictions; any other folder may happen to have the name of a model."""
    return Path(name).is_file() or (Path(name) / PREDICTIONS_FILE).is_file()


def _runs_of(name: str, runs: list[Run]) -> list[Run]:
    """The runs in a file or folder of predictions, or the runs of a model that was just measured."""
    if _is_predictions(name):
        return list(read_predictions(Path(name)))
    found = [run for run in runs if run.models[0].name == SHORT_NAMES.get(name, name)]
    if not found:
        raise InputError(f"Nothing of {name} could be measured.", remedy="Check the data sets.", code="comparison")
    return found


def _labels(names: tuple[str, str]) -> tuple[str, str]:
    """Labels for two models or paths: the last part of a path, or more of it if the last parts are equal."""
    paths = [Path(name) for name in names]
    first, second = (path.name if path.name != PREDICTIONS_FILE else path.parent.name for path in paths)
    return (first, second) if first != second else (f"{first} (first)", f"{second} (second)")


def write_card(card: Path, tables: list[Table]) -> None:
    """Replace the figures of a model card.

    :raises ValueError: if the card has no markers for them.
    """
    text = read_text(card)
    if _START not in text or _END not in text:
        raise ValueError(f"{card} has no {_START} … {_END}.")
    before, rest = text.split(_START, 1)
    after = rest.split(_END, 1)[1]
    body = "\n".join(table.markdown() for table in tables)
    command = "Command: `spinal-disease-ai evaluate --data DATA`. Patients of these tables were never trained on.\n"
    card.write_text(f"{before}{_START}\n{command}\n{body}{_END}{after}", encoding="utf-8")
