"""Headers of the analysed series, from which DICOM results copy and to which they refer."""

from __future__ import annotations

import datetime
import logging
import math
import re
import struct
import threading
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ...base.errors import InputError
from ...base.uids import plain_uid
from .grid import GROUPS, frames_of

UTF_8 = "ISO_IR 192"

_DATES = ("PatientBirthDate", "StudyDate")
_PATTERNS = {
    **dict.fromkeys(_DATES, r"\d{8}"),
    "PatientSex": "[MFO]",
    "StudyTime": r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?",
}
"""Patterns of valid values; others are left empty, because these elements may be empty but not invalid."""
_REQUIRED = (*_PATTERNS, "PatientID", "PatientName", "AccessionNumber", "StudyID", "ReferringPhysicianName")
"""Elements that every DICOM object has, with a single value that may be empty."""
_FILING = (
    *_REQUIRED,
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "StudyInstanceUID",
    "IssuerOfAccessionNumberSequence",
    "StudyDescription",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID",
    "ClinicalTrialSiteName",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "ClinicalTrialTimePointID",
)
"""What archives file an object by; it is copied into results. Nothing else that tells about the patient or the staff is read."""
_SCANNER = ("Manufacturer", "ManufacturerModelName", "SoftwareVersions")
"""Copied into results too, as the equipment that acquired the images."""
_IMAGE = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "Modality",
    "AcquisitionNumber",
    "InstanceNumber",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)
"""What an image is and where it lies."""
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")

_quiet = threading.Lock()


@contextmanager
def silent_dicom() -> Iterator[None]:
    """Keep warnings of pydicom and highdicom out of logs and terminals, because they quote values of the header, even names.

    Values that are longer than DICOM allows, as accession numbers often are, are copied unchanged, because archives find the
    study by them. One thread at a time, because all threads share the warning filters and pydicom's settings.
    """
    loggers = [logging.getLogger(name) for name in ("pydicom", "highdicom")]
    with _quiet, warnings.catch_warnings(), disable_value_validation():
        before = [logger.level for logger in loggers]
        try:
            for logger in loggers:
                logger.setLevel(logging.CRITICAL + 1)
            warnings.simplefilter("ignore")
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)


@dataclass(frozen=True, eq=False)
class Sources:
    """Headers of the instances of the analysed series, with texts in UTF-8: only elements that results need.

    :param series: SeriesInstanceUID, as stated in reports, to the instances of the series.
    :param frames: SOPInstanceUID to the numbers of the frames that were analysed, from 0, of multi-frame images of which not all
        were, such as those of one echo of several.
    """

    series: dict[str, tuple[Dataset, ...]]
    frames: Mapping[str, Collection[int]] = field(default_factory=dict)

    @property
    def all(self) -> tuple[Dataset, ...]:
        """The instances of every series."""
        return tuple(item for items in self.series.values() for item in items)


def read_sources(files: Mapping[Path, Collection[int]], uids: Sequence[str]) -> Sources:
    """The headers of the series with the given UIDs, one per instance.

    :param files: DICOM files, and others, which are ignored; with the numbers of the frames that were analysed, from 0. Without
        numbers, all of them were.
    :param uids: SeriesInstanceUIDs as stated in a report.
    :raises InputError: code ``"missing-source"`` if a series is not among the files, ``"no-frame-of-reference"`` if its header
        does not state the frame of reference of positions, ``"malformed-uid"`` if a UID is none.
    """
    found: dict[str, dict[str, Dataset]] = {uid: {} for uid in uids}
    analysed = {}
    with silent_dicom():
        for path, frames in files.items():
            dataset = _header(path, found)
            if dataset is not None:
                instances = found[plain_uid(str(dataset.SeriesInstanceUID))]
                instances.setdefault(str(dataset.SOPInstanceUID), dataset)
                if frames:
                    analysed[str(dataset.SOPInstanceUID)] = frames
    missing = [uid for uid, instances in found.items() if not instances]
    if missing:
        raise InputError(
            f"The DICOM files of the analyzed series {missing[0]} were not found.",
            "DICOM results refer to every image of the series and copy the patient and the study from them.",
            "Give the files of the series that was analyzed.",
            code="missing-source",
        )
    sources = Sources({uid: tuple(instances.values()) for uid, instances in found.items()}, analysed)
    if not all(item.get("FrameOfReferenceUID") for item in sources.all):
        raise InputError(
            "The analyzed images do not state their frame of reference.",
            "Positions in a DICOM result refer to one.",
            "Leave out the DICOM results.",
            code="no-frame-of-reference",
        )
    if any(plain_uid(str(item.get(keyword, ""))) != item.get(keyword) for item in sources.all for keyword in _UIDS):
        raise malformed_uid()
    return sources


