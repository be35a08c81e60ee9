"""Small DICOM files for tests: the sample's own planes at an eighth of their resolution, four millimetres apart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

SAMPLE = Path(__file__).parents[2] / "Resources" / "SampleData" / "lumbar-mr"
COUNT = 9
PIXEL = 3.75  # millimetres
STEP = 4.0  # millimetres
T2 = {"RepetitionTime": 3600, "EchoTime": 110, "ScanningSequence": "SE", "MRAcquisitionType": "2D"}
T1 = {"RepetitionTime": 600, "EchoTime": 11, "ScanningSequence": "SE", "MRAcquisitionType": "2D"}
CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
CAPTURE_CLASS = "1.2.840.10008.5.1.4.1.1.7"


@cache
def planes() -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Planes of the sample, shape (slices, rows, columns), from the patient's right to the left."""
    files = sorted(SAMPLE.glob("*.dcm"))[: 2 * COUNT : 2]
    found = np.stack([pydicom.dcmread(path).pixel_array[::8, ::8] for path in files])
    found.setflags(write=False)
    return found


def position(index: int, *, step: float = STEP) -> list[float]:
    """ImagePositionPatient of a slice."""
    return [(index - (COUNT - 1) / 2) * step, -100.0, 120.0]


def uid(*parts: object) -> str:
    """A UID that depends only on its parts."""
    return generate_uid(entropy_srcs=[str(part) for part in parts])


def series(
    name: str = "t2", *, study: str = "study", patient: str = "patient", count: int = COUNT, **elements: Any
) -> list[Dataset]:
    """The data sets of a sagittal series; ``elements`` are set in each of them."""
    made = []
    for index in range(count):
        dataset = Dataset()
        dataset.SOPClassUID = MRImageStorage
        dataset.SOPInstanceUID = uid(patient, study, name, index)
        dataset.StudyInstanceUID = uid(patient, study)
        dataset.SeriesInstanceUID = uid(patient, study, name)
        dataset.FrameOfReferenceUID = uid(patient, study, "frame")
        dataset.PatientID, dataset.PatientName, dataset.PatientBirthDate = f"ID-{patient}", f"Doe^{patient}", "19500101"
        dataset.Modality = "MR"
        dataset.SeriesNumber, dataset.InstanceNumber = 1, index + 1
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
        dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        dataset.ImagePositionPatient = position(index)
        dataset.PixelSpacing = [PIXEL, PIXEL]
        dataset.SliceThickness = 3.5
        for keyword, value in {**T2, **elements}.items():
            setattr(dataset, keyword, value)
        set_pixels(dataset, planes()[index])
        made.append(dataset)
    return made


def set_pixels(dataset: Dataset, pixels: np.ndarray[Any, Any], *, bits: int = 12) -> None:
    """Set the pixels of a data set; shape (rows, columns) or (frames, rows, columns)."""
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = np.ascontiguousarray(pixels, dtype="<i2" if pixels.dtype.kind == "i" else "<u2").tobytes()
    dataset["PixelData"].VR = "OW"


def enhanced(name: str = "t2") -> Dataset:
    """The same series as one enhanced multi-frame object, its frames out of order."""
    classic = series(name)
    dataset = Dataset()
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID", "PatientName", "Modality"):
        setattr(dataset, keyword, classic[0][keyword].value)
    dataset.SOPClassUID, dataset.SOPInstanceUID = EnhancedMRImageStorage, uid(name, "enhanced")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    order = [4, 0, 8, 2, 6, 1, 7, 3, 5]
    dataset.NumberOfFrames = len(order)
    orientation = _item(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    measures = _item(PixelSpacing=[PIXEL, PIXEL], SliceThickness=3.5)
    dataset.SharedFunctionalGroupsSequence = DicomSequence(
        [
            _item(
                PlaneOrientationSequence=DicomSequence([orientation]),
                PixelMeasuresSequence=DicomSequence([measures]),
                MRTimingAndRelatedParametersSequence=DicomSequence([_item(RepetitionTime=3600)]),
                PixelValueTransformationSequence=DicomSequence([_item(RescaleSlope=2, RescaleIntercept=0, RescaleType="US")]),
            )
        ]
    )
    dataset.PerFrameFunctionalGroupsSequence = DicomSequence(
        [
            _item(
                PlanePositionSequence=DicomSequence([_item(ImagePositionPatient=position(index))]),
                MREchoSequence=DicomSequence([_item(EffectiveEchoTime=110)]),
            )
            for index in order
        ]
    )
    set_pixels(dataset, planes()[order])
    return dataset


def compress(dataset: Dataset, syntax: str) -> None:
    """Compress the pixels of a data set with an encoder of pydicom."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.compress(syntax, generate_instance_uid=False)


def _item(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def write(
    datasets: Sequence[Dataset], folder: Path, syntax: str = ExplicitVRLittleEndian, *, prefix: str = "image"
) -> list[Path]:
    """Write data sets, one file each, uncompressed unless their pixels are already encapsulated."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, dataset in enumerate(datasets):
        path = folder / f"{prefix}{index}.dcm"
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.file_meta.TransferSyntaxUID = syntax
        pydicom.dcmwrite(path, dataset, enforce_file_format=True)
        paths.append(path)
    return paths
