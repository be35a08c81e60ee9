"""Headers of the analysed series, from which DICOM results copy and to which they refer."""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

from ...base.errors import InputError
from ...base.uids import plain_uid

UTF_8 = "ISO_IR 192"

_DATE = r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_PATTERNS = {
    "PatientBirthDate": _DATE,
    "PatientSex": "[MFO]",
    "StudyDate": _DATE,
    "StudyTime": r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?",
}
"""Patterns of valid values; others are left empty, because these elements may be empty but not invalid."""
_REQUIRED = (*_PATTERNS, "PatientID", "PatientName", "AccessionNumber", "StudyID", "ReferringPhysicianName")
_TYPICAL_THICKNESS = 1.0  # millimetres, if a header states none: a plane must have a thickness

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
    """Headers of the instances of the analysed series, without pixels, with texts in UTF-8.

    :param series: SeriesInstanceUID, as stated in reports, to the instances of the series.
    """

    series: dict[str, tuple[Dataset, ...]]

    @property
    def all(self) -> tuple[Dataset, ...]:
        """The instances of every series."""
        return tuple(item for items in self.series.values() for item in items)


def read_sources(files: Iterable[Path], uids: Sequence[str]) -> Sources:
    """The headers of the series with the given UIDs, one per instance.

    :param files: DICOM files, and others, which are ignored.
    :param uids: SeriesInstanceUIDs as stated in a report.
    :raises InputError: code ``"missing-source"`` if a series is not among the files, ``"no-frame-of-reference"`` if its header
        does not state the frame of reference of positions.
    """
    found: dict[str, dict[str, Dataset]] = {uid: {} for uid in uids}
    with silent_dicom():
        for path in files:
            dataset = _header(path, found)
            if dataset is not None:
                instances = found[plain_uid(str(dataset.SeriesInstanceUID))]
                instances.setdefault(str(dataset.SOPInstanceUID), dataset)
    missing = [uid for uid, instances in found.items() if not instances]
    if missing:
        raise InputError(
            f"The DICOM files of the analyzed series {missing[0]} were not found.",
            "DICOM results refer to every image of the series and copy the patient and the study from them.",
            "Give the files of the series that was analyzed.",
            code="missing-source",
        )
    sources = Sources({uid: tuple(instances.values()) for uid, instances in found.items()})
    if not all(item.get("FrameOfReferenceUID") for item in sources.all):
        raise InputError(
            "The analyzed images do not state their frame of reference.",
            "Positions in a DICOM result refer to one.",
            "Leave out the DICOM results.",
            code="no-frame-of-reference",
        )
    return sources


def unusable_header(error: Exception) -> InputError:
    """The error for a header that highdicom refuses, without highdicom's own message, which quotes values of the header."""
    return InputError(
        f"The headers of the analyzed images cannot be copied into a DICOM result ({type(error).__name__}).",
        "Their values should be valid DICOM.",
        "Leave out the DICOM results, or export the study again.",
        code="unusable-header",
    )


def _header(path: Path, wanted: dict[str, dict[str, Dataset]]) -> Dataset | None:
    """The header of a file if it belongs to a wanted series."""
    try:
        # The whole header is read only if needed: a study has many files of other series.
        brief = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SeriesInstanceUID"], force=True)
        if plain_uid(str(brief.get("SeriesInstanceUID", "")).strip(" \0")) not in wanted:
            return None
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        if not dataset.get("Rows") or not dataset.get("SOPInstanceUID") or not dataset.get("SOPClassUID"):
            return None
        _drop_unreadable(dataset)
        dataset.remove_private_tags()
        dataset.decode()
        dataset.SpecificCharacterSet = UTF_8
        _complete(dataset)
    except Exception:  # a damaged header can raise anything; a needed instance that is skipped is reported as missing
        return None
    return dataset


def _drop_unreadable(dataset: Dataset) -> None:
    """Remove elements whose bytes are no value of their kind, such as letters in a number."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
            if element.VR in ("DS", "IS") and element.VM:
                _ = [float(value) for value in (element.value if element.VM > 1 else [element.value])]
        except Exception:  # whatever the damaged byte leads to
            del dataset[tag]


def _complete(dataset: Dataset) -> None:
    """Give a header every element that a DICOM result must have; absent or malformed ones become empty."""
    for keyword in _REQUIRED:
        value = str(dataset.get(keyword) or "").strip(" \0")
        pattern = _PATTERNS.get(keyword)
        if not value or (pattern and not re.fullmatch(pattern, value)):
            setattr(dataset, keyword, "")
    if "PixelSpacing" in dataset and not dataset.get("SliceThickness"):
        dataset.SliceThickness = dataset.get("SpacingBetweenSlices") or _TYPICAL_THICKNESS
