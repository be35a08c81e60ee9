"""Study: the series of one patient visit that an analysis works on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np

from .errors import InputError
from .geometry import Image, c_ordered_copy
from .report import Note, Point, SeriesIdentity


class Role(Enum):
    """Role of a series in an analysis."""

    SAGITTAL_T2 = "sagittal T2"
    SAGITTAL_T1 = "sagittal T1"


@dataclass(frozen=True, eq=False)
class Series:
    """One series.

    :param uid: SeriesInstanceUID; empty if the input is not DICOM.
    :param description: for a reader; never a patient's name.
    :param spacing_known: False if the file states no spacing, so that the image's millimetres are a guess.
    """

    role: Role
    image: Image
    uid: str = ""
    description: str = ""
    frame_of_reference_uid: str = ""
    spacing_known: bool = True

    def identity(self) -> SeriesIdentity:
        """Identity for a report: UIDs and a hash of voxels and affine.

        Voxels that own their memory and are read-only cannot change, so they are hashed only once.
        """
        flags = self.image.voxels.flags
        fixed = flags.owndata and not flags.writeable
        spacing: Point = tuple(round(float(value), 6) for value in self.image.spacing)  # type: ignore[assignment]
        sha256 = self._sha256_once if fixed else self._sha256()
        return SeriesIdentity(self.role.value, self.uid, sha256, spacing, self.frame_of_reference_uid)

    @cached_property
    def _sha256_once(self) -> str:
        return self._sha256()

    def _sha256(self) -> str:
        digest = hashlib.sha256()
        voxels = self.image.voxels
        digest.update(f"{voxels.dtype.str}{voxels.shape}".encode())
        digest.update((voxels if voxels.flags.c_contiguous else c_ordered_copy(voxels)).data)
        digest.update(np.ascontiguousarray(self.image.affine).data)
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Study:
    """One or more series of one patient visit.

    :param uid: StudyInstanceUID; empty if the input is not DICOM.
    :param series: one or more, at most one of each role.
    :param notes: observations made while reading: gaps, duplicates, guessed spacing.
    :raises InputError: if there is no series, or two have the same role.
    """

    series: tuple[Series, ...]
    uid: str = ""
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        if not self.series:
            raise InputError("The study has no series.", "A sagittal T2 or T1 series is needed.", code="no-series")
        roles = [item.role for item in self.series]
        for role in Role:
            if roles.count(role) > 1:
                raise InputError(
                    f"The study has {roles.count(role)} series for the role {role.value}.",
                    "One series of each role is needed.",
                    code="ambiguous-series",
                )

    def of_role(self, role: Role) -> Series | None:
        """The series with a role, None if there is none."""
        return next((item for item in self.series if item.role is role), None)

    @property
    def primary(self) -> Series:
        """The series on which levels are found: sagittal T2, else sagittal T1."""
        return self.of_role(Role.SAGITTAL_T2) or self.series[0]