def malformed_uid() -> InputError:
    """The error for images that no DICOM object can refer to."""
    return InputError(
        "The analyzed images have identifiers (UIDs) that are not valid DICOM.",
        "A DICOM result refers to its images by their UIDs, which consist of at most 64 digits and dots.",
        "Leave out the DICOM results, or export the study again with new UIDs.",
        code="malformed-uid",
    )


@contextmanager
def refusing_headers() -> Iterator[None]:
    """Turn the errors of a header that highdicom or pydicom refuses into one that does not quote its values, as theirs do.

    :raises InputError: code ``"unusable-header"``.
    """
    try:
        yield
    except InputError:
        raise
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, struct.error) as error:
        raise InputError(
            f"The headers of the analyzed images cannot be copied into a DICOM result ({type(error).__name__}).",
            "Their values should be valid DICOM.",
            "Leave out the DICOM results, or export the study again.",
            code="unusable-header",
        ) from None  # a log would show the other error's text


def _header(path: Path, wanted: dict[str, dict[str, Dataset]]) -> Dataset | None:
    """The header of a file if it belongs to a wanted series."""
    try:
        # The whole header is read only if needed: a study has many files of other series.
        brief = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SeriesInstanceUID"], force=True)
        if plain_uid(str(brief.get("SeriesInstanceUID", "")).strip(" \0")) not in wanted:
            return None
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*_FILING, *_SCANNER, *_IMAGE], force=True)
        if not all(dataset.get(keyword) for keyword in ("Rows", "Columns", "SOPInstanceUID", "SOPClassUID")):
            return None
        _drop_other_groups(dataset)
        _drop_unreadable(dataset)
        dataset.remove_private_tags()
        dataset.decode()
        dataset.SpecificCharacterSet = UTF_8
        _complete(dataset)
        frames_of([dataset])
    except Exception:  # a damaged header can raise anything; a needed instance that is skipped is reported as missing
        return None
    return dataset


def _drop_other_groups(dataset: Dataset) -> None:
    """Remove functional groups that do not tell where a frame lies."""
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for item in dataset.get(keyword) or ():
            for tag in [element.tag for element in item if element.keyword not in GROUPS]:
                del item[tag]


def _drop_unreadable(dataset: Dataset) -> None:
    """Remove elements whose bytes are no value of their kind, such as letters in a number or numbers that are infinite."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
            for item in element.value if element.VR == "SQ" else ():
                _drop_unreadable(item)
            numbers = [float(value) for value in np.ravel(element.value)] if element.VR in ("DS", "IS") and element.VM else []
            readable = all(map(math.isfinite, numbers))
        except Exception:  # whatever the damaged byte leads to
            readable = False
        if not readable:
            del dataset[tag]


def _complete(dataset: Dataset) -> None:
    """Give a header every element that a DICOM result must have; absent or malformed ones become empty."""
    for keyword in _REQUIRED:
        if isinstance(dataset.get(keyword), MultiValue):
            setattr(dataset, keyword, dataset.get(keyword)[0])
        value = str(dataset.get(keyword) or "").strip(" \0")
        if not value or not _valid(keyword, value):
            setattr(dataset, keyword, "")


def _valid(keyword: str, value: str) -> bool:
    if keyword in _DATES:
        try:
            datetime.date(int(value[:4]), int(value[4:6]), int(value[6:]))
        except ValueError:
            return False
    return re.fullmatch(_PATTERNS.get(keyword, ".*"), value, re.DOTALL | re.ASCII) is not None
