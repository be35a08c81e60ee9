"""To which study a DICOM file belongs, from as little of its header as possible."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pydicom

from ..base.uids import plain_uid
from .headers import is_dicom, is_whole_image, patient_digest
from .inflating import inflates_too_far
from .slices import StudyKey
from .values import text

_KEYWORDS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "PatientID",
    "PatientName",
    "Rows",
    "Columns",
]


class NoImageError(Exception):
    """A file is not a DICOM image."""


@dataclass(frozen=True)
class Identity:
    """The study and the instance of a file.

    :param sop_uid: SOPInstanceUID.
    """

    key: StudyKey
    sop_uid: str


def read_identity(path: Path) -> Identity:
    """To which study a DICOM image belongs.

    :raises NoImageError: if the file is not DICOM, or is another kind of object, such as a report.
    :raises Exception: a damaged header can raise anything.
    """
    if not is_dicom(path):
        raise NoImageError
    if inflates_too_far(path):
        raise ValueError("The data set inflates to too much.")
    dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_KEYWORDS, force=True)
    whole = is_whole_image(dataset)
    if whole is None:
        raise ValueError("The header ends early.")
    if not whole:
        raise NoImageError
    return Identity(
        StudyKey(patient_digest(dataset), plain_uid(text(dataset, "StudyInstanceUID"))), text(dataset, "SOPInstanceUID")
    )
