"""From DICOM headers to slices. Pixels are not read here, and only the elements that are needed are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import MediaStorageDirectoryStorage

from ..base.uids import plain_uid
from .frames import FAT_SUPPRESSION, frame_slices
from .identifiers import IDENTIFIERS, without_identifiers
from .inflating import inflates_too_far
from .limits import MAXIMUM_FRAMES
from .slices import MR_CLASSES, Acquisition, Slice
from .values import directions, integer, number, numbers, silent_pydicom, text, texts, vector

_KEYWORDS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
    *IDENTIFIERS,
    "Modality",
    "BodyPartExamined",
    "StudyDescription",
    "SeriesDescription",
    "ProtocolName",
    "SeriesNumber",
    "AcquisitionNumber",
    "InstanceNumber",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "NumberOfFrames",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "RescaleSlope",
    "RescaleIntercept",
    "ImageType",
    "RepetitionTime",
    "EchoTime",
    "InversionTime",
    "ScanningSequence",
    "ScanOptions",
    "SequenceName",
    "PulseSequenceName",
    "MRAcquisitionType",
    "ContrastBolusAgent",
    "ContrastBolusAgentSequence",
    "EchoPulseSequence",
    "SpectrallySelectedSuppression",
    "AcquisitionContrast",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "SpecificCharacterSet",
]

_FAT_OPTIONS = {"FS", "FATSAT", "FAT_SAT", "FAT SAT", "SPIR", "SPAIR", "WE"}


@dataclass(frozen=True)
class Headers:
    """The result of reading the headers of many files.

    :param slices: those of every image that was read, in the order of files and frames.
    :param unreadable: files that cannot be opened, and DICOM files whose header ends early or cannot be parsed.
    :param other: number of files that are not DICOM images.
    """

    slices: tuple[Slice, ...]
    unreadable: tuple[Path, ...]
    other: int


def read_headers(files: Iterable[Path]) -> Headers:
    """The slices of every DICOM image among files."""
    slices: list[Slice] = []
    unreadable: list[Path] = []
    other = 0
    with silent_pydicom():
        for path in files:
            try:
                if not is_dicom(path):
                    other += 1
                    continue
                if inflates_too_far(path):
                    unreadable.append(path)
                    continue
                dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_KEYWORDS, force=True)
                found = slices_of(dataset, path)
            except Exception:  # a damaged header can raise anything
                unreadable.append(path)
                continue
            if found is None:
                unreadable.append(path)
            elif found:
                slices.extend(found)
            else:
                other += 1
    return Headers(tuple(slices), tuple(unreadable), other)


def is_dicom(path: Path) -> bool:
    """True if a file has DICOM's preamble, or starts like a data set without one (group 0002 or 0008)."""
    with path.open("rb") as file:
        start = file.read(132)
    without_preamble = start[:2] in (b"\x02\x00", b"\x08\x00") and start[3:4] == b"\x00"
    return start[128:132] == b"DICM" or without_preamble


