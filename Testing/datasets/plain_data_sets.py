"""The data sets as the importers read them, small and drawn, to test import, training and evaluation."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.datasets.spider import CANAL_MASK, DISC_MASK, DISCS_FROM_BELOW, GRADING_COLUMNS, VERTEBRA_MASK

ROWS, COLUMNS = 140, 96
SPACING = (2.25, 2.0)
"""Millimetres (width of a column, height of a row): a field of view 280 mm high and 216 mm wide."""
DOWN = 8.5
"""Rows from one structure to the next: 17 mm."""

TRAIN, TUNE, REPORT = ("3", "4", "5"), ("1", "2"), ("7", "15")
"""SPIDER patients by split."""


def points(shift: float = 0.0) -> dict[str, tuple[float, float]]:
    """Key points (column, row) of the drawn spine."""
    return {name: (float(40 + 4 * np.sin(index / 3) + shift), 22 + DOWN * index) for index, name in enumerate(KEY_POINTS)}


def drawn(shift: float = 0.0, seed: int = 0, *, mask: bool = False) -> np.ndarray:
    """A plane with vertebrae, discs and canal, or its mask, 8 bits."""
    picture = np.zeros((ROWS, COLUMNS), np.uint8)
    if not mask:
        picture[:] = np.random.default_rng(seed).integers(20, 50, picture.shape)
    picture[10:125, 56 + round(shift) : 61 + round(shift)] = CANAL_MASK if mask else 230
    for name, (column, row) in points(shift).items():
        disc = "-" in name
        half_row, half_column = (1, 6) if disc else (3, 7)
        value = (DISC_MASK if disc else VERTEBRA_MASK) if mask else (90 if disc else 150)
        picture[
            round(row) - half_row : round(row) + half_row + 1, round(column) - half_column : round(column) + half_column + 1
        ] = value
        if not disc:  # the spinous process
            picture[round(row) : round(row) + 3, 64 + round(shift) : 84 + round(shift)] = value
    return picture


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write an 8-bit picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(picture).save(path)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a comma-separated table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


def grading(patient: str, label: int, pfirrmann: int, change: int = 0) -> list[object]:
    """A row of ``radiological_gradings.csv``: a grade, with everything else either absent or present."""
    values = {"Patient": patient, "IVD label": label, "Pfirrman grade": pfirrmann}
    return [values.get(column, change) for column in ("Patient", "IVD label", *GRADING_COLUMNS)]


def write_spider(data: Path, patients: Sequence[str] = (*TRAIN, *TUNE, *REPORT), *, space: int = 6) -> Path:
    """SPIDER as plain folders: T2 and T1 of every patient, and a T2-SPACE stack of every second one.

    :param space: planes of a T2-SPACE stack.
    """
    folder = data / "spider"
    series, key_points, gradings = [], [], []
    for number, patient in enumerate(patients):
        shift = float(number % 3)
        for sequence in ("t1", "t2"):
            name = f"{patient}_{sequence}"
            write_picture(folder / "midsagittal" / f"{name}.png", drawn(shift, number))
            series.append((name, list(SPACING[::-1])))  # DICOM order: between rows, between columns
            key_points += [(name, patient, key, x, y, "reviewed") for key, (x, y) in points(shift).items()]
        gradings += [grading(patient, label, 1 + (label + number) % 5, (label + number) % 2) for label in range(1, 8)]
        if number % 2 == 0:
            series.append((f"{patient}_t2_SPACE", list(SPACING[::-1])))
            for k in range(10, 10 + space):
                name = f"{patient}_t2_SPACE_slice{k}.png"
                write_picture(folder / "t2_space" / "images" / name, drawn(shift, k))
                write_picture(folder / "t2_space" / "masks" / name, drawn(shift, mask=True))
    write_table(folder / "overview.csv", ("new_file_name", "PixelSpacing"), series)
    write_table(folder / "keypoints.csv", ("series", "patient", "identification", "x", "y", "origin"), key_points)
    write_table(folder / "radiological_gradings.csv", ("Patient", "IVD label", *GRADING_COLUMNS), gradings)
    return folder


def write_tianchi(data: Path, studies: Sequence[str] = ("study001", "study002", "study003", "study005")) -> Path:
    """Spinal Disease 2020 as a plain folder; discs and vertebrae have the classes in turn."""
    folder = data / "tianchi2020"
    items = []
    for number, study in enumerate(studies):
        write_picture(folder / "images" / f"{study}.png", drawn(number % 3, number))
        items.append({"study": study, "width": COLUMNS, "height": ROWS, "reliable": True, "points": tianchi_points(number % 3)})
    write_json(folder / "annotation.json", items)
    return folder


def tianchi_points(shift: float = 0.0) -> list[dict[str, object]]:
    """Points of a study of ``annotation.json``."""
    tags = ("v1", "v2", "v2,v5", "v1", "v3")
    return [
        {
            "identification": name,
            "coord": [round(x), round(y)],
            "tag": tags[index // 2 % 5] if "-" in name else f"v{1 + index % 3 % 2}",
        }
        for index, (name, (x, y)) in enumerate(points(shift).items())
    ]


def write_sudirman(data: Path, patients: Sequence[str] = ("1", "3", "2")) -> Path:
    """Sudirman's outlines: boxes of 14 by 6 pixels around each body."""
    folder = data / "sudirman_t1"
    items = []
    for patient in patients:
        write_picture(folder / "images" / f"{patient}.jpg", drawn())
        items.append({"patient": patient, "width": COLUMNS, "height": ROWS, "polygons": outlines()})
    write_json(folder / "polygons.json", items)
    return folder


def outlines() -> dict[str, list[list[float]]]:
    """Outline of each body, L1 to S1, with the first corner repeated at the end."""
    bodies = {name: place for name, place in points().items() if "-" not in name}
    (x, y) = points()["L5-S1"]
    bodies["S1"] = (x, y + DOWN)
    return {
        name: [[x - 7, y - 3], [x + 7, y - 3], [x + 7, y + 3], [x - 7, y + 3], [x - 7, y - 3]] for name, (x, y) in bodies.items()
    }


def write_json(path: Path, document: object) -> None:
    """Write a JSON document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


def labels_from_below() -> dict[int, str]:
    """Disc label of SPIDER to name."""
    return dict(enumerate(DISCS_FROM_BELOW, start=1))
