"""Voxel values: stacking planes, filling missing ones, using small types, and refusing invalid values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..base.errors import InputError
from ..base.geometry import Array


def fill_missing(planes: Sequence[Array | None]) -> Array:
    """Planes as one array of shape (planes, rows, columns); None is interpolated linearly from the neighbouring planes.

    The first and the last plane must not be None.
    """
    present = [index for index, plane in enumerate(planes) if plane is not None]
    kind = np.result_type(*(plane.dtype for plane in planes if plane is not None))
    first = planes[present[0]]
    result = np.empty((len(planes), *(first.shape if first is not None else ())), dtype=kind)
    for index, plane in enumerate(planes):
        if plane is not None:
            result[index] = plane
    for before, after in pairwise(present):
        for index in range(before + 1, after):
            part = (index - before) / (after - before)
            between = result[before] * (1 - part) + result[after] * part
            result[index] = np.rint(between) if kind.kind in "iu" else between
    return result


def compact(voxels: Array) -> Array:
    """The same values as int16 or uint16 if they fit, else as float32; 64-bit values lose precision."""
    if voxels.dtype in (np.int16, np.uint16, np.float32):
        return voxels
    if voxels.dtype.kind in "biu" and voxels.size:
        low, high = int(voxels.min()), int(voxels.max())
        for kind in (np.uint16, np.int16) if voxels.dtype.kind != "i" else (np.int16, np.uint16):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return voxels.astype(kind)
    return voxels.astype(np.float32)


def checked(voxels: Array) -> Array:
    """The voxels, unchanged, if they are valid.

    :raises InputError: if there are none, one is not finite, or all have the same value.
    """
    if voxels.dtype.kind == "f":
        wrong = int(np.count_nonzero(~np.isfinite(voxels)))
        if wrong:
            raise InputError(
                f"{wrong} of {voxels.size} voxels have no value: they are infinite or not a number.",
                "Every voxel needs a finite intensity.",
                "Export the image again, or replace these voxels.",
                code="not-finite",
            )
    if not voxels.size or voxels.min() == voxels.max():
        raise InputError(
            f"The image is empty: {'all its voxels have the same value' if voxels.size else 'it has no voxels'}.",
            remedy="Export the image again, or choose another series.",
            code="blank-image",
        )
    return voxels
