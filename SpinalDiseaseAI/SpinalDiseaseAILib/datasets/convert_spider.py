"""Converts SPIDER as published to the plain folder that :mod:`.spider` reads.

The original: ``images/<patient>_<t1|t2|t2_SPACE>.mha``, ``masks/`` with the same names, ``overview.csv``,
``radiological_gradings.csv`` (van der Graaf et al., Zenodo 10159290, CC BY 4.0).
"""

from __future__ import annotations

import re
import sys
from ast import literal_eval
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..base.anatomy import finding
from ..base.errors import InputError
from ..base.planes import SagittalVolume
from .labelled_volume import LabelledVolume, plain_labels, plane_points, read_labelled, same_grid
from .plain_folder import Conversion, PlainFolder, eight_bits, read_table
from .spider import GRADING_COLUMNS

SUBSETS = ("training", "validation", "all")
_NAME, _SUBSET, _SPACING, _STEP = "new_file_name", "subset", "PixelSpacing", "SpacingBetweenSlices"
_SERIES = re.compile(r"\d+_(?:t1|t2|t2_SPACE)")
_SEQUENCES = ("t2", "t1", "t2_SPACE")  # T2 first: a T1 with the same view uses its middle plane
_SAME_VIEW = 0.5  # largest distance in millimetres between the corners of T1 and T2
_POINT_COLUMNS = ("series", "patient", "identification", "x", "y", "origin")


@dataclass(frozen=True, eq=False)
class _Middle:
    """The middle plane of a series.

    :param points: the 11 key points (column, row); empty if the plane does not show all of them.
    :param reason: the reason if there are none.
    :param origin: the source of the points.
    """

    volume: SagittalVolume
    index: int
    points: dict[str, tuple[float, float]]
    reason: str
    origin: str


