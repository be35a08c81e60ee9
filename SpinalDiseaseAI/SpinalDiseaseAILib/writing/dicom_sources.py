"""Headers of the analysed series: what DICOM results copy from and refer to."""

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

from ..base.errors import InputError
from ..base.uids import plain_uid

UTF_8 = "ISO_IR 192"

_DATE = r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_PATTERNS = {
    "PatientBirthDate": _DATE,
    "PatientSex": "[MFO]",
    "StudyDate": _DATE,
    "StudyTime": r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?",
}
"""Forms of values that are left empty where a header has something else: the element may be empty, but not wrong."""
_REQUIRED = (*_PATTERNS, "PatientID", "PatientName", "AccessionNumber", "StudyID", "ReferringPhysicianName")
_TYPICAL_THICKNESS = 1.0  # millimetres, where a header states none: a plane has to have some

_quiet = threading.Lock()


@contextmanager
def silent_dicom() -> Iterator[None]:
    """Keep warnings of pydicom and highdicom out of logs and terminals, because they quote values of the header, even names.

    Values that are longer than DICOM allows, as accession numbers often are, are copied as they are: an archive finds the study
    by them. One thread at a time, because the filters of warnings and pydicom's settings are common to all threads.
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
    """Headers of the instances of the analysed series, without pixels, texts in UTF-8.

    :param series: SeriesInstanceUID, as reports state it, to the instances of the series.
    """

    series: dict[str, tuple[Dataset, ...]]

    @property
    def all(self) -> tuple[Dataset, ...]:
        """The instances of every series."""
        return tuple(item for items in self.series.values() for item in items)


def read_sources(files: Iterable[Path], uids: Sequence[str]) -> Sources:
    """The headers of the series of the given UIDs; one of each instance.

    :param files: DICOM files and others, which are passed over.
    :param uids: SeriesInstanceUIDs as a report states them.
    :raises InputError: code ``"missing-source"`` if a series is not among the files, ``"no-frame-of-reference"`` if its header
        does not state the frame that positions refer to.
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


def _header(path: Path, wanted: dict[str, dict[str, Dataset]]) -> Dataset | None:
    """The header of a file if it is of a wanted series."""
    try:
        # The whole header is read only where it is needed: a study has many files of other series.
        brief = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SeriesInstanceUID"], force=True)
        if plain_uid(str(brief.get("SeriesInstanceUID", "")).strip(" \0")) not in wanted:
            return None
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        if not dataset.get("Rows") or not dataset.get("SOPInstanceUID") or not dataset.get("SOPClassUID"):
            return None
        dataset.remove_private_tags()
        dataset.decode()
        dataset.SpecificCharacterSet = UTF_8
        _complete(dataset)
    except Exception:  # a damaged header raises whatever the damaged byte leads to; one that is missed is reported as missing
        return None
    return dataset


def _complete(dataset: Dataset) -> None:
    """Give a header every element that a DICOM result has to have; one that is absent or malformed is empty."""
    for keyword in _REQUIRED:
        value = str(dataset.get(keyword) or "").strip(" \0")
        pattern = _PATTERNS.get(keyword)
        if not value or (pattern and not re.fullmatch(pattern, value)):
            setattr(dataset, keyword, "")
    if "PixelSpacing" in dataset and not dataset.get("SliceThickness"):
        dataset.SliceThickness = dataset.get("SpacingBetweenSlices") or _TYPICAL_THICKNESS
