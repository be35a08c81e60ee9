"""The header of one slice: the record on which grouping, choosing and placing work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MR_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.1.4{rest}" for rest in ("", ".1", ".4"))
"""SOP classes of MR images: classic, enhanced, and legacy converted enhanced."""

Vector = tuple[float, float, float]


class StudyKey(NamedTuple):
    """What distinguishes DICOM studies; two patients may have the same UID after careless de-identification.

    :param patient: a digest that distinguishes patients without identifying them.
    :param uid: StudyInstanceUID.
    """

    patient: str
    uid: str


@dataclass(frozen=True)
class Acquisition:
    """How the signal was acquired. Times are in milliseconds, None if the header does not state them.

    :param image_type: values of ImageType, and of FrameType for a multi-frame object, in upper case.
    :param contrast: AcquisitionContrast of a multi-frame object, such as ``"T2"``; else empty.
    :param fat_suppressed: True if the header states fat suppression.
    :param text: series description and protocol name, without identifiers of the patient.
    """

    repetition_time: float | None = None
    echo_time: float | None = None
    inversion_time: float | None = None
    scanning_sequence: tuple[str, ...] = ()
    sequence_name: str = ""
    three_dimensional: bool = False
    fat_suppressed: bool = False
    contrast_agent: bool = False
    image_type: tuple[str, ...] = ()
    contrast: str = ""
    text: str = ""


@dataclass(frozen=True)
class Slice:
    """One slice: a classic DICOM object, or one frame of a multi-frame object.

    :param frame: zero-based index of the frame, None for an object with a single slice.
    :param patient: a digest that distinguishes patients without identifying them.
    :param position: centre of the first pixel, LPS millimetres; None if the header has none.
    :param row_direction: LPS unit vector along which the column index grows; None if the header has none.
    :param column_direction: LPS unit vector along which the row index grows; None if the header has none.
    :param pixel_spacing: millimetres (from row to row, from column to column), in DICOM's order; None if absent.
    :param thickness: SliceThickness in millimetres.
    :param spacing_between: SpacingBetweenSlices in millimetres.
    :param slope: rescale slope: value = slope × stored + intercept.
    :param intercept: rescale intercept.
    """

    path: Path
    frame: int | None
    sop_class: str
    sop_uid: str
    series_uid: str
    study_uid: str
    patient: str
    modality: str
    rows: int
    columns: int
    samples: int
    position: Vector | None = None
    row_direction: Vector | None = None
    column_direction: Vector | None = None
    pixel_spacing: tuple[float, float] | None = None
    thickness: float | None = None
    spacing_between: float | None = None
    slope: float = 1.0
    intercept: float = 0.0
    frame_of_reference_uid: str = ""
    body_part: str = ""
    study_text: str = ""
    description: str = ""
    series_number: int = 0
    acquisition_number: int = 0
    instance_number: int = 0
    acquisition: Acquisition = Acquisition()

    @property
    def placed(self) -> bool:
        """True if the header states the position and directions of the slice in the patient."""
        return self.position is not None and self.row_direction is not None and self.column_direction is not None
