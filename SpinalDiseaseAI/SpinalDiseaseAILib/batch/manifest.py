"""The manifest of a batch: one row for every study, with what was done and what it was done to.

A row is written as soon as its study is finished, so that a batch can go on where it was interrupted, even by a power failure.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import IO

from ..base.errors import OutputError
from ..base.files import move, work_folder
from ..writing.cells import plain_cell

MANIFEST_FILE = "manifest.tsv"


class Status(Enum):
    """What became of a study."""

    ANALYZED = "analyzed"
    REFUSED = "refused"
    """Its images cannot be used; the next run does not try again unless they change."""
    FAILED = "failed"
    """Something went wrong; the next run tries again."""


@dataclass(frozen=True)
class Entry:
    """One row.

    :param study: name of the study and of the folder with its results.
    :param code: short name of the error if it was not analysed.
    :param message: why it was not analysed.
    :param warnings: codes of the warnings in the report, separated by commas.
    :param source: where the study was found.
    :param files: number of its files.
    :param series_uid: SeriesInstanceUID of the series on which levels were found.
    :param image_sha256: hash of that series, as in the other tables.
    :param numbering: probability of the numbering that was used, empty if unknown.
    :param seconds: time of the analysis.
    :param device: where the networks ran.
    :param finished: time in UTC, ISO 8601.
    :param fingerprint: of the study's files, to notice changes.
    """

    study: str
    status: Status
    source: str
    files: int
    fingerprint: str
    finished: str
    code: str = ""
    message: str = ""
    warnings: str = ""
    study_uid: str = ""
    series_uid: str = ""
    image_sha256: str = ""
    numbering: str = ""
    seconds: str = ""
    device: str = ""

    def cells(self) -> dict[str, str]:
        """Texts of the row by column."""
        return {name: plain_cell(str(_plain(getattr(self, name)))) for name in COLUMNS}


COLUMNS: tuple[str, ...] = tuple(item.name for item in fields(Entry))


def _plain(value: object) -> object:
    if isinstance(value, Status):
        return value.value
    return " ".join(value.split()) if isinstance(value, str) else value


def _entry(row: Mapping[str, str]) -> Entry:
    return Entry(**{**row, "status": Status(row["status"]), "files": int(row["files"])})  # type: ignore[arg-type]


def read_manifest(folder: Path) -> dict[str, Entry]:
    """The rows of a manifest by study; empty if there is none. A last row that is incomplete is left out.

    :raises OutputError: if it is not a manifest of this product, or is damaged.
    """
    path = folder / MANIFEST_FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unreadable(path) from error
    try:
        text = content[: content.rfind(b"\n") + 1].decode("utf-8")
        reader = csv.DictReader(io.StringIO(text), delimiter="\t")
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError("other columns")
        return {entry.study: entry for entry in map(_entry, reader)}
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> OutputError:
    return OutputError(
        f"{path} cannot be read, or is not a manifest of this version of SpinalDiseaseAI.",
        "It says which studies are finished.",
        "Close it in other programs and undo changes that they made, or choose another folder.",
        code="batch-manifest",
    )


class ManifestFile:
    """A manifest that grows row by row; a context manager."""

    def __init__(self, folder: Path, entries: Iterable[Entry]) -> None:
        """Write a manifest that holds some entries of earlier runs.

        :raises OSError: if it cannot be written.
        """
        self._path = folder / MANIFEST_FILE
        with work_folder(folder, ".unfinished-") as work:
            with (work / MANIFEST_FILE).open("w", encoding="utf-8", newline="") as file:
                writer = _writer(file)
                writer.writeheader()
                writer.writerows(entry.cells() for entry in entries)
            move(work / MANIFEST_FILE, self._path)
        self._file = self._path.open("a", encoding="utf-8", newline="")

    def __enter__(self) -> ManifestFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def add(self, entry: Entry) -> None:
        """Add a row; it is on disk when this returns.

        :raises OSError: if it cannot be written.
        """
        _writer(self._file).writerow(entry.cells())
        self._file.flush()
        os.fsync(self._file.fileno())


def _writer(file: IO[str]) -> csv.DictWriter[str]:
    return csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
