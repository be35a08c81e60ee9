"""A sagittal picture that shows each structure on its own slice, even where the spine leaves the mid-slice.

The surface is ruled: each pixel row has one slice position, which follows the points from row to row. Columns and rows are
those of the series, so that distances in the picture are true in-plane millimetres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..base.geometry import FloatArray, Image
from ..base.planes import SagittalVolume
from ..base.resampling import sample_linear

_BLEND = 0.25
"""Fraction of the distance between slices over which they are blended; elsewhere a row shows the pixels of one slice."""


@dataclass(frozen=True, eq=False)
class CurvedPlane:
    """The surface through the points of a study, cropped to a box of pixels.

    :param volume: the series that defines the pixel grid.
    :param rows: rows of the points, increasing; shape (n,).
    :param slices: slice position at each of these rows; shape (n,). It is constant beyond the first and last row.
    :param box: (first column, first row, end column, end row), ends excluded.
    """

    volume: SagittalVolume
    rows: FloatArray
    slices: FloatArray
    box: tuple[int, int, int, int]

    @classmethod
    def through(cls, volume: SagittalVolume, points: npt.ArrayLike, *, margin: tuple[float, float, float, float]) -> CurvedPlane:
        """The surface through RAS points, cropped to a margin around them.

        :param points: shape (n, 3), RAS millimetres, in any order; without points, the whole middle slice is used.
        :param margin: millimetres kept anterior, superior, posterior and inferior to the points.
        """
        _, columns, rows = volume.image.voxels.shape
        pixels = volume.to_pixel(np.asarray(points, dtype=np.float64).reshape(-1, 3))
        if len(pixels) == 0:
            return cls(volume, np.zeros(1), np.array([(volume.slice_count - 1) / 2]), (0, 0, columns, rows))
        pixels = pixels[np.argsort(pixels[:, 2], kind="stable")]
        reach = np.array(margin) / np.tile(volume.pixel_spacing, 2)
        first = np.floor(np.clip(pixels[:, 1:].min(axis=0) - reach[:2], 0, (columns - 1, rows - 1))).astype(int)
        end = np.ceil(np.clip(pixels[:, 1:].max(axis=0) + reach[2:], first + 1, (columns, rows))).astype(int)
        slices = np.clip(pixels[:, 0], 0, volume.slice_count - 1)
        return cls(volume, pixels[:, 2], slices, (int(first[0]), int(first[1]), int(end[0]), int(end[1])))

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in millimetres."""
        left, top, right, bottom = self.box
        width, height = np.array([right - left, bottom - top]) * self.volume.pixel_spacing
        return float(width), float(height)

    @property
    def slice_range(self) -> tuple[int, int]:
        """First and last slice on which points lie, counted from 0."""
        nearest = np.rint(self.slices)
        return int(nearest.min()), int(nearest.max())

    def pixels(self, image: Image) -> npt.NDArray[np.float32]:
        """Intensities of an image on this surface; 0 outside the image.

        :param image: the volume's own image, or another one in the same frame of reference.
        :returns: shape (rows, columns); the grid of the volume, refined by an integer factor if ``image`` is finer.
        """
        other = SagittalVolume.of(image)
        fine = max(1, math.ceil(float((self.volume.pixel_spacing / other.pixel_spacing).max()) - 0.05))
        left, top, right, bottom = self.box
        columns = left - 0.5 + (np.arange((right - left) * fine) + 0.5) / fine
        rows = top - 0.5 + (np.arange((bottom - top) * fine) + 0.5) / fine
        grid = np.empty((len(rows), len(columns), 3))
        grid[..., 0] = np.interp(rows, self.rows, self.slices)[:, None]
        grid[..., 1] = columns
        grid[..., 2] = rows[:, None]
        where = other.to_pixel(self.volume.to_ras(grid))
        whole = np.floor(where[..., 0])
        where[..., 0] = whole + np.clip((where[..., 0] - whole - 0.5) / _BLEND + 0.5, 0, 1)
        # Only the part that is needed is copied: the surface lies on a few of possibly hundreds of slices.
        sizes = other.image.voxels.shape
        low = np.clip(np.floor(where.min((0, 1))).astype(int), 0, np.array(sizes) - 1)
        high = np.clip(np.floor(where.max((0, 1))).astype(int) + 2, low + 1, sizes)
        part = other.image.voxels[tuple(slice(first, end) for first, end in zip(low, high, strict=True))]
        return sample_linear(np.nan_to_num(part.astype(np.float32)), where - low)

    def place(self, points: npt.ArrayLike) -> FloatArray:
        """Positions of RAS points in the picture, in millimetres from its left and top edges; (..., 3) in, (..., 2) out."""
        corner = np.array(self.box[:2]) - 0.5
        result: FloatArray = (self.volume.to_pixel(points)[..., 1:] - corner) * self.volume.pixel_spacing
        return result
