"""SPIDER and Spinal Disease 2020 in their published layout, small and drawn, to test their conversion."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.geometry import LPS_FROM_RAS, Array, Image, reorient

SHAPE = (7, 64, 112)
"""Slices to the left, columns to posterior, rows to inferior."""
SPACING = (4.0, 1.5, 2.0)
"""Millimetres from slice to slice, column to column, row to row: a field of view 224 mm high."""
MIDDLE = 4
"""The slice on which canal and discs are largest; not the centre of the stack."""

GRADING_COLUMNS = [
    "Patient",
    "IVD label",
    "Modic",
    "UP endplate",
    "LOW endplate",
    "Spondylolisthesis",
    "Disc herniation",
    "Disc narrowing",
    "Disc bulging",
    "Pfirrman grade",
]


def true_points() -> dict[str, tuple[float, float]]:
    """Key points (column, row) of the drawn spine: a disc or a vertebra every eight rows, the lowest most posterior."""
    return {name: (20.0 + index, 14.0 + 8 * index) for index, name in enumerate(KEY_POINTS)}


def labels() -> Array:
    """Labels of the drawn spine in axis order ``LPI``, shape :data:`SHAPE`.

    Bodies are 13 columns wide, discs 11; each vertebra has a spinous process behind the canal that weighs more than a body.
    """
    found = np.zeros(SHAPE, dtype=np.uint8)
    for index in range(SHAPE[0]):
        away = abs(index - MIDDLE)
        found[index, 38 : 44 - away, 4:108] = 100
        for number, (column, row) in enumerate(true_points().values()):
            disc = number % 2 == 0
            label = (206 - number // 2) if disc else (5 - number // 2)
            half = (5 if disc else 6) - away // 2
            height = 1 if disc else 2
            box = (slice(int(column) - half, int(column) + half + 1), slice(int(row) - height, int(row) + height + 1))
            found[index, *box] = label
            if not disc:
                found[index, 46:62, int(row) - 3 : int(row) + 6] = label
    found[:, 14:26, 2:9] = 106  # T12, cut off by the upper border of the field of view
    return found


def intensities(mask: Array) -> Array:
    """Signal of the drawn spine: different on each slice, with a gradient and a few very bright voxels."""
    base = np.choose((mask > 0).astype(int) + (mask == 100) + (mask > 200), (60, 400, 700)).astype(np.float64)
    slices, columns, rows = np.meshgrid(*(np.arange(length) for length in mask.shape), indexing="ij")
    signal = base + 7 * slices + columns + 0.5 * rows
    signal[:, 60, 100] = 30000
    return signal.astype(np.int16)


def affine() -> Array:
    """RAS millimetres of (slice, column, row) in axis order ``LPI``, tilted a little."""
    tilt = np.deg2rad(5)
    turn = np.array([[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag([-1.0, -1.0, -1.0]) * SPACING
    matrix[:3, 3] = (12.0, 45.0, 130.0)
    return matrix


def write_mha(path: Path, image: Image) -> None:
    """Write an image in its axis order."""
    lps = LPS_FROM_RAS @ image.affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    volume = SimpleITK.GetImageFromArray(np.ascontiguousarray(image.voxels.transpose(2, 1, 0)))
    volume.SetSpacing([float(value) for value in spacing])
    volume.SetOrigin([float(value) for value in lps[:3, 3]])
    volume.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(volume, str(path), useCompression=True)


def write_spider_series(folder: Path, name: str, *, codes: str = "LPI", mask: Array | None = None) -> None:
    """Write image and mask of a series, stored in an axis order."""
    mask = labels() if mask is None else mask
    write_mha(folder / "images" / f"{name}.mha", reorient(Image(intensities(labels()), affine()), codes))
    write_mha(folder / "masks" / f"{name}.mha", reorient(Image(mask, affine()), codes))


def grading(patient: int, label: int | str, **changed: object) -> dict[str, object]:
    """A row of the gradings."""
    row = dict.fromkeys(GRADING_COLUMNS, 0) | {"Patient": patient, "IVD label": label, "Pfirrman grade": 3}
    return row | {key.replace("_", " "): value for key, value in changed.items()}


def overview(name: str, *, subset: str = "training", spacing: str = "[2.0, 1.5]", sex: str = "F ") -> dict[str, object]:
    """A row of the overview; PixelSpacing in DICOM's order, between rows and between columns."""
    return {"new_file_name": name, "sex": sex, "subset": subset, "PixelSpacing": spacing, "SpacingBetweenSlices": "4.0"}


def write_spider_tables(folder: Path, series: list[dict[str, object]], gradings: list[dict[str, object]]) -> None:
    """Write both tables."""
    for name, columns, rows in (
        ("overview.csv", list(overview("")), series),
        ("radiological_gradings.csv", GRADING_COLUMNS, gradings),
    ):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)


STORED = (96, 80)
"""Rows and columns of a drawn Tianchi plane."""


def tianchi_pixels(seed: int = 1) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """A plane with a bright mark at each point, shape :data:`STORED`."""
    pixels = np.random.default_rng(seed).integers(40, 90, STORED).astype(np.uint16)
    pixels[:, :12] = 0
    for column, row in tianchi_points().values():
        pixels[row - 1 : row + 2, column - 1 : column + 2] = 900
    return pixels


def tianchi_points() -> dict[str, tuple[int, int]]:
    """Key points (column, row)."""
    return {name: (30 + 2 * index, 8 + 7 * index) for index, name in enumerate(KEY_POINTS)}


def tianchi_dicom(study: str, instance: str = "1", pixels: Array | None = None, **elements: object) -> Dataset:
    """An image of a study."""
    pixels = tianchi_pixels() if pixels is None else pixels
    dataset = Dataset()
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = tianchi_uid(study, "series", instance)
    dataset.SeriesInstanceUID = tianchi_uid(study, "series")
    dataset.StudyInstanceUID = tianchi_uid(study)
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "ID-4711"
    dataset.Modality = "MR"
    dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    dataset.ImagePositionPatient = [2, -40, 90]
    dataset.PixelSpacing = [0.9, 0.8]
    dataset.SliceThickness = 4
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = np.ascontiguousarray(pixels, dtype="<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def tianchi_uid(*parts: str) -> str:
    """A UID that depends only on its parts."""
    return generate_uid(entropy_srcs=list(parts))


def write_dicom(path: Path, dataset: Dataset) -> None:
    """Write a data set with its file header."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.preamble = bytes(128)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path)


def tianchi_annotation(
    study: str, tags: Mapping[str, Mapping[str, str]] | None = None, *, without: tuple[str, ...] = (), instance: str = "1"
) -> dict[str, Any]:
    """The annotation of a study.

    :param tags: point to the contents of its tag in addition to the identification, instead of v1.
    :param without: points that are not annotated.
    """
    points = []
    for name, coord in tianchi_points().items():
        if name not in without:
            kind = "disc" if "-" in name else "vertebra"
            tag = {"identification": name, **(tags or {}).get(name, {kind: "v1"})}
            points.append({"coord": list(coord), "tag": tag, "zIndex": 5})
    data = {"seriesUid": tianchi_uid(study, "series"), "instanceUid": tianchi_uid(study, "series", instance)}
    return {"studyUid": tianchi_uid(study), "data": [data | {"annotation": [{"annotator": 54, "data": {"point": points}}]}]}


def write_annotations(folder: Path, studies: list[dict[str, Any]], name: str = "lumbar_train150") -> None:
    """Write an annotation file next to the folder of its studies."""
    (folder / f"{name}_annotation.json").write_text(json.dumps(studies), encoding="utf-8")
