"""Pixels of the slices of one stack, decoded, rescaled, and combined into an image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..base.geometry import SAGITTAL_CODES, Array, Image, reorient
from ..base.planes import image_of_plane
from ..base.report import Note
from .decoding import damaged, decoded
from .intensities import checked, compact, fill_missing
from .limits import check_size
from .slices import Slice
from .stacks import Stack
from .values import silent_pydicom

GUESSED_LONGEST_SIDE = 320.0
"""Assumed length in millimetres of the longest side of a slice without a stated spacing: a common lumbar field of view."""


def read_image(stack: Stack) -> tuple[Image, tuple[Note, ...]]:
    """The image of a stack that has no problem, in the product's sagittal frame: axis codes ``LPI``.

    :returns: image of shape (slices, columns, rows), and notes.
    :raises InputError: if a file is truncated, damaged or too large, cannot be decoded, or a voxel has no value.
    """
    first = stack.first
    check_size(first.path.name, (first.columns, first.rows, len(stack.slices)))
    with silent_pydicom():
        planes, inverted = _planes(stack.present)
    notes = [Note("monochrome1", "The series stores white as its lowest value; its grey scale was inverted.")] if inverted else []
    voxels = checked(compact(fill_missing([None if item is None else planes[id(item)] for item in stack.slices])))
    if stack.affine is None:
        spacing, note = plane_spacing(stack.first.pixel_spacing, voxels.shape[1:])
        return image_of_plane(voxels[0], spacing), (*notes, note)
    return reorient(Image(voxels.transpose(2, 1, 0), stack.affine), SAGITTAL_CODES), tuple(notes)


def plane_spacing(stated: tuple[float, float] | None, shape: tuple[int, ...]) -> tuple[tuple[float, float], Note]:
    """Millimetres, (column step, row step), of a slice without a position in the patient, and a note on their origin.

    :param stated: PixelSpacing (from row to row, from column to column), None if the file has none.
    :param shape: (rows, columns).
    """
    text = "The file does not state how the slice lies in the patient; anterior is assumed to be left, and the head up"
    if stated is not None and min(stated) > 0:
        return (stated[1], stated[0]), Note("not-placed", f"{text}.", "warning")
    guess = GUESSED_LONGEST_SIDE / max(shape)
    text += f", and its longest side is taken as {GUESSED_LONGEST_SIDE:.0f} mm, so every length is a guess."
    return (guess, guess), Note("spacing-guessed", text, "warning")


def _planes(slices: Sequence[Slice]) -> tuple[dict[int, Array], bool]:
    """Rescaled planes of shape (rows, columns) by the ``id`` of their slice; True if a grey scale had to be inverted."""
    planes: dict[int, Array] = {}
    inverted = False
    opened: tuple[Path, Array, bool] | None = None
    for item in sorted(slices, key=lambda item: (str(item.path), item.frame or 0)):
        if opened is None or opened[0] != item.path:
            opened = (item.path, *decoded(item.path))
        frames = opened[1] if opened[1].ndim > 2 else opened[1][np.newaxis]  # an enhanced object may hold a single frame
        index = item.frame or 0
        inverted = inverted or opened[2]
        if index >= len(frames) or frames[index].shape != (item.rows, item.columns):
            raise damaged(item.path, "does not have the number of pixels that its header states")
        planes[id(item)] = _rescaled(frames[index], item)
    return planes, inverted


def _rescaled(stored: Array, item: Slice) -> Array:
    if (item.slope, item.intercept) == (1.0, 0.0):
        return stored
    if item.slope == 1.0 and item.intercept.is_integer() and stored.dtype.kind in "iu":
        return stored.astype(np.int32) + int(item.intercept)
    return (stored * item.slope + item.intercept).astype(np.float32)
