"""SPIDER as plain folders: mid-sagittal planes with key points and gradings, and T2-SPACE planes with masks.

Source: van der Graaf et al., Lumbar spine segmentation in MR images: a dataset and a public benchmark, Zenodo 10159290,
CC BY 4.0.
"""

from __future__ import annotations

import ast
import csv
import io
from pathlib import Path

import numpy as np

from ..base.anatomy import DEGENERATION_OF_PFIRRMANN, KEY_POINTS, Kind, structure
from ..base.documents import read_text
from .records import Imported, Record, read_grey

DISCS_FROM_BELOW = tuple(name for name in reversed(KEY_POINTS) if structure(name).kind is Kind.DISC)
"""Discs in SPIDER's order: from L5-S1 (label 1) upward."""

GRADING_COLUMNS = {
    "Modic": "modic",
    "UP endplate": "upper_endplate",
    "LOW endplate": "lower_endplate",
    "Spondylolisthesis": "spondylolisthesis",
    "Disc herniation": "herniation",
    "Disc narrowing": "narrowing",
    "Disc bulging": "bulging",
    "Pfirrman grade": "pfirrmann",  # sic
}

_GRADED = ("modic", "pfirrmann")  # the others are absent / present

VERTEBRA_BETWEEN = tuple(zip(KEY_POINTS[0::2], KEY_POINTS[1::2], KEY_POINTS[2::2], strict=False))
"""Disc, vertebra and disc, from cranial to caudal."""

_FEWEST_PIXELS = 20  # smallest number of pixels of a vertebral body

DISC_MASK, VERTEBRA_MASK, CANAL_MASK = 29, 76, 150


def read_spider(folder: Path) -> Imported:
    """Mid-sagittal planes of every series, with any key points and gradings of the data set.

    :param folder: contains ``midsagittal/``, ``overview.csv``, ``radiological_gradings.csv`` and ``keypoints.csv``.
    """
    skipped: list[str] = []
    spacing = read_spacing(folder)
    gradings = read_gradings(folder, skipped)
    points: dict[str, dict[str, tuple[float, float]]] = {}
    for row in _rows(folder / "keypoints.csv"):
        points.setdefault(row["series"], {})[row["identification"]] = (float(row["x"]), float(row["y"]))
    records = []
    for path in sorted((folder / "midsagittal").glob("*.png")):
        patient, sequence = path.stem.split("_", 1)
        if path.stem not in spacing:
            skipped.append(f"{path.name}: no PixelSpacing in overview.csv")
            continue
        found = points.get(path.stem, {})
        if not found:
            skipped.append(f"{path.name}: no key points")
        records.append(
            Record(
                "spider",
                patient,
                path.stem,
                "T1" if sequence == "t1" else "T2",
                path,
                spacing[path.stem],
                found,
                gradings.get(patient, {}),
            )
        )
    return Imported(tuple(records), tuple(skipped))


def read_spider_space(folder: Path) -> Imported:
    """Sagittal T2-SPACE planes with masks; key points are taken from the masks of each plane.

    Planes on which the six discs cannot all be distinguished are left out.
    """
    skipped: list[str] = []
    spacing = read_spacing(folder)
    gradings = read_gradings(folder, [])
    records = []
    for path in sorted((folder / "t2_space" / "images").glob("*.png")):
        series = path.stem.rsplit("_slice", 1)[0]
        patient = series.split("_", 1)[0]
        if series not in spacing:
            skipped.append(f"{path.name}: no PixelSpacing in overview.csv")
            continue
        mask = folder / "t2_space" / "masks" / path.name
        points = points_from_mask(read_grey(mask)) if mask.exists() else None
        if points is None:
            skipped.append(f"{path.name}: six discs not told apart in the mask")
            continue
        records.append(Record("spider", patient, path.stem, "T2", path, spacing[series], points, gradings.get(patient, {}), mask))
    return Imported(tuple(records), tuple(skipped))


