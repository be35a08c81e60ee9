"""Similarity of two masks: overlap and surface distances. Tests compare each with the values of SciPy and SimpleITK."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Likeness:
    """Similarity of a mask to the true one.

    :param dice: twice the overlap divided by the sum of both, 0 … 1.
    :param iou: the overlap divided by the union, 0 … 1.
    :param hausdorff_95: millimetres; the larger of the 95th percentiles in both directions. NaN if a mask is empty.
    :param surface: millimetres; mean distance to the other surface, over both surfaces. NaN if a mask is empty.
    """

    dice: float
    iou: float
    hausdorff_95: float
    surface: float


def likeness(found: Mask, truth: Mask, spacing: tuple[float, float, float]) -> Likeness:
    """Compare two masks of the same shape.

    :param spacing: millimetres of a voxel along each axis.
    :raises ValueError: if both masks are empty, so that there is nothing to compare.
    """
    both, either = int((found & truth).sum()), int((found | truth).sum())
    if not either:
        raise ValueError("Both masks are empty.")
    dice = 2 * both / (int(found.sum()) + int(truth.sum()))
    if not found.any() or not truth.any():
        return Likeness(dice, both / either, nan, nan)
    box = _box(found | truth)
    there, back = surface_distances(found[box], truth[box], spacing)
    return Likeness(
        dice,
        both / either,
        float(max(np.percentile(there, 95), np.percentile(back, 95))),
        float((there.sum() + back.sum()) / (len(there) + len(back))),
    )


def surface_distances(one: Mask, other: Mask, spacing: tuple[float, float, float]) -> tuple[FloatArray, FloatArray]:
    """Millimetres from each surface voxel of one mask to the nearest of the other, and vice versa.

    A surface voxel has a face neighbour outside the mask; everything beyond the array is outside.
    """
    borders = [mask & ~ndimage.binary_erosion(mask) for mask in (one, other)]
    to_other, to_one = (ndimage.distance_transform_edt(~border, sampling=spacing) for border in (borders[1], borders[0]))
    return to_other[borders[0]], to_one[borders[1]]


def _box(mask: Mask) -> tuple[slice, ...]:
    """The bounding box of a mask."""
    found: tuple[slice, ...] = ndimage.find_objects(mask.astype(np.uint8))[0]
    return found