@dataclass
class _Tables:
    """Results collected so far: rows of the tables, and messages for the end."""

    overview: list[dict[str, str]] = field(default_factory=list)
    points: list[dict[str, object]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    planes: int = 0


def convert_spider(source: Path, data: Path, *, subset: str = "training") -> Conversion:
    """Write ``<data>/spider``; an earlier conversion is replaced.

    :param source: folder of the original data set.
    :param data: folder with one subfolder per data set.
    :param subset: the publisher's subset to convert, or ``"all"``.
    :raises InputError: if the source is not that data set.
    :raises OutputError: if the files cannot be written there.
    """
    columns, series = read_table(source / "overview.csv", (_NAME, _SUBSET, _SPACING))
    graded_columns, gradings = read_table(source / "radiological_gradings.csv", ("Patient", "IVD label", *GRADING_COLUMNS))
    for name in ("images", "masks"):
        if not (source / name).is_dir():
            raise InputError(f"{source} has no folder {name}.", "SPIDER has images/ and masks/.", code="dataset")
    folder = PlainFolder(data / "spider", source, "spider")
    tables = _Tables()
    chosen = _chosen(series, source / "images", subset, tables)
    middles: dict[str, _Middle] = {}
    for name in tqdm(sorted(chosen, key=_order), unit="series", disable=not sys.stderr.isatty()):
        patient, sequence = name.split("_", 1)
        try:
            labelled = _read(source, name)
            middle = _middle(labelled, middles.get(patient) if sequence == "t1" else None)
        except InputError as error:
            tables.skipped.append(f"{name}: {error.found}")
            continue
        if sequence == "t2":
            middles = {patient: middle}  # keep only this patient's: a volume is large
        _write_series(folder, name, chosen[name], labelled, middle, tables)
    folder.write_rows("keypoints.csv", _POINT_COLUMNS, tables.points)
    folder.write_rows("overview.csv", columns, tables.overview)
    patients = {str(row[_NAME]).split("_", 1)[0] for row in tables.overview}
    folder.write_rows("radiological_gradings.csv", graded_columns, _valid_gradings(gradings, patients, tables.skipped))
    return folder.finish(tables.planes, tables.skipped, tables.warnings)


def _chosen(series: list[dict[str, str]], images: Path, subset: str, tables: _Tables) -> dict[str, dict[str, str]]:
    """The chosen series with their rows of ``overview.csv``; others are noted in ``tables``."""
    chosen: dict[str, dict[str, str]] = {}
    others: Counter[str] = Counter()
    listed = set()
    for row in series:
        name = row[_NAME].removesuffix(".mha")
        listed.add(name)
        if not _SERIES.fullmatch(name):
            tables.skipped.append(f"overview.csv: {row[_NAME]!r} is not the name of a series")
        elif subset not in ("all", row[_SUBSET]):
            others[row[_SUBSET]] += 1
        else:
            chosen[name] = {**row, _NAME: name}
    tables.skipped += [f"{count} series of the subset {name or 'without name'}" for name, count in sorted(others.items())]
    unlisted = sorted(path.stem for path in images.glob("*.mha") if path.stem not in listed)
    tables.skipped += [f"{name}: not in overview.csv, so that its subset is not known" for name in unlisted]
    return chosen


def _read(source: Path, name: str) -> LabelledVolume:
    image, mask = source / "images" / f"{name}.mha", source / "masks" / f"{name}.mha"
    for path in (image, mask):
        if not path.is_file():
            raise InputError(f"there is no {path.parent.name}/{path.name}")
    return read_labelled(image, mask)


def _order(name: str) -> tuple[int, int]:
    patient, sequence = name.split("_", 1)
    return int(patient), _SEQUENCES.index(sequence)


def _middle(labelled: LabelledVolume, t2: _Middle | None) -> _Middle:
    """The middle plane of a volume; for a T1 with the same view as the patient's T2, the plane of the T2, so that both match.

    :raises InputError: if the mask does not show where the middle is.
    """
    if t2 is not None and t2.points and same_grid(labelled.volume, t2.volume, _SAME_VIEW):
        return replace(t2, origin="from t2")
    index = labelled.middle()
    if index is None:
        raise InputError("canal and discs are not labelled, so that the middle plane is not known")
    return _Middle(labelled.volume, index, *plane_points(labelled.plane(index)), "mask")


def _write_series(
    folder: PlainFolder, name: str, row: dict[str, str], labelled: LabelledVolume, middle: _Middle, tables: _Tables
) -> None:
    """Write the middle plane of a T1 or T2 series with its key points; for T2-SPACE also the central planes, with masks."""
    volume = labelled.volume
    third = volume.slice_count // 3
    reference = volume.image.voxels[third : max(third + 1, volume.slice_count - third)]
    folder.write_grey(f"midsagittal/{name}.png", eight_bits(volume.pixels(middle.index), reference))
    tables.planes += 1
    tables.overview.append(_with_spacing(row, name, middle.volume, tables.warnings))
    patient, sequence = name.split("_", 1)
    if sequence == "t2_SPACE":
        for index in labelled.central(middle.index):
            file = f"{name}_slice{index}.png"
            folder.write_grey(f"t2_space/masks/{file}", plain_labels(labelled.plane(index)))
            folder.write_grey(f"t2_space/images/{file}", eight_bits(volume.pixels(index), reference))
            tables.planes += 1
        return
    if not middle.points:
        tables.skipped.append(f"{name}: key points, {middle.reason}")
    tables.points += [
        dict(zip(_POINT_COLUMNS, (name, patient, key, f"{x:.1f}", f"{y:.1f}", middle.origin), strict=True))
        for key, (x, y) in middle.points.items()
    ]


def _with_spacing(row: dict[str, str], name: str, volume: SagittalVolume, warnings: list[str]) -> dict[str, str]:
    """The row of a series with the spacing from its image: volumes were resampled after the table was made."""
    column, line = (float(value) for value in volume.pixel_spacing)
    if not _same_spacing(row[_SPACING], (line, column)):
        stated = row[_SPACING] or "nothing"
        warnings.append(
            f"{name}: PixelSpacing is {stated} in overview.csv and [{line:g}, {column:g}] in the image, which is taken"
        )
    row = {**row, _SPACING: f"[{line:.6g}, {column:.6g}]"}
    return row | {_STEP: f"{volume.slice_spacing:.6g}"} if _STEP in row else row


def _same_spacing(text: str, spacing: tuple[float, float]) -> bool:
    try:
        return bool(np.allclose(np.array(literal_eval(text), dtype=float), spacing, rtol=0.01))
    except (ValueError, SyntaxError, TypeError):
        return False


def _valid_gradings(rows: list[dict[str, str]], patients: set[str], skipped: list[str]) -> list[dict[str, str]]:
    """The rows of converted patients that have a valid disc and valid grades."""
    valid = []
    for row in rows:
        if row["Patient"] not in patients:
            continue
        where = f"grading of patient {row['Patient']}, disc label {row['IVD label'] or 'missing'}"
        if not row["IVD label"].isdigit() or int(row["IVD label"]) < 1:
            skipped.append(f"{where}: discs are counted from 1, L5-S1")
            continue
        wrong = [column for column, name in GRADING_COLUMNS.items() if not _is_grade(row[column], name)]
        if wrong:
            skipped.append(f"{where}: no grade is " + ", ".join(f"{column} {row[column]!r}" for column in wrong))
            continue
        valid.append(row)
    return valid


def _is_grade(value: str, name: str) -> bool:
    """True for a class of the finding; for absent and present, which the file gives as numbers, any number."""
    classes = finding(name).class_names
    return value in classes if "absent" not in classes else value.isdigit()
