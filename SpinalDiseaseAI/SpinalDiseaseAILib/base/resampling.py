"""Linear resampling in numpy: volumes to a given spacing, planes through an affine of their pixels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .geometry import Array, FloatArray, Image


def sample_linear(array: Array, positions: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Multilinear interpolation of an array at continuous index positions.

    :param array: shape (N0, …, Nd-1).
    :param positions: shape (..., d), index coordinates of voxel centres.
    :returns: float32 values of shape (...), 0 beyond the outermost voxel centres by more than half a voxel.
    """
    where = np.moveaxis(np.asarray(positions, dtype=np.float64), -1, 0)
    places = [np.asarray(place, order="C") for place in where]
    return np.where(_inside(places, array.shape), _interpolated(array, places), np.float32(0))


def _interpolated(array: Array, places: Sequence[FloatArray]) -> npt.NDArray[np.float32]:
    """Multilinear interpolation at one array of positions per axis, broadcast against each other; edges are repeated."""
    flat = np.ascontiguousarray(array).ravel()
    strides = [math.prod(array.shape[axis + 1 :]) for axis in range(array.ndim)]
    first, shares = np.zeros((), dtype=np.intp), []
    for size, stride, place in zip(array.shape, strides, places, strict=True):
        clipped = np.clip(place, 0, size - 1)
        low = np.minimum(clipped.astype(np.intp), max(size - 2, 0))  # truncation rounds down: nothing is negative
        share = (clipped - low).astype(np.float32)
        first = first + low * stride
        shares.append((1 - share, share))
    result = np.zeros(first.shape, dtype=np.float32)
    for corner in itertools.product((0, 1), repeat=array.ndim):
        if any(step and size == 1 for step, size in zip(corner, array.shape, strict=True)):
            continue
        weight = math.prod(share[step] for share, step in zip(shares, corner, strict=True))
        result += weight * flat.take(first + sum(stride for stride, step in zip(strides, corner, strict=True) if step))
    return result


def _inside(places: Sequence[FloatArray], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """True where positions, one array per axis, are at most half a voxel beyond the outermost voxel centres."""
    result = np.ones((), dtype=np.bool_)
    for size, place in zip(shape, places, strict=True):
        result = result & (place >= -0.5) & (place <= size - 0.5)
    return result


def resample_to_spacing(image: Image, spacing: tuple[float, float, float]) -> Image:
    """The image on a grid of another spacing, with the same axes and the same outer border.

    :param image: any image; its axis order is kept.
    :param spacing: millimetres along i, j and k of the result.
    :returns: float32 image; if the new grid is coarser, the voxels are averaged first to avoid aliasing.
    """
    wanted = np.asarray(spacing, dtype=np.float64)
    ratio = wanted / image.spacing  # source voxels per target voxel
    shape = np.maximum(1, np.rint(np.array(image.voxels.shape) / ratio)).astype(int)
    ratio = np.array(image.voxels.shape) / shape
    array = np.asarray(image.voxels, dtype=np.float32)
    for axis in range(3):
        array = blur(array, axis, float(ratio[axis]))
    offset = (ratio - 1) / 2
    places = np.ix_(*(np.arange(n) * r + o for n, r, o in zip(shape, ratio, offset, strict=True)))
    change = np.eye(4)
    change[:3, :3] = np.diag(ratio)
    change[:3, 3] = offset
    return Image(_interpolated(array, places), image.affine @ change)


def resample_plane(pixels: Array, matrix: FloatArray, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Resample a plane through an affine of its pixel coordinates.

    :param pixels: source, shape (rows, columns).
    :param matrix: 2×3 matrix from target (column, row, 1) to source (column, row).
    :param shape: (rows, columns) of the result.
    :returns: float32 plane, 0 outside the source. The source is averaged first if the target is coarser.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    column, row = np.arange(shape[1], dtype=np.float64), np.arange(shape[0], dtype=np.float64)[:, None]
    # Without rotation, all rows have the same column positions: the positions then remain one row and one column.
    across, down = (
        (by_column * column if by_column else 0) + (by_row * row if by_row else 0) + at for by_column, by_row, at in matrix
    )
    places = [np.atleast_2d(down), np.atleast_2d(across)]
    # Only the part of the source that is needed is averaged: a region is small compared with its plane.
    margin = 3 + int(np.ceil(2 * scale))
    low = [int(np.clip(np.floor(place.min()) - margin, 0, size - 1)) for place, size in zip(places, pixels.shape, strict=True)]
    high = [
        int(np.clip(np.ceil(place.max()) + margin + 1, first + 1, size))
        for place, first, size in zip(places, low, pixels.shape, strict=True)
    ]
    part = np.asarray(pixels[low[0] : high[0], low[1] : high[1]], dtype=np.float32)
    part = blur(blur(part, 0, scale), 1, scale)
    sampled = _interpolated(part, [place - first for place, first in zip(places, low, strict=True)])
    return np.where(_inside(places, pixels.shape), sampled, np.float32(0))


def blur(array: npt.NDArray[np.float32], axis: int, ratio: float) -> npt.NDArray[np.float32]:
    """Gaussian blur along one axis before downsampling; edges are repeated.

    :param ratio: source samples per target sample; at 1 or below nothing is done. The width follows the anti-aliasing rule of
        scikit-image, sigma = (ratio - 1) / 2.
    """
    sigma = (ratio - 1) / 2
    if sigma <= 0.05 or array.shape[axis] == 1:
        return array
    radius = max(1, int(np.ceil(3 * sigma)))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).astype(np.float32)
    kernel /= kernel.sum()
    widths = [(radius, radius) if index == axis else (0, 0) for index in range(array.ndim)]
    padded = np.pad(array, widths, mode="edge")
    result = np.zeros_like(array)
    for step, weight in enumerate(kernel):
        window = [slice(None)] * array.ndim
        window[axis] = slice(step, step + array.shape[axis])
        result += weight * padded[tuple(window)]
    return result
