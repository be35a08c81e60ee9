"""The folder of plain files that a conversion makes: files are written completely or not at all, and only in the folder."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from .. import __version__
from ..base.documents import read_text
from ..base.errors import InputError, OutputError
from ..base.geometry import Array
from .records import Pixels

MARKER = "conversion.json"
"""Records what a conversion did and left out, and marks the folder as one that a conversion may replace."""

_WINDOW = (0.1, 99.9)  # percentiles; wider than the grey scale of the networks, so nothing that they could distinguish is clipped


@dataclass(frozen=True)
class Conversion:
    """The result of a conversion.

    :param folder: the data set as plain files.
    :param planes: number of sagittal planes written.
    :param skipped: what was left out, each item with the reason.
    :param warnings: problems with data that were used nevertheless.
    """

    folder: Path
    planes: int
    skipped: tuple[str, ...]
    warnings: tuple[str, ...]


class PlainFolder:
    """A folder that belongs to one conversion.

    :param path: created if absent.
    :param source: the original data, which are never changed.
    :param dataset: name of the data set, for the marker.
    :raises InputError: if the source is not a folder.
    :raises OutputError: if the folder lies within the source, or holds files that no conversion wrote.
    """

    def __init__(self, path: Path, source: Path, dataset: str) -> None:
        self.path = path
        self.dataset = dataset
        self._written: set[Path] = set()
        if not source.is_dir():
            raise InputError(f"{source} is not a folder.", "The folder of the original data set is needed.", code="dataset")
        if path.resolve().is_relative_to(source.resolve()):
            raise OutputError(
                f"The converted files would go to {path}, which lies in the original data.",
                "The original data stay as they are.",
                "Choose another folder for the converted data.",
                code="output-in-source",
            )
        if path.exists() and not (path.is_dir() and ((path / MARKER).is_file() or not any(path.iterdir()))):
            raise OutputError(
                f"{path} holds files that no conversion wrote.",
                remedy="Choose another folder for the converted data, or move these files away.",
                code="output-exists",
            )
        self._mark(complete=False)

    def write_grey(self, name: str, pixels: Pixels) -> None:
        """Write an 8-bit picture of shape (rows, columns), losslessly."""
        stream = io.BytesIO()
        PillowImage.fromarray(pixels).save(stream, "PNG")
        self._write(name, stream.getvalue())

    def write_rows(self, name: str, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
        """Write a comma-separated table in UTF-8."""
        stream = io.StringIO(newline="")
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self._write(name, stream.getvalue().encode())

    def write_json(self, name: str, document: Any) -> None:
        """Write a JSON document."""
        self._write(name, (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())

    def finish(self, planes: int, skipped: Sequence[str], warnings: Sequence[str]) -> Conversion:
        """Remove pictures of an earlier conversion that this one did not make, and record in the marker what was done."""
        for path in [item for item in self.path.rglob("*.png") if item not in self._written]:
            path.unlink()
        self._mark(complete=True, planes=planes, skipped=list(skipped), warnings=list(warnings))
        return Conversion(self.path, planes, tuple(skipped), tuple(warnings))

    def _mark(self, **state: object) -> None:
        self.write_json(MARKER, {"data_set": self.dataset, "software": f"SpinalDiseaseAI {__version__}", **state})

    def _write(self, name: str, content: bytes) -> None:
        path = self.path / name
        temporary = path.with_name(f".{path.name}.unfinished")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                temporary.write_bytes(content)
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"{path} cannot be written: {error.strerror or error}.",
                remedy="Choose a folder that can be written and has space left, and run the conversion again.",
                code="output-unwritable",
            ) from error
        self._written.add(path)


def eight_bits(pixels: Array, reference: Array) -> Pixels:
    """Pixels in 8 bits, windowed by percentiles of a reference.

    :param pixels: any shape.
    :param reference: voxels of the same image; zeros are ignored, because scanners use them for padding.
    """
    values = reference[reference != 0]
    low, high = np.percentile(values, _WINDOW) if values.size else (0.0, 1.0)
    scaled = (pixels.astype(np.float32) - low) / max(float(high - low), 1e-6)
    return np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)


def read_table(path: Path, columns: Sequence[str]) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and rows of a comma-separated table, with whitespace around names and values stripped.

    :param columns: columns that the table must have.
    :raises InputError: if the file is missing, is too long, is not UTF-8 text, or lacks a column.
    """
    try:
        reader = csv.DictReader(io.StringIO(read_text(path)))
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        rows = [{key: (row[key] or "").strip() for key in names} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read.", "A comma separated table is needed there.", "Get the data set again.", code="dataset"
        ) from error
    missing = [name for name in columns if name not in names]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing)}.",
            f"Its columns are {', '.join(names) or 'none'}.",
            "Get the data set again.",
            code="dataset",
        )
    return names, rows
