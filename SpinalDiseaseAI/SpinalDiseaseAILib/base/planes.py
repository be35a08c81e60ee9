"""Sagittal planes of an image, and conversions between plane pixels, voxels and the patient.

In a plane, (column, row) = (0, 0) is the centre of the pixel in the anterior superior corner: columns grow towards posterior,
rows towards inferior, as a sagittal image is shown on a screen. An image gives the same planes in any of the 48 axis orders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .geometry import SAGITTAL_CODES, Array, FloatArray, Image, reorient

ASSUMED_FIELD_OF_VIEW = 320.0
"""Assumed length in millimetres of the longer side of a lumbar plane without a stated spacing: within 25 % of usual protocols."""


@dataclass(frozen=True, eq=False)
class SagittalVolume:
    """An image seen as a stack of sagittal planes.

    :param image: image with axis codes ``LPI``: voxels of shape (slices, columns, rows).
    """

    image: Image

    @classmethod
    def of(cls, image: Image) -> SagittalVolume:
        """The stack of an image in any orientation; nothing is resampled."""
        return cls(reorient(image, SAGITTAL_CODES))

    @property
    def slice_count(self) -> int:
        """Number of sagittal planes, numbered from the patient's right to the left."""
        return int(self.image.voxels.shape[0])

    @property
    def slice_spacing(self) -> float:
        """Millimetres between neighbouring planes, along the slice axis."""
        return float(self.image.spacing[0])

    @property
    def pixel_spacing(self) -> FloatArray:
        """Millimetres between the columns and between the rows of a plane; shape (2,), (column step, row step)."""
        return self.image.spacing[1:]

    def pixels(self, index: int) -> Array:
        """Pixels of one plane, shape (rows, columns): a view."""
        plane: Array = self.image.voxels[index].T
        return plane

    def to_ras(self, slice_column_row: npt.ArrayLike) -> FloatArray:
        """RAS millimetres of (slice, column, row), continuous; (..., 3) in and out."""
        return self.image.to_ras(slice_column_row)

    def to_pixel(self, ras: npt.ArrayLike) -> FloatArray:
        """(slice, column, row), continuous, of RAS points; (..., 3) in and out."""
        return self.image.to_ijk(ras)

    def nearest_slice(self, ras: npt.ArrayLike) -> int:
        """Index of the plane nearest to a RAS point, kept inside the stack."""
        return int(np.clip(np.rint(self.to_pixel(ras)[..., 0]), 0, self.slice_count - 1))


def plane_affine(origin: npt.ArrayLike, column_step: npt.ArrayLike, row_step: npt.ArrayLike) -> FloatArray:
    """4×4 affine from (column, row, out-of-plane millimetre) to RAS millimetres.

    :param origin: RAS of pixel (0, 0); shape (3,).
    :param column_step: RAS vector from one column to the next; shape (3,).
    :param row_step: RAS vector from one row to the next; shape (3,).
    :returns: matrix whose third axis is the unit normal.
    """
    affine = np.eye(4)
    affine[:3, 0] = column_step
    affine[:3, 1] = row_step
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    affine[:3, 2] = normal / np.linalg.norm(normal)
    affine[:3, 3] = origin
    return affine


def image_of_plane(pixels: Array, pixel_spacing: tuple[float, float]) -> Image:
    """An image of one sagittal slice whose position in the patient is unknown.

    :param pixels: shape (rows, columns), anterior to the left, head up.
    :param pixel_spacing: millimetres, (column step, row step).
    :returns: image of shape (1, columns, rows), axis codes ``LPI``, pixel (0, 0) at the origin, one millimetre thick.
    """
    affine = np.diag([-1.0, -float(pixel_spacing[0]), -float(pixel_spacing[1]), 1.0])
    return Image(np.ascontiguousarray(pixels.T)[None], affine)


def assumed_spacing(shape: tuple[int, int]) -> tuple[float, float]:
    """Millimetres, (column step, row step), assumed for a plane of shape (rows, columns) whose spacing is unknown."""
    step = ASSUMED_FIELD_OF_VIEW / max(shape)
    return step, step
