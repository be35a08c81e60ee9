"""Converts RSNA 2024 lumbar as published to the plain folder that :mod:`.rsna2024` reads.

The original: ``train.csv`` (one row per study, 25 columns ``<condition>_<level>``), ``train_label_coordinates.csv`` (one
point per finding, in stored pixels of an instance), ``train_series_descriptions.csv`` and
``train_images/<study>/<series>/<instance>.dcm``.

A sagittal series becomes one plane for each condition annotated on it: the instance with the most points. Axial series are
left out, but the subarticular grades read on them are kept for their levels.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..base.errors import InputError
from ..reading.headers import read_headers
from .dicom_plane import upright_plane
from .plain_folder import Conversion, PlainFolder, eight_bits, read_table

LEVELS = {f"l{n}_{'s1' if n == 5 else f'l{n + 1}'}": f"L{n}-{'S1' if n == 5 else f'L{n + 1}'}" for n in range(1, 6)}
"""``l1_l2`` to ``L1-L2``, and so on to the sacrum. The challenge grades five discs; T12-L1 is not among them."""

CONDITIONS = {
    "spinal_canal_stenosis": "canal_stenosis",
    "left_neural_foraminal_narrowing": "left_foraminal_narrowing",
    "right_neural_foraminal_narrowing": "right_foraminal_narrowing",
    "left_subarticular_stenosis": "left_subarticular_stenosis",
    "right_subarticular_stenosis": "right_subarticular_stenosis",
}
"""Condition in the columns to finding."""

CLASSES = {"Normal/Mild": "normal_mild", "Moderate": "moderate", "Severe": "severe"}

CONTRAST = {"Sagittal T1": "T1", "Sagittal T2/STIR": "T2"}
"""Description of a series to contrast; axial series are not included."""

_POINT_COLUMNS = ("study_id", "series_id", "instance_number", "condition", "level", "x", "y")


@dataclass
class _Plane:
    """The points of one condition on one series: instance number to level to stored (column, row)."""

    points: dict[int, dict[str, tuple[float, float]]] = field(default_factory=lambda: defaultdict(dict))


def convert_rsna2024(source: Path, data: Path) -> Conversion:
    """Write ``<data>/rsna2024``; an earlier conversion is replaced.

    :param source: folder of the tables and of ``train_images``.
    :param data: folder with one subfolder per data set.
    :raises InputError: if the source is not that data set.
    :raises OutputError: if the files cannot be written there.
    """
    columns = [f"{condition}_{level}" for condition in CONDITIONS for level in LEVELS]
    _, grades = read_table(source / "train.csv", ("study_id", *columns))
    _, coordinates = read_table(source / "train_label_coordinates.csv", _POINT_COLUMNS)
    _, described = read_table(source / "train_series_descriptions.csv", ("study_id", "series_id", "series_description"))
    if not (source / "train_images").is_dir():
        raise InputError(f"{source} has no folder train_images.", "It holds the DICOM files.", code="dataset")
    folder = PlainFolder(data / "rsna2024", source, "rsna2024")
    skipped: list[str] = []
    descriptions = {(row["study_id"], row["series_id"]): row["series_description"] for row in described}
    planes = _annotated(coordinates, descriptions, skipped)
    known = {row["study_id"]: _findings(row, skipped) for row in grades}
    records = []
    for (study, series, condition), plane in tqdm(sorted(planes.items()), unit="plane", disable=not sys.stderr.isatty()):
        where = f"study {study}, series {series}, {condition}"
        if study not in known:
            skipped.append(f"{where}: train.csv has no such study")
            continue
        try:
            record = _write(folder, source, (study, series, condition), plane, skipped)
        except InputError as error:
            skipped.append(f"{where}: {error.found}")
            continue
        records.append(record | {"contrast": CONTRAST[descriptions[study, series]], "findings": known[study]})
    folder.write_json("annotation.json", records)
    return folder.finish(len(records), skipped, ())


def _annotated(
    coordinates: Sequence[dict[str, str]], descriptions: dict[tuple[str, str], str], skipped: list[str]
) -> dict[tuple[str, str, str], _Plane]:
    """The points by study, series and condition; what is left out is counted by reason in ``skipped``."""
    planes: dict[tuple[str, str, str], _Plane] = defaultdict(_Plane)
    reasons: Counter[str] = Counter()
    for row in coordinates:
        condition = row["condition"].lower().replace(" ", "_")
        level = row["level"].lower().replace("/", "_")
        description = descriptions.get((row["study_id"], row["series_id"]))
        if condition not in CONDITIONS or level not in LEVELS:
            reasons[f"no condition or level of the challenge ({row['condition']!r}, {row['level']!r})"] += 1
        elif description is None:
            reasons["their series is not in train_series_descriptions.csv"] += 1
        elif description not in CONTRAST:
            reasons[f"their series is {description}, no sagittal one"] += 1
        else:
            try:
                number, place = int(row["instance_number"]), (float(row["x"]), float(row["y"]))
            except ValueError:
                reasons["their instance or place is no number"] += 1
                continue
            planes[row["study_id"], row["series_id"], condition].points[number][level] = place
    skipped += [f"{count} points: {reason}" for reason, count in sorted(reasons.items())]
    return dict(planes)


def _findings(row: dict[str, str], skipped: list[str]) -> dict[str, dict[str, list[str]]]:
    """The classes of a study, by level and finding; cells that are empty or hold no severity are unknown."""
    result: dict[str, dict[str, list[str]]] = {}
    for condition, name in CONDITIONS.items():
        for level, disc in LEVELS.items():
            value = row[f"{condition}_{level}"]
            if value in CLASSES:
                result.setdefault(disc, {})[name] = [CLASSES[value]]
            elif value:
                skipped.append(f"study {row['study_id']}, {condition}_{level}: {value!r} is no severity")
    return result


def _write(folder: PlainFolder, source: Path, key: tuple[str, str, str], plane: _Plane, skipped: list[str]) -> dict[str, Any]:
    """Write the instance with the most points, and return its item of ``annotation.json``.

    It also gets the points of the series' other instances: the planes are parallel, so that the point of a level lies at the same
    column and row.

    :raises InputError: if the instance is missing or is not a sagittal image.
    """
    study, series, condition = key
    number = max(plane.points, key=lambda item: (len(plane.points[item]), -item))
    path = source / "train_images" / study / series / f"{number}.dcm"
    if not path.is_file():
        raise InputError(f"there is no {path.relative_to(source).as_posix()}")
    found = read_headers([path])
    if not found.slices:
        raise InputError(f"{path.relative_to(source).as_posix()} is no DICOM image")
    pixels, place, spacing = upright_plane(found.slices[0])
    rows, columns = pixels.shape
    points = {}
    for level, stored in {**{k: v for part in plane.points.values() for k, v in part.items()}, **plane.points[number]}.items():
        column, row = place(stored)
        if -0.5 <= column <= columns - 0.5 and -0.5 <= row <= rows - 0.5:
            points[LEVELS[level]] = [round(column, 3), round(row, 3)]
        else:
            skipped.append(f"study {study}, series {series}, {condition}: {LEVELS[level]} lies outside of the image")
    name = re.sub(r"[^0-9A-Za-z]+", "-", f"{study}-{series}-{condition}")
    folder.write_grey(f"images/{name}.png", eight_bits(pixels, pixels))
    item = {"study": study, "series": name, "condition": CONDITIONS[condition], "points": points}
    return item | ({"pixel_spacing": [round(value, 6) for value in spacing]} if spacing else {})
