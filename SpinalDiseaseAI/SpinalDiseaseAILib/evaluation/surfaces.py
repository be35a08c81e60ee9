"""How alike two masks are: overlap, and distances between their surfaces. Tests hold each to SciPy's and SimpleITK's values."""

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
    """One mask against the true one.

    :param dice: twice the overlap over the sum of both, 0 … 1.
    :param iou: the overlap over the union, 0 … 1.
    :param hausdorff_95: millimetres; the larger of both directions' 95th percentiles. NaN if a mask is empty.
    :param surface: millimetres; mean distance from a surface to the other, over both. NaN if a mask is empty.
    """

    dice: float
    iou: float
    hausdorff_95: float
    surface: float


def likeness(found: Mask, truth: Mask, spacing: tuple[float, float, float]) -> Likeness:
    """Compare masks of one shape.

    :param spacing: millimetres of a voxel along each axis.
    :raises ValueError: if both masks are empty: there is nothing to compare.
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
    """Millimetres from each surface voxel of a mask to the nearest of the other, and back.

    A surface voxel is one that has a neighbour, by a face, outside the mask; outside the array is outside.
    """
    borders = [mask & ~ndimage.binary_erosion(mask) for mask in (one, other)]
    to_other, to_one = (ndimage.distance_transform_edt(~border, sampling=spacing) for border in (borders[1], borders[0]))
    return to_other[borders[0]], to_one[borders[1]]


def _box(mask: Mask) -> tuple[slice, ...]:
    """The smallest box that holds a mask."""
    found: tuple[slice, ...] = ndimage.find_objects(mask.astype(np.uint8))[0]
    return found
