"""What an input contains, what would be used of it, and why."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.errors import InputError
from ..base.report import Note
from ..base.study import Role


@dataclass(frozen=True)
class SeriesEntry:
    """One series of an input.

    :param uid: SeriesInstanceUID, or the name of the file if the input is not DICOM. Users choose a series by it.
    :param description: for a reader; identifiers of the patient are removed.
    :param modality: ``"MR"``, ``"CT"``, …; empty if the input is not DICOM.
    :param orientation: ``"sagittal"``, ``"axial"``, ``"coronal"``, ``"oblique"``, ``"mixed"`` or ``"unknown"``.
    :param size: columns, rows, slices.
    :param spacing: millimetres from column to column, row to row, slice to slice; None if the input does not state it.
    :param repetition_time: TR in milliseconds; None if the input does not state it.
    :param echo_time: TE in milliseconds; None if the input does not state it.
    :param weighting: such as ``"T2"`` or ``"STIR"``; ``"unknown"`` if it cannot be determined.
    :param role: the role in which the series would be used; None if it is left out.
    :param reason: a sentence that says why.
    :param code: short, stable name of the reason for programs: ``"used"``, ``"outranked"``, or that of an error.
    """

    uid: str
    description: str
    modality: str
    orientation: str
    size: tuple[int, int, int]
    spacing: tuple[float, float, float] | None
    repetition_time: float | None
    echo_time: float | None
    weighting: str
    role: Role | None
    reason: str
    code: str


@dataclass(frozen=True)
class SeriesListing:
    """Every series of an input.

    :param entries: first those that would be used, then the others by study and series number.
    :param notes: observations made while reading the input.
    :param problem: the error that opening the input would raise, None if it can be opened.
    """

    entries: tuple[SeriesEntry, ...]
    notes: tuple[Note, ...] = ()
    problem: InputError | None = None

    @property
    def used(self) -> tuple[SeriesEntry, ...]:
        """The series that would be used."""
        return tuple(entry for entry in self.entries if entry.role is not None)
