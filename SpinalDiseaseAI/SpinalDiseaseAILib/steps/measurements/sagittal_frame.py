"""Millimetre coordinates in the sagittal planes of a stack, and masks in one plane as grains of equal area.

Coordinates are (x, y) in millimetres: x grows to posterior along the columns, y to inferior at a right angle to x. They are the
same for every slice of the stack, so structures on different slices can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...base.geometry import FloatArray
from ...base.planes import SagittalVolume
from ...base.quantities import Line

_GRAIN = 0.3  # millimetres: pixels are divided into grains of at most this size, so that bins can split pixels
_FINEST = 8  # most grains along one side of a pixel


@dataclass(frozen=True, eq=False)
class SagittalFrame:
    """The frame of a stack's planes.

    :param affine: 4×4, (slice, column, row) to RAS millimetres, axis codes ``LPI``.
    :param axes: (3, 2), orthonormal RAS vectors of x and y.
    """

    affine: FloatArray
    axes: FloatArray

    @classmethod
    def of(cls, volume: SagittalVolume) -> SagittalFrame:
        """The frame of a sagittal stack."""
        affine = volume.image.affine
        x = affine[:3, 1] / np.linalg.norm(affine[:3, 1])
        y = affine[:3, 2] - (affine[:3, 2] @ x) * x
        return cls(affine, np.stack([x, y / np.linalg.norm(y)], 1))

    @property
    def pixel_area(self) -> float:
        """Area of a pixel in square millimetres."""
        return float(np.linalg.norm(np.cross(self.affine[:3, 1], self.affine[:3, 2])))

    def plane_point(self, ras: npt.ArrayLike) -> FloatArray:
        """(x, y) of RAS points; (..., 3) in, (..., 2) out."""
        result: FloatArray = (np.asarray(ras, dtype=np.float64) - self.affine[:3, 3]) @ self.axes
        return result

    def grains(self, mask: npt.NDArray[np.bool_], index: int) -> Grains:
        """The pixels of a mask in one plane.

        :param mask: shape (columns, rows), plane ``index`` of the stack.
        """
        columns, rows = np.nonzero(mask)
        steps = np.linalg.norm(self.affine[:3, 1:3], axis=0)
        # In a tilted patient a pixel of 0.6 mm has 0.6000000000000001 mm, which must not add another grain.
        parts = np.clip(np.ceil(steps / _GRAIN - 1e-6), 1, _FINEST).astype(int)
        within = [(np.arange(count) + 0.5) / count - 0.5 for count in parts]
        shift = np.stack(np.meshgrid(*within, indexing="ij"), -1).reshape(-1, 2)
        pixels = (np.stack([columns, rows], -1)[:, None] + shift).reshape(-1, 2)
        in_plane = self.axes.T @ self.affine[:3, :3]  # (2, 3): (slice, column, row) to (x, y)
        return Grains(pixels @ in_plane[:, 1:].T + in_plane[:, 0] * index, self.pixel_area / len(shift))

    def line(self, start: FloatArray, end: FloatArray, index: int) -> Line:
        """A line in plane ``index``, with both ends given as (x, y), in RAS millimetres."""
        normal = np.cross(self.axes[:, 0], self.axes[:, 1])
        base = self.affine[:3, 3] + normal * (normal @ self.affine[:3, 0]) * index
        ends = [base + self.axes @ point for point in (start, end)]
        first, second = ((float(x), float(y), float(z)) for x, y, z in ends)
        return first, second


@dataclass(frozen=True, eq=False)
class Grains:
    """A plane shape as many small pieces.

    :param points: (N, 2), (x, y) of their centres, millimetres.
    :param area: area of each in square millimetres.
    """

    points: FloatArray
    area: float

    @property
    def total(self) -> float:
        """Area of the shape, square millimetres."""
        return len(self.points) * self.area

    def where(self, chosen: npt.NDArray[np.bool_]) -> Grains:
        """Some of the grains; ``chosen`` has shape (N,)."""
        return Grains(self.points[chosen], self.area)
