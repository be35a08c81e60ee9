"""Linear resampling in numpy: volumes to a stated spacing, planes through an affine of their pixels."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from .geometry import Array, FloatArray, Image


def sample_linear(array: Array, positions: npt.ArrayLike, *, outside: float | None = 0.0) -> npt.NDArray[np.float32]:
    """Multilinear interpolation of an array at continuous index positions.

    :param array: shape (N0, …, Nd-1).
    :param positions: shape (..., d), index coordinates of voxel centres.
    :param outside: value beyond the outermost voxel centres by more than half a voxel; None repeats the edge.
    :returns: float32 values of shape (...).
    """
    where = np.asarray(positions, dtype=np.float64)
    sizes = np.array(array.shape)
    clipped = np.clip(where, 0, sizes - 1)
    low = np.minimum(np.floor(clipped).astype(np.intp), np.maximum(sizes - 2, 0))
    part = (clipped - low).astype(np.float32)
    result = np.zeros(where.shape[:-1], dtype=np.float32)
    for corner in itertools.product((0, 1), repeat=array.ndim):
        if any(step and size == 1 for step, size in zip(corner, array.shape, strict=True)):
            continue
        weight = np.ones(where.shape[:-1], dtype=np.float32)
        for axis, step in enumerate(corner):
            weight *= part[..., axis] if step else 1 - part[..., axis]
        result += weight * array[tuple(low[..., axis] + step for axis, step in enumerate(corner))]
    if outside is not None:
        inside = ((where >= -0.5) & (where <= sizes - 0.5)).all(axis=-1)
        result = np.where(inside, result, np.float32(outside))
    return result


def resample_to_spacing(image: Image, spacing: tuple[float, float, float]) -> Image:
    """The image on a grid of other millimetres with the same axes and the same outer border.

    :param image: any image; its axis order is kept.
    :param spacing: millimetres along i, j and k of the result.
    :returns: float32 image; when the grid becomes coarser, the voxels are averaged first, so that detail does not alias.
    """
    wanted = np.asarray(spacing, dtype=np.float64)
    ratio = wanted / image.spacing  # source voxels per target voxel
    shape = np.maximum(1, np.rint(np.array(image.voxels.shape) / ratio)).astype(int)
    ratio = np.array(image.voxels.shape) / shape
    array = np.asarray(image.voxels, dtype=np.float32)
    for axis in range(3):
        array = blur(array, axis, float(ratio[axis]))
    offset = (ratio - 1) / 2
    grid = np.stack(np.meshgrid(*(np.arange(n) * r + o for n, r, o in zip(shape, ratio, offset, strict=True)), indexing="ij"), -1)
    change = np.eye(4)
    change[:3, :3] = np.diag(ratio)
    change[:3, 3] = offset
    return Image(sample_linear(array, grid, outside=None), image.affine @ change)


def resample_plane(pixels: Array, matrix: FloatArray, shape: tuple[int, int], *, outside: float = 0.0) -> npt.NDArray[np.float32]:
    """Resample a plane through an affine of its pixel coordinates.

    :param pixels: source, shape (rows, columns).
    :param matrix: 2×3 matrix from target (column, row, 1) to source (column, row).
    :param shape: (rows, columns) of the result.
    :param outside: value where the target lies outside the source.
    :returns: float32 plane. The source is averaged first when the target is coarser.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    columns, rows = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    target = np.stack([columns, rows, np.ones_like(rows)], -1).astype(np.float64)
    position = (target @ matrix.T)[..., ::-1]  # (rows, columns, 2) as (row, column)
    inside = ((position >= -0.5) & (position <= np.array(pixels.shape) - 0.5)).all(-1)
    # Only the part of the source that is looked at is averaged: a region is small in its plane.
    margin = 3 + int(np.ceil(2 * scale))
    low = np.clip(np.floor(position.min((0, 1))).astype(int) - margin, 0, np.array(pixels.shape) - 1)
    high = np.clip(np.ceil(position.max((0, 1))).astype(int) + margin + 1, low + 1, pixels.shape)
    part = np.asarray(pixels[low[0] : high[0], low[1] : high[1]], dtype=np.float32)
    part = blur(blur(part, 0, scale), 1, scale)
    return np.where(inside, sample_linear(part, position - low, outside=None), np.float32(outside))


def blur(array: npt.NDArray[np.float32], axis: int, ratio: float) -> npt.NDArray[np.float32]:
    """Gaussian average along one axis before a coarser sampling; edges are repeated.

    :param ratio: source samples per target sample; at 1 or below nothing is done. The width is that of SimpleITK's and
        scikit-image's anti-aliasing rule, sigma = (ratio - 1) / 2.
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
