"""The sample study: a T2-SPACE series of one SPIDER patient as MR Image Storage objects, one file a slice.

Run as ``python -m SpinalDiseaseAILib.datasets.sample_study SPIDER_FOLDER OUT_FOLDER``. ``SPIDER_FOLDER`` holds SPIDER's
``overview.csv`` and the series as ``t2_space/images/<patient>_t2_SPACE_slice<k>.png``: sagittal planes of 8 bits, anterior to
the left and head up, consecutive k are neighbours. The same input gives the same bytes, UIDs included.

Source: van der Graaf et al., Lumbar spine segmentation in MR images: a dataset and a public benchmark, Zenodo 10159290,
CC BY 4.0. The attributes follow DICOM PS3.3 A.4 (MR Image IOD); what the source does not state stays empty.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import uuid
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, UID, JPEG2000Lossless, MRImageStorage

from ..base.geometry import Array

PATIENT = "127"

_NAMESPACE = uuid.UUID("6f0c8b1e-6a5c-5f0e-9d0a-3b1f8f6f2a11")
_ATTRIBUTION = "SPIDER, van der Graaf et al., Zenodo 10159290, CC BY 4.0"


def uid_of(*parts: str) -> UID:
    """A UID under 2.25 that depends only on its parts (PS3.5 B.2)."""
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(parts)).int}")


def write_sample_study(spider: Path, out: Path, patient: str = PATIENT) -> list[Path]:
    """Write the series of a patient.

    :param spider: folder described at the head of this module.
    :param out: folder to write into; created if absent.
    :returns: the files, in the order of slices from the patient's right to left.
    :raises FileNotFoundError: if the patient has no slices or no row in ``overview.csv``.
    """
    name = f"{patient}_t2_SPACE"
    slices = read_slices(spider / "t2_space" / "images", name)
    acquisition = read_acquisition(spider / "overview.csv", name)
    out.mkdir(parents=True, exist_ok=True)
    window = float(np.percentile(slices, 99.5))
    paths = []
    for index, pixels in enumerate(slices):
        dataset = _patient_and_study(patient, acquisition)
        _add_series(dataset, patient, acquisition)
        _add_slice(dataset, patient, acquisition, index, slices.shape)
        dataset.WindowCenter, dataset.WindowWidth = round(window / 2, 1), round(window, 1)
        dataset.compress(JPEG2000Lossless, np.ascontiguousarray(pixels), encoding_plugin="pylibjpeg", generate_instance_uid=False)
        path = out / f"slice{index + 1:02d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def read_slices(folder: Path, name: str) -> Array:
    """The planes of a series, uint16, shape (slices, rows, columns), in the order of k."""
    found = {}
    for path in folder.glob(f"{name}_slice*.png"):
        match = re.fullmatch(rf"{name}_slice(\d+)\.png", path.name)
        if match:
            found[int(match[1])] = path
    if not found or sorted(found) != list(range(min(found), max(found) + 1)):
        raise FileNotFoundError(f"{folder} does not hold consecutive slices {name}_slice<k>.png.")
    return np.stack([np.asarray(PillowImage.open(found[k])) for k in sorted(found)]).astype(np.uint16)


def read_acquisition(overview: Path, name: str) -> dict[str, str]:
    """The row of a series in ``overview.csv``: DICOM keyword to text, blanks stripped."""
    with overview.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["new_file_name"] == name:
                return {key: value.strip() for key, value in row.items() if key}
    raise FileNotFoundError(f"{overview} has no row for {name}.")


def _patient_and_study(patient: str, acquisition: dict[str, str]) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
    dataset.file_meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = MRImageStorage
    dataset.PatientName = f"SPIDER^{patient}"
    dataset.PatientID = f"SPIDER-{patient}"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = acquisition["sex"]
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "By the publisher of the SPIDER data set"
    dataset.PatientComments = _ATTRIBUTION
    dataset.StudyInstanceUID = uid_of(patient, "study")
    dataset.StudyDate = ""
    dataset.StudyTime = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = ""
    dataset.AccessionNumber = ""
    dataset.StudyDescription = "MR lumbar spine"
    return dataset


def _add_series(dataset: Dataset, patient: str, acquisition: dict[str, str]) -> None:
    dataset.Modality = "MR"
    dataset.SeriesInstanceUID = uid_of(patient, "t2_SPACE")
    dataset.SeriesNumber = 1
    dataset.SeriesDescription = acquisition["SeriesDescription"]
    dataset.BodyPartExamined = "LSPINE"
    dataset.PatientPosition = ""
    dataset.FrameOfReferenceUID = uid_of(patient, "frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.Manufacturer = acquisition["Manufacturer"]
    dataset.ManufacturerModelName = acquisition["ManufacturerModelName"]
    # Derived, because SPIDER's pixels are windowed to 8 bits.
    dataset.ImageType = ["DERIVED", "PRIMARY", "OTHER"]
    dataset.DerivationDescription = "Central sagittal slices, intensities mapped to 8 bits"
    dataset.ScanningSequence = acquisition["ScanningSequence"]
    dataset.SequenceVariant = "SK"  # segmented k-space: many echoes per excitation
    dataset.ScanOptions = ""
    dataset.SequenceName = acquisition["SequenceName"]
    dataset.MRAcquisitionType = acquisition["MRAcquisitionType"]
    dataset.AngioFlag = acquisition["AngioFlag"]
    dataset.InPlanePhaseEncodingDirection = acquisition["InPlanePhaseEncodingDirection"]
    dataset.ImagedNucleus = acquisition["ImagedNucleus"]
    dataset.TransmitCoilName = acquisition["TransmitCoilName"]
    for keyword in ("EchoNumbers", "EchoTrainLength", "NumberOfPhaseEncodingSteps"):
        setattr(dataset, keyword, int(acquisition[keyword]))
    for keyword in (
        "RepetitionTime",
        "EchoTime",
        "FlipAngle",
        "MagneticFieldStrength",
        "ImagingFrequency",
        "PixelBandwidth",
        "PercentSampling",
        "PercentPhaseFieldOfView",
        "SAR",
        "SliceThickness",
        "SpacingBetweenSlices",
    ):
        setattr(dataset, keyword, f"{float(acquisition[keyword]):.6g}")


def _add_slice(dataset: Dataset, patient: str, acquisition: dict[str, str], index: int, shape: tuple[int, ...]) -> None:
    """Add the attributes of a slice of a stack of shape (slices, rows, columns), centred at the patient's origin.

    SPIDER's planes do not state the side: k is assumed to increase towards the patient's left.
    """
    count, rows, columns = shape
    dataset.SOPInstanceUID = uid_of(patient, "t2_SPACE", str(index))
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.InstanceNumber = index + 1
    row_step, column_step = json.loads(re.sub(r"(?<!\d)\.", "0.", acquisition["PixelSpacing"]))
    step = float(acquisition["SpacingBetweenSlices"])
    dataset.PixelSpacing = [row_step, column_step]
    dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    corner = ((index - (count - 1) / 2) * step, -(columns - 1) / 2 * column_step, (rows - 1) / 2 * row_step)
    dataset.ImagePositionPatient = [f"{value:.6f}" for value in corner]
    dataset.Rows, dataset.Columns = rows, columns
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = acquisition["PhotometricInterpretation"]
    dataset.BitsAllocated = 16
    dataset.BitsStored = 12
    dataset.HighBit = 11
    dataset.PixelRepresentation = 0
    dataset.LossyImageCompression = "00"


def main(arguments: list[str] | None = None) -> None:
    """Command line: SPIDER_FOLDER OUT_FOLDER."""
    parser = argparse.ArgumentParser(prog="python -m SpinalDiseaseAILib.datasets.sample_study", description=__doc__)
    parser.add_argument("spider", type=Path, metavar="SPIDER_FOLDER")
    parser.add_argument("out", type=Path, metavar="OUT_FOLDER")
    given = parser.parse_args(arguments)
    paths = write_sample_study(given.spider, given.out)
    print(f"{len(paths)} slices, {sum(path.stat().st_size for path in paths) / 1e6:.1f} MB in {given.out}")


if __name__ == "__main__":
    main()
