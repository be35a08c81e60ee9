"""Images in patient space: voxels with an affine, and the 48 axis orders in which they can be stored.

Patient coordinates are RAS millimetres: x grows towards the patient's Right, y towards Anterior, z towards Superior.
Axis codes name the patient direction in which an index grows: ``"LPI"`` is an array whose first index grows to the left.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]

_POSITIVE = "RAS"
_NEGATIVE = "LPI"

LPS_FROM_RAS: FloatArray = np.diag([-1.0, -1.0, 1.0, 1.0])
"""4×4 matrix that turns RAS points into LPS points and vice versa: it is its own inverse."""

SAGITTAL_CODES = "LPI"
"""Axis codes of the product's sagittal frame: (slice to the left, column to posterior, row to inferior)."""


@dataclass(frozen=True, eq=False)
class Image:
    """Voxels and their position in the patient.

    :param voxels: array of shape (I, J, K); a single slice has one index of length 1.
    :param affine: 4×4 matrix from voxel centre indices (i, j, k, 1) to RAS millimetres.
    :raises InputError: if the shape is not three-dimensional, a length is zero, or the affine is singular or not finite.
    """

    voxels: Array
    affine: FloatArray

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if self.voxels.ndim != 3 or 0 in self.voxels.shape:
            raise InputError(
                f"The image has shape {tuple(self.voxels.shape)}.", "Three non-empty dimensions are needed.", code="shape"
            )
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or not np.allclose(affine[3], (0, 0, 0, 1)):
            raise InputError(
                "The image has no usable position: its affine is not a finite 4×4 matrix whose last row is 0, 0, 0, 1.",
                remedy="Export the series again from the archive.",
                code="affine",
            )
        if abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise InputError(
                "The image has a voxel spacing of zero or voxel axes that coincide.",
                "Every voxel axis needs a length in millimetres.",
                "Export the series again from the archive.",
                code="zero-spacing",
            )
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)

    @property
    def spacing(self) -> FloatArray:
        """Millimetres between neighbouring voxel centres along i, j and k; shape (3,)."""
        return spacing_of(self.affine)

    @property
    def codes(self) -> str:
        """Axis codes, the nearest patient direction of each index, such as ``"LPI"``."""
        return axis_codes(self.affine)

    def to_ras(self, ijk: npt.ArrayLike) -> FloatArray:
        """RAS millimetres of voxel indices; (..., 3) in, (..., 3) out."""
        return transform_points(self.affine, ijk)

    def to_ijk(self, ras: npt.ArrayLike) -> FloatArray:
        """Continuous voxel indices of RAS points; (..., 3) in, (..., 3) out."""
        return transform_points(np.asarray(np.linalg.inv(self.affine), dtype=np.float64), ras)


def transform_points(matrix: FloatArray, points: npt.ArrayLike) -> FloatArray:
    """Apply a 4×4 affine to points of shape (..., 3)."""
    array = np.asarray(points, dtype=np.float64)
    result: FloatArray = array @ matrix[:3, :3].T + matrix[:3, 3]
    return result


def spacing_of(affine: FloatArray) -> FloatArray:
    """Millimetres between neighbouring voxels along each index of an affine; shape (3,)."""
    lengths: FloatArray = np.linalg.norm(affine[:3, :3], axis=0)
    return lengths


def axis_codes(affine: FloatArray) -> str:
    """Axis codes of an affine: for each index, the patient direction that it follows most closely.

    Of the six ways to pair three indices with three directions, the one with the largest sum of |cosine| is used, so the codes
    are a permutation for oblique and sheared affines too.
    """
    directions = affine[:3, :3] / spacing_of(affine)
    best = max(itertools.permutations(range(3)), key=lambda p: sum(abs(directions[p[index], index]) for index in range(3)))
    return "".join((_POSITIVE if directions[best[i], i] >= 0 else _NEGATIVE)[best[i]] for i in range(3))


def all_axis_codes() -> list[str]:
    """The 48 axis codes, in a fixed order."""
    return [
        "".join(letters)
        for order in itertools.permutations(range(3))
        for letters in itertools.product(*((_POSITIVE[axis], _NEGATIVE[axis]) for axis in order))
    ]


def reorient(image: Image, codes: str) -> Image:
    """The same voxels at the same positions, stored with other axis codes. Nothing is resampled.

    :param image: any image, including oblique ones.
    :param codes: one of :func:`all_axis_codes`.
    :returns: an image whose :attr:`Image.codes` are ``codes``; its voxels are a view.
    :raises ValueError: if ``codes`` does not name three different patient axes.
    """
    if codes not in all_axis_codes():
        raise ValueError(f"{codes!r} does not name three different patient axes.")
    target = [_axis_number(letter) for letter in codes]
    source_codes = image.codes
    source = [_axis_number(letter) for letter in source_codes]
    matrix = np.eye(4)
    matrix[:3, :3] = 0
    order = []
    slices = []
    for index, letter in enumerate(codes):
        old = source.index(target[index])
        order.append(old)
        if source_codes[old] == letter:
            matrix[old, index] = 1
            slices.append(slice(None))
        else:
            matrix[old, index] = -1
            matrix[old, 3] = image.voxels.shape[old] - 1
            slices.append(slice(None, None, -1))
    return Image(image.voxels.transpose(order)[tuple(slices)], image.affine @ matrix)


def c_ordered_copy(voxels: Array) -> Array:
    """A C-ordered copy of three-dimensional voxels: the last index is the fastest in memory.

    Slicer and NumPy store a volume in opposite orders. Copying plane by plane, each through an intermediate copy that stays in
    the processor's cache, is up to eight times as fast as copying all at once.
    """
    copy: Array = np.empty(voxels.shape, voxels.dtype)
    for index in range(voxels.shape[1]):
        copy[:, index] = voxels[:, index].copy(order="K")
    return copy


def _axis_number(letter: str) -> int:
    return (_POSITIVE if letter in _POSITIVE else _NEGATIVE).index(letter)
