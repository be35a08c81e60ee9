"""The record that every importer returns: a sagittal plane with its key points and findings."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..base.errors import InputError

Pixels = npt.NDArray[np.uint8]

SPLITS = ("train", "tune", "report")
"""Train: for fitting. Tune: for choices. Report: held out for the published figures."""


@dataclass(frozen=True)
class Record:
    """One sagittal plane of a patient.

    :param dataset: ``"spider"``, ``"tianchi2020"`` or ``"sudirman"``.
    :param patient: identity within the data set; a split never divides a patient.
    :param series: identity of the plane within the data set.
    :param contrast: ``"T2"`` or ``"T1"``.
    :param path: 8-bit grey image, anterior to the left, head up.
    :param spacing: millimetres (width of a column, height of a row); None if unknown.
    :param points: key point name to (column, row) in pixels; only known points.
    :param findings: structure name to finding name to class names; possibly several if the finding is not exclusive.
    :param mask: labelled image of the same shape, if there is one.
    """

    dataset: str
    patient: str
    series: str
    contrast: str
    path: Path
    spacing: tuple[float, float] | None
    points: dict[str, tuple[float, float]]
    findings: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    mask: Path | None = None

    @property
    def split(self) -> str:
        """The split of the record's patient."""
        return split_of(self.dataset, self.patient)

    def pixels(self) -> Pixels:
        """Pixels, shape (rows, columns)."""
        return read_grey(self.path)


@dataclass(frozen=True)
class Imported:
    """The records that an importer found, and what it left out and why."""

    records: tuple[Record, ...]
    skipped: tuple[str, ...]


def split_of(dataset: str, patient: str) -> str:
    """The split of a patient: 20 % report, 10 % tune, the rest train, by SHA-256 of data set and patient.

    The rule needs no file, cannot drift, and gives a patient of a data set the same split in every experiment. The patients of
    the packaged sample are always in the report split, so that the demo never shows a training image.
    """
    if (dataset, patient) in SAMPLE_PATIENTS:
        return "report"
    bucket = int(hashlib.sha256(f"{dataset}/{patient}".encode()).hexdigest(), 16) % 10
    return "report" if bucket < 2 else "tune" if bucket == 2 else "train"


def fold_of(dataset: str, patient: str, folds: int) -> int:
    """The fold of a patient, 0 … folds - 1, by a different hash than the split, so that folds and splits are independent."""
    return int(hashlib.sha256(f"fold/{dataset}/{patient}".encode()).hexdigest(), 16) % folds


def without_fold(records: Sequence[Record], config: Mapping[str, Any]) -> tuple[Record, ...]:
    """The records on which a configuration trains: all except patients in its ``left_out`` fold of ``folds``, if any."""
    if "left_out" not in config:
        return tuple(records)
    return tuple(item for item in records if fold_of(item.dataset, item.patient, config["folds"]) != config["left_out"])


SAMPLE_PATIENTS = frozenset({("spider", "127"), ("spider", "110")})


def read_grey(path: Path) -> Pixels:
    """An 8-bit grey image, shape (rows, columns).

    :raises InputError: if it is missing or damaged.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # SyntaxError: Pillow, for a damaged PNG
        raise InputError(
            f"The image {path} is missing or damaged.", remedy="Get or convert the data set again.", code="dataset"
        ) from error


@contextmanager
def plain_files(folder: Path) -> Iterator[None]:
    """Turn exceptions caused by bad tables and documents into errors for the user.

    :param folder: folder of the data set that is read in the ``with`` block.
    :raises InputError: if a file is missing, is not a valid table or document, or lacks a column, field or number.
    """
    try:
        yield
    except (OSError, KeyError, IndexError, TypeError, ValueError, AttributeError, SyntaxError, csv.Error) as error:
        if isinstance(error, OSError):
            reason = f"{error.filename}: {error.strerror}"
        else:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(
            f"The data set in {folder} cannot be read ({reason}).",
            "Its files should be as the developer guide on training describes them.",
            "Get or convert the data set again.",
            code="dataset",
        ) from error