def slices_of(dataset: Dataset, path: Path) -> list[Slice] | None:
    """The slices of a data set; empty if it is not an image, None if its header ends early or it has too many frames."""
    whole = is_whole_image(dataset)
    if not whole:
        return None if whole is None else []
    row_direction, column_direction = directions(dataset, "ImageOrientationPatient")
    first = Slice(
        path=path,
        frame=None,
        sop_class=_sop_class(dataset),
        sop_uid=text(dataset, "SOPInstanceUID"),
        series_uid=plain_uid(text(dataset, "SeriesInstanceUID")),
        study_uid=plain_uid(text(dataset, "StudyInstanceUID")),
        patient=patient_digest(dataset),
        modality=text(dataset, "Modality").upper(),
        rows=integer(dataset, "Rows") or 0,
        columns=integer(dataset, "Columns") or 0,
        samples=integer(dataset, "SamplesPerPixel") or 1,
        position=vector(dataset, "ImagePositionPatient"),
        row_direction=row_direction,
        column_direction=column_direction,
        pixel_spacing=_pair(numbers(dataset, "PixelSpacing", 2)),
        thickness=number(dataset, "SliceThickness"),
        spacing_between=number(dataset, "SpacingBetweenSlices"),
        slope=_or_default(number(dataset, "RescaleSlope"), 1.0),
        intercept=_or_default(number(dataset, "RescaleIntercept"), 0.0),
        frame_of_reference_uid=plain_uid(text(dataset, "FrameOfReferenceUID")),
        body_part=text(dataset, "BodyPartExamined").upper(),
        study_text=without_identifiers(text(dataset, "StudyDescription"), dataset),
        description=without_identifiers(text(dataset, "SeriesDescription") or text(dataset, "ProtocolName"), dataset),
        series_number=integer(dataset, "SeriesNumber") or 0,
        acquisition_number=integer(dataset, "AcquisitionNumber") or 0,
        instance_number=integer(dataset, "InstanceNumber") or 0,
        acquisition=_acquisition(dataset),
    )
    if "PerFrameFunctionalGroupsSequence" in dataset:
        return frame_slices(dataset, first)
    # Multiple frames without functional groups, as in a video capture, have no individual positions.
    count = integer(dataset, "NumberOfFrames") or 1
    if count > MAXIMUM_FRAMES:
        return None
    return [first] if count == 1 else [replace(first, frame=index, position=None) for index in range(count)]


def is_whole_image(dataset: Dataset) -> bool | None:
    """True if a data set is an image, False if it is another kind of object, None if its header ends early."""
    sop_class = _sop_class(dataset)
    if sop_class == MediaStorageDirectoryStorage:
        return False
    if integer(dataset, "Rows") and integer(dataset, "Columns") and text(dataset, "SeriesInstanceUID"):
        return True
    return None if sop_class in MR_CLASSES or not sop_class else False


def _sop_class(dataset: Dataset) -> str:
    return text(dataset, "SOPClassUID") or str(getattr(dataset.file_meta, "MediaStorageSOPClassUID", ""))


def _acquisition(dataset: Dataset) -> Acquisition:
    scan_options = {item.upper() for item in texts(dataset, "ScanOptions")}
    suppression = text(dataset, "SpectrallySelectedSuppression").upper()
    # An enhanced object has different words for the kind of echo.
    echo = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}.get(text(dataset, "EchoPulseSequence").upper(), ())
    return Acquisition(
        repetition_time=number(dataset, "RepetitionTime"),
        echo_time=number(dataset, "EchoTime"),
        inversion_time=number(dataset, "InversionTime"),
        scanning_sequence=tuple(item.upper() for item in texts(dataset, "ScanningSequence")) or echo,
        sequence_name=(text(dataset, "SequenceName") or text(dataset, "PulseSequenceName")).lower(),
        three_dimensional=text(dataset, "MRAcquisitionType").upper() == "3D",
        fat_suppressed=bool(scan_options & _FAT_OPTIONS) or suppression in FAT_SUPPRESSION,
        contrast_agent=bool(text(dataset, "ContrastBolusAgent") or dataset.get("ContrastBolusAgentSequence")),
        image_type=tuple(item.upper() for item in texts(dataset, "ImageType")),
        contrast=text(dataset, "AcquisitionContrast").upper(),
        text=without_identifiers(" ".join((text(dataset, "SeriesDescription"), text(dataset, "ProtocolName"))), dataset),
    )


def patient_digest(dataset: Dataset) -> str:
    """Digest of the patient's ID, or of the name if there is none; a single study may spell the name in several ways."""
    identity = text(dataset, "PatientID") or text(dataset, "PatientName")
    return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()


def _pair(values: tuple[float, ...] | None) -> tuple[float, float] | None:
    return None if values is None else (values[0], values[1])


def _or_default(value: float | None, default: float) -> float:
    return default if value is None else value
