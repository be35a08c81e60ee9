"""A whole sagittal plane as one square image, the input of the published localizers, whatever its spacing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def square_view(shape: tuple[int, int], spacing: npt.ArrayLike, side: int) -> FloatArray:
    """The view of a whole plane, with its proportions, at the centre of a square.

    :param shape: (rows, columns) of the plane.
    :param spacing: millimetres, (column step, row step).
    :param side: side of the view in pixels.
    :returns: 2×3 matrix from view pixel (column, row, 1) to plane pixel (column, row).
    """
    steps = np.asarray(spacing, dtype=np.float64)
    size = np.array([shape[1], shape[0]], dtype=np.float64)
    pixel = float((size * steps).max()) / side  # millimetres per view pixel
    ratio = pixel / steps
    offset = (size - 1) / 2 - ratio * (side - 1) / 2
    return np.array([[ratio[0], 0, offset[0]], [0, ratio[1], offset[1]]])
