"""Connected parts of masks, and their holes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK

from ..base.geometry import Array
from ..base.masks import box_of

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
    """Numbers of the connected parts of a mask, each plane (first index) for itself, numbered through the stack in any order."""
    result = np.zeros(mask.shape, dtype=np.uint32)
    box = box_of(mask)
    if box is not None:
        parts = itk.ConnectedComponent(itk.GetImageFromArray(_sheet(mask[box]).astype(np.uint8)))
        result[box] = _planes_of(np.asarray(itk.GetArrayFromImage(parts)), mask[box].shape)
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
    box = box_of(mask)
    if box is None:
        return result
    sheet = itk.GetImageFromArray((_sheet(mask[box]) == 0).astype(np.uint8))
    beside = np.asarray(itk.GetArrayFromImage(itk.ConnectedComponent(sheet)))
    result[box] = _planes_of(beside != beside[0, 0], mask[box].shape)
    return result


def _sheet(planes: Array) -> Array:
    """The planes of a stack (S, C, R) beside each other in one, parted by zeros: a call for the stack and not one a plane."""
    return np.pad(planes, ((0, 0), (1, 1), (1, 1))).reshape(-1, planes.shape[2] + 2)


def _planes_of(sheet: Array, shape: tuple[int, ...]) -> Array:
    """The planes (S, C, R) of :func:`_sheet`."""
    return sheet.reshape(shape[0], shape[1] + 2, shape[2] + 2)[:, 1:-1, 1:-1]


def as_wholes(parts: Array, values: Array, places: Array, longest: float) -> Array:
    """Values of voxels, those of a short part made one: the one that most of its voxels have.

    :param parts: number of each voxel's part, from 1; (N,).
    :param values: small whole numbers from 0; (N,).
    :param places: where each voxel lies along an axis; (N,).
    :param longest: length along the axis, 5th to 95th percentile, above which a part is several structures and stays as it is.
    """
    result = values.copy()
    order = np.argsort(parts.astype(np.uint16) if parts.max(initial=0) < 2**16 else parts, kind="stable")
    starts = np.flatnonzero(np.diff(parts[order], prepend=-1))
    if not len(starts):
        return result
    sorted_values, sorted_places = values[order], places[order]
    several = np.minimum.reduceat(sorted_values, starts) != np.maximum.reduceat(sorted_values, starts)
    extent = np.maximum.reduceat(sorted_places, starts) - np.minimum.reduceat(sorted_places, starts)
    ends = np.append(starts[1:], len(order))
    for part in np.flatnonzero(several):
        own = slice(starts[part], ends[part])
        if extent[part] > longest:
            low, high = np.percentile(sorted_places[own], (5, 95))
            if high - low > longest:
                continue
        result[order[own]] = np.bincount(sorted_values[own]).argmax()
    return result
