"""Connected parts of masks, and their holes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK

from ..base.geometry import Array

itk: Any = SimpleITK  # its wrapped methods carry no types

Mask = npt.NDArray[np.bool_]


def components(mask: Mask) -> npt.NDArray[np.uint32]:
    """Numbers of the connected parts of a mask, 1 the largest; voxels that share a face are connected.

    :param mask: two or three dimensions.
    """
    image = itk.GetImageFromArray(np.ascontiguousarray(mask, dtype=np.uint8))
    parts = itk.RelabelComponent(itk.ConnectedComponent(image))
    return np.asarray(itk.GetArrayFromImage(parts), dtype=np.uint32)


def components_by_plane(mask: Mask) -> npt.NDArray[np.uint32]:
    """As :func:`components`, each plane (first index) for itself, numbered through the stack."""
    result = np.zeros(mask.shape, dtype=np.uint32)
    count = 0
    for index, plane in enumerate(mask):
        if plane.any():
            parts = components(plane)
            result[index] = np.where(parts > 0, parts + count, 0)
            count += int(parts.max())
    return result


def kept(mask: Mask, least: float) -> Mask:
    """A mask without its small parts.

    :param least: share of the largest part that a part must have; 1 keeps the largest alone.
    """
    parts = components(mask)
    sizes = np.bincount(parts.ravel())
    if len(sizes) < 3:
        return mask
    good = sizes >= least * sizes[1]
    good[0] = False
    if least >= 1:
        good[2:] = False
    result: Mask = good[parts]
    return result


def filled(mask: Mask) -> Mask:
    """A mask without the holes that a plane (first index) shows in it."""
    result = mask.copy()
    for index in np.flatnonzero(mask.any((1, 2))):
        first, second = (np.flatnonzero(mask[index].any(axis)) for axis in (1, 0))
        part = (index, slice(first[0], first[-1] + 1), slice(second[0], second[-1] + 1))
        plane = itk.GetImageFromArray(mask[part].astype(np.uint8))
        whole = itk.BinaryFillhole(plane)
        result[part] = itk.GetArrayFromImage(whole) > 0
    return result


def as_wholes(parts: Array, values: Array, places: Array, longest: float) -> Array:
    """Values of voxels, those of a short part made one: the one that most of its voxels have.

    :param parts: number of each voxel's part, from 1; (N,).
    :param values: small whole numbers from 0; (N,).
    :param places: where each voxel lies along an axis; (N,).
    :param longest: length along the axis, 5th to 95th percentile, above which a part is several structures and stays as it is.
    """
    result = values.copy()
    order = np.argsort(parts, kind="stable")
    starts = np.flatnonzero(np.diff(parts[order], prepend=-1))
    for own in np.split(order, starts[1:]):
        low, high = np.percentile(places[own], (5, 95))
        if high - low <= longest:
            result[own] = np.bincount(values[own]).argmax()
    return result
