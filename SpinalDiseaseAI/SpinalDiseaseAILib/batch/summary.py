"""The tables of all studies, and a page that gives an overview of them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..base.files import move, work_folder
from .manifest import Entry, Status
from .page import OVERVIEW_FILE, Overview, page_of

TABLES = ("report.tsv", "measurements.tsv")
"""Tables that every study has of its own; those of the batch have one more column, the study, and the rows of all."""

SUMMARY_FILES = (*TABLES, OVERVIEW_FILE)


def write_summary(output: Path, entries: Sequence[Entry]) -> None:
    """Write the tables and the page from the results of each study.

    :param entries: all rows of the manifest.
    :raises OSError: if they cannot be written.
    """
    analyzed = [entry.study for entry in entries if entry.status is Status.ANALYZED]
    overview = Overview(entries)
    with work_folder(output, ".unfinished-") as work:
        for name in TABLES:
            _join([(study, output / study / name) for study in analyzed], work / name, overview)
        (work / OVERVIEW_FILE).write_text(page_of(overview), encoding="utf-8", newline="\n")
        for name in SUMMARY_FILES:
            if (work / name).exists():
                move(work / name, output / name)
            else:
                (output / name).unlink(missing_ok=True)


def _join(tables: Iterable[tuple[str, Path]], target: Path, overview: Overview) -> None:
    """Write the rows of several tables into one; nothing is written if none of them exists."""
    tables = [(study, path) for study, path in tables if path.is_file()]
    if not tables:
        return
    with target.open("w", encoding="utf-8", newline="") as file:
        writer: csv.DictWriter[str] | None = None
        for study, path in tables:
            with path.open(encoding="utf-8", newline="") as source:
                reader = csv.DictReader(source, delimiter="\t")
                if writer is None:
                    columns = ("study", *(reader.fieldnames or ()))
                    writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore", delimiter="\t", lineterminator="\n")
                    writer.writeheader()
                for row in reader:
                    writer.writerow({"study": study, **row})
                    overview.add(study, row)