def read_spacing(folder: Path) -> dict[str, tuple[float, float]]:
    """Series to millimetres (width of a column, height of a row), from ``overview.csv``."""
    result = {}
    for row in _rows(folder / "overview.csv"):
        if row["PixelSpacing"].strip():
            row_step, column_step = ast.literal_eval(row["PixelSpacing"])  # DICOM order: between rows, between columns
            result[row["new_file_name"].strip()] = (float(column_step), float(row_step))
    return result


def read_gradings(folder: Path, skipped: list[str]) -> dict[str, dict[str, dict[str, tuple[str, ...]]]]:
    """Patient to disc to finding to class, from ``radiological_gradings.csv``.

    Label 0 is invalid; labels from 7 are thoracic discs above the key points. Both are listed in ``skipped``.
    """
    result: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {}
    for row in _rows(folder / "radiological_gradings.csv"):
        label = int(row["IVD label"])
        if not 1 <= label <= len(DISCS_FROM_BELOW):
            skipped.append(f"grading of patient {row['Patient']}: disc label {label} is not one of the six levels")
            continue
        findings: dict[str, tuple[str, ...]] = {}
        for column, name in GRADING_COLUMNS.items():
            value = int(row[column])
            findings[name] = (str(value),) if name in _GRADED else (("present" if value else "absent"),)
        findings["degeneration"] = tuple(DEGENERATION_OF_PFIRRMANN[grade] for grade in findings["pfirrmann"])
        result.setdefault(row["Patient"], {})[DISCS_FROM_BELOW[label - 1]] = findings
    return result


def points_from_mask(mask: np.ndarray) -> dict[str, tuple[float, float]] | None:
    """The 11 key points of a plane from its labelled mask; None if fewer than six discs are visible.

    The point of a disc is the centroid of its connected region; discs are named from the lowest upward. The point of a vertebra
    is the centroid of the vertebra pixels around the midpoint of its discs, so that the posterior elements, which have the same
    label, do not shift it backward.
    """
    from scipy import ndimage

    labels, count = ndimage.label(mask == DISC_MASK)
    sizes = ndimage.sum_labels(np.ones_like(labels), labels, np.arange(1, count + 1)) if count else np.zeros(0)
    if not count:
        return None
    kept = [index + 1 for index in range(count) if sizes[index] > 0.2 * np.median(sizes[sizes > 0.3 * sizes.max()])]
    centres = sorted(ndimage.center_of_mass(labels > 0, labels, kept), reverse=True)  # (row, column), lowest first
    if len(centres) < len(DISCS_FROM_BELOW):
        return None
    gaps = -np.diff([centre[0] for centre in centres[: len(DISCS_FROM_BELOW)]])
    if gaps.min() < 0.5 * np.median(gaps) or gaps.max() > 1.6 * np.median(gaps):
        return None
    points = {name: (column, row) for name, (row, column) in zip(DISCS_FROM_BELOW, centres, strict=False)}
    for above, name, below in VERTEBRA_BETWEEN:
        centre = body_centre(mask == VERTEBRA_MASK, points[above], points[below])
        if centre is None:
            return None
        points[name] = centre
    return {name: points[name] for name in KEY_POINTS}


def body_centre(vertebra: np.ndarray, upper: tuple[float, float], lower: tuple[float, float]) -> tuple[float, float] | None:
    """Centre of a vertebral body in a plane; None if hardly any of it is visible.

    :param vertebra: mask of the vertebrae, including posterior elements; shape (rows, columns).
    :param upper: centre (column, row) of the disc above.
    :param lower: centre (column, row) of the disc below.
    :returns: (column, row), the centroid of the pixels that are nearer to the midpoint of the discs than the discs themselves.
    """
    rows, columns = np.nonzero(vertebra)
    ends = np.array([upper, lower])
    centre = ends.mean(axis=0)
    radius = 0.45 * np.linalg.norm(ends[1] - ends[0])
    for _ in range(3):
        near = np.hypot(columns - centre[0], rows - centre[1]) < radius
        if near.sum() < _FEWEST_PIXELS:
            return None
        centre = np.array([columns[near].mean(), rows[near].mean()])
    return float(centre[0]), float(centre[1])


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(read_text(path))))
