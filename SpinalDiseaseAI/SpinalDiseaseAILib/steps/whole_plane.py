"""A whole sagittal plane as one square picture: how the published localizers look at it, whatever its spacing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def square_view(shape: tuple[int, int], spacing: npt.ArrayLike, side: int) -> FloatArray:
    """The view that shows a plane whole, its proportions kept, in the middle of a square.

    :param shape: (rows, columns) of the plane.
    :param spacing: millimetres (a column, a row).
    :param side: pixels of the view.
    :returns: 2×3 matrix from view pixel (column, row, 1) to plane pixel (column, row).
    """
    steps = np.asarray(spacing, dtype=np.float64)
    size = np.array([shape[1], shape[0]], dtype=np.float64)
    pixel = float((size * steps).max()) / side  # millimetres a view pixel
    ratio = pixel / steps
    offset = (size - 1) / 2 - ratio * (side - 1) / 2
    return np.array([[ratio[0], 0, offset[0]], [0, ratio[1], offset[1]]])
