"""The files of an evaluation, in one folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from ..base.errors import OutputError
from .comparison import Comparison
from .page import page_of
from .prediction_file import PREDICTIONS_FILE, predictions_document
from .predictions import Run
from .provenance import Provenance
from .tables import Table, csv_of

FIGURES_MARKDOWN, FIGURES_JSON, FIGURES_CSV, PAGE = "figures.md", "figures.json", "figures.csv", "report.html"


def check_folder(folder: Path) -> None:
    """Refuse an unwritable folder before hours of work; it need not exist yet.

    :raises OutputError: if it, or the folder in which it would be created, is not a folder or is not writable.
    """
    try:
        place = next(item for item in (folder.absolute(), *folder.absolute().parents) if item.exists())
        reason = "" if place.is_dir() else f"{place} is no folder"
        if not reason and not os.access(place, os.W_OK):
            reason = f"{place} may not be written"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise _unwritable(folder, reason)


def _unwritable(folder: Path, reason: str) -> OutputError:
    return OutputError(
        f"The report cannot be written to {folder}: {reason}.",
        remedy="Choose a folder that can be written and has space left.",
        code="output-unwritable",
    )


def write_outputs(
    folder: Path,
    tables: Sequence[Table],
    runs: Sequence[Run],
    provenance: Provenance,
    *,
    data: Path | None = None,
    comparisons: Sequence[Comparison] = (),
    pictures: bool = True,
) -> dict[str, Path]:
    """Write the page, the figures as Markdown, JSON and CSV, and the predictions; files of an earlier evaluation are replaced.

    :param folder: created if absent.
    :param data: folder of the data sets; paths of images in the predictions are relative to it.
    :param pictures: show the worst cases on the page.
    :returns: file name to path.
    :raises OutputError: if the folder cannot be used.
    """
    texts = {
        PAGE: page_of(tables, runs, provenance, comparisons, pictures=pictures),
        FIGURES_MARKDOWN: markdown_of(tables, provenance, comparisons),
        FIGURES_JSON: _json(
            {
                "made": provenance.document(),
                "tables": [table.document() for table in tables],
                "comparisons": [item.document() for item in comparisons],
            }
        ),
        FIGURES_CSV: csv_of(tables),
    }
    if runs:
        texts[PREDICTIONS_FILE] = json.dumps(
            predictions_document(runs, data, provenance.command), ensure_ascii=False, allow_nan=False
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise _unwritable(folder, error.strerror or str(error)) from error
    return {name: folder / name for name in texts}


def markdown_of(tables: Sequence[Table], provenance: Provenance, comparisons: Sequence[Comparison] = ()) -> str:
    """The comparisons, then the tables of each model, then their provenance."""
    parts = ["# Figures\n"]
    for item in comparisons:
        parts.append(f"## {item.first} and {item.second}\n\n{item.markdown()}")
    model = ""
    for table in tables:
        if table.bundles[0] != model:
            model = table.bundles[0]
            parts.append(f"## {model}\n")
        parts.append(table.markdown())
    parts.append(f"## How this was made\n\n{provenance.markdown()}")
    return "\n".join(parts)


def _json(document: object) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
