"""Small DICOM series of MR images on an oblique grid, as single-frame or multi-frame objects."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage

from SpinalDiseaseAILib.base.geometry import LPS_FROM_RAS, Image

SERIES, STUDY, FRAME = "1.2.3.4", "1.2.3", "1.2.9"
COLUMNS, ROWS, SLICES = 9, 13, 6
STEP, PIXEL = 4.0, (1.5, 1.25)  # millimetres; from row to row, from column to column
NAME = "Doe^Jane"

_angle = np.radians(12)
_turn = np.array([[np.cos(_angle), -np.sin(_angle), 0], [np.sin(_angle), np.cos(_angle), 0], [0, 0, 1.0]])
ROW = np.round(_turn @ (0.0, 1.0, 0.0), 6)
COLUMN = np.array((0.0, 0.0, -1.0))
NORMAL = _turn @ (1.0, 0.0, 0.0)
ORIGIN = np.array((-10.0, -30.5, 60.25))


def position(index: int) -> list[float]:
    """ImagePositionPatient of a slice, counted from the patient's right."""
    return [round(float(value), 6) for value in ORIGIN + index * STEP * NORMAL]


def grid(labels: np.ndarray[Any, Any] | None = None) -> Image:
    """The grid of the series as (slice, column, row), RAS, with labels of that shape or none."""
    lps = np.eye(4)
    lps[:3, :3] = np.column_stack([STEP * NORMAL, PIXEL[1] * ROW, PIXEL[0] * COLUMN])
    lps[:3, 3] = ORIGIN
    voxels = np.zeros((SLICES, COLUMNS, ROWS), dtype=np.uint8) if labels is None else labels
    return Image(voxels, LPS_FROM_RAS @ lps)


def _common(sop_class: str, **elements: Any) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = sop_class
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = STUDY, SERIES, FRAME
    dataset.PatientID, dataset.PatientName, dataset.PatientBirthDate = "ID-4711", NAME, "19500203"
    dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber = "20240501", "101500.25", "A-815"
    dataset.Modality = "MR"
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def classic(indices: Sequence[int] = range(SLICES), **elements: Any) -> list[Dataset]:
    """One object a slice, in the order of the given indices; the value of a pixel is the index of its slice."""
    made = []
    for number, index in enumerate(indices, 1):
        dataset = _common(MRImageStorage, SOPInstanceUID=f"1.2.3.4.{number}", InstanceNumber=number)
        dataset.ImageOrientationPatient = [*ROW, *COLUMN]
        dataset.ImagePositionPatient = position(index)
        dataset.PixelSpacing = list(PIXEL)
        dataset.SliceThickness = 3.5
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        dataset.PixelData = np.full((ROWS, COLUMNS), index, dtype="<u2").tobytes()
        dataset["PixelData"].VR = "OW"
        made.append(dataset)
    return made


def enhanced(indices: Sequence[int] = range(SLICES), *, shared: bool = True, **elements: Any) -> Dataset:
    """All slices in one object, its frames in the order of the given indices.

    :param shared: state orientation and spacing once; else for each frame, as some scanners do.
    """
    given = {"SOPInstanceUID": "1.2.3.4.0", "NumberOfFrames": len(indices), **elements}
    dataset = _common(EnhancedMRImageStorage, **given)
    plane = Dataset()
    orientation, measures = Dataset(), Dataset()
    orientation.ImageOrientationPatient = [*ROW, *COLUMN]
    measures.PixelSpacing, measures.SliceThickness = list(PIXEL), 3.5
    plane.PlaneOrientationSequence, plane.PixelMeasuresSequence = [orientation], [measures]
    dataset.SharedFunctionalGroupsSequence = [plane if shared else Dataset()]
    frames = []
    for index in indices:
        frame, place = (Dataset() if shared else deepcopy(plane)), Dataset()
        place.ImagePositionPatient = position(index)
        frame.PlanePositionSequence = [place]
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    pixels = np.repeat(np.array(indices, dtype="<u2"), ROWS * COLUMNS)
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def write(datasets: Sequence[Dataset], folder: Path) -> list[Path]:
    """Write data sets, one file each."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, dataset in enumerate(datasets):
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        paths.append(folder / f"{number}.dcm")
        pydicom.dcmwrite(paths[-1], dataset, enforce_file_format=True)
    return paths
