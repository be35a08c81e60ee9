"""Connected components of masks, and their holes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK

from ..base.geometry import Array
from ..base.masks import box_of

itk: Any = SimpleITK  # its wrapped methods have no types

Mask = npt.NDArray[np.bool_]


def components(mask: Mask) -> npt.NDArray[np.uint32]:
    """Numbers of the connected parts of a mask, 1 for the largest; voxels that share a face are connected.

    :param mask: two or three dimensions.
    """
    image = itk.GetImageFromArray(np.ascontiguousarray(mask, dtype=np.uint8))
    parts = itk.RelabelComponent(itk.ConnectedComponent(image))
    return np.asarray(itk.GetArrayFromImage(parts), dtype=np.uint32)


def components_by_plane(mask: Mask) -> npt.NDArray[np.uint32]:
    """Numbers of the connected parts of a mask, plane by plane (first index); unique within the stack, in no special order."""
    result = np.zeros(mask.shape, dtype=np.uint32)
    box = box_of(mask)
    if box is not None:
        parts = itk.ConnectedComponent(itk.GetImageFromArray(_sheet(mask[box]).astype(np.uint8)))
        result[box] = _planes_of(np.asarray(itk.GetArrayFromImage(parts)), mask[box].shape)
    return result


def kept(mask: Mask, least: float) -> Mask:
    """A mask without its small parts.

    :param least: smallest size of a part that is kept, as a fraction of the largest part; 1 keeps only the largest.
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
    """A mask with its holes filled, plane by plane (first index)."""
    result = mask.copy()
    box = box_of(mask)
    if box is None:
        return result
    sheet = itk.GetImageFromArray((_sheet(mask[box]) == 0).astype(np.uint8))
    beside = np.asarray(itk.GetArrayFromImage(itk.ConnectedComponent(sheet)))
    result[box] = _planes_of(beside != beside[0, 0], mask[box].shape)
    return result


def _sheet(planes: Array) -> Array:
    """The planes of a stack (S, C, R) side by side in one, separated by zeros, to process the whole stack in a single call."""
    return np.pad(planes, ((0, 0), (1, 1), (1, 1))).reshape(-1, planes.shape[2] + 2)


def _planes_of(sheet: Array, shape: tuple[int, ...]) -> Array:
    """The inverse of :func:`_sheet`: planes (S, C, R)."""
    return sheet.reshape(shape[0], shape[1] + 2, shape[2] + 2)[:, 1:-1, 1:-1]


def as_wholes(parts: Array, values: Array, places: Array, longest: float) -> Array:
    """Values of voxels after a majority vote within each short part.

    :param parts: number of each voxel's part, from 1; (N,).
    :param values: small integers from 0; (N,).
    :param places: position of each voxel along an axis; (N,).
    :param longest: length along the axis, 5th to 95th percentile; a longer part is several structures and stays as it is.
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
