"""Pixels of the slices of one stack, decoded, rescaled, and put together as an image."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from ..base.errors import InputError
from ..base.geometry import SAGITTAL_CODES, Array, Image, reorient
from ..base.planes import image_of_plane
from ..base.report import Note
from .intensities import checked, compact, fill_missing
from .slices import Slice
from .stacks import Stack

GUESSED_LONGEST_SIDE = 320.0
"""Millimetres taken as the longest side of a slice whose file states no spacing: a common lumbar field of view."""

_PLUGINS = {
    "JPEG 2000": "pylibjpeg-openjpeg",
    "JPEG-LS": "pyjpegls",
    "JPEG": "pylibjpeg-libjpeg",
    "HTJ2K": "pylibjpeg-openjpeg",
    "High-Throughput": "pylibjpeg-openjpeg",
}


def read_image(stack: Stack) -> tuple[Image, tuple[Note, ...]]:
    """The image of a stack without problem, in the product's sagittal frame: axis codes ``LPI``.

    :returns: image of shape (slices, columns, rows), and what reading brought up.
    :raises InputError: if a file is truncated or damaged, cannot be decoded here, or a voxel has no value.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom quotes values of the header in its warnings
        planes, inverted = _planes(stack.present)
    notes = [Note("monochrome1", "The series stores white as its lowest value; its grey scale was inverted.")] if inverted else []
    # A stack has one scale if its slices have: then whole numbers stay whole numbers.
    voxels = checked(compact(fill_missing([None if item is None else planes[id(item)] for item in stack.slices])))
    if stack.affine is None:
        spacing, note = plane_spacing(stack.first.pixel_spacing, voxels.shape[1:])
        return image_of_plane(voxels[0], spacing), (*notes, note)
    return reorient(Image(voxels.transpose(2, 1, 0), stack.affine), SAGITTAL_CODES), tuple(notes)


def plane_spacing(stated: tuple[float, float] | None, shape: tuple[int, ...]) -> tuple[tuple[float, float], Note]:
    """Millimetres (a column, a row) of a slice that is not placed in the patient, and a note that says where they come from.

    :param stated: PixelSpacing (from row to row, from column to column), None if the file has none.
    :param shape: (rows, columns).
    """
    text = "The file does not say how the slice lies in the patient; it is read with anterior to the left and the head up"
    if stated is not None and min(stated) > 0:
        return (stated[1], stated[0]), Note("not-placed", f"{text}.", "warning")
    guess = GUESSED_LONGEST_SIDE / max(shape)
    text += f", and its longest side is taken as {GUESSED_LONGEST_SIDE:.0f} mm, so that every length is a guess."
    return (guess, guess), Note("spacing-guessed", text, "warning")


def _planes(slices: Sequence[Slice]) -> tuple[dict[int, Array], bool]:
    """Rescaled planes of shape (rows, columns) by the identity of their slice; True if a grey scale had to be inverted."""
    planes: dict[int, Array] = {}
    inverted = False
    opened: tuple[Path, Array, bool] | None = None
    for item in sorted(slices, key=lambda item: (str(item.path), item.frame or 0)):
        if opened is None or opened[0] != item.path:
            opened = (item.path, *_decoded(item.path))
        stored = opened[1] if item.frame is None else opened[1][item.frame]
        inverted = inverted or opened[2]
        if stored.shape != (item.rows, item.columns):
            raise _damaged(item.path, "holds another number of pixels than its header states")
        planes[id(item)] = _rescaled(stored, item)
    return planes, inverted


def _decoded(path: Path) -> tuple[Array, bool]:
    """Stored values of shape (rows, columns) or (frames, rows, columns), and whether they were inverted from MONOCHROME1."""
    try:
        dataset = pydicom.dcmread(path, force=True)
    except Exception as error:  # noqa: BLE001 - a damaged file raises whatever the damaged byte leads to
        raise _damaged(path, "ends early or is damaged") from error
    if not any(keyword in dataset for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise _damaged(path, "ends before its pixels")
    syntax = UID(getattr(dataset.file_meta, "TransferSyntaxUID", "1.2.840.10008.1.2"))
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = syntax  # a data set without file header is implicit little endian, PS3.5 10.1
    if syntax.is_compressed and not _decodable(syntax):
        raise _no_decoder(syntax)
    try:
        pixels: Array = dataset.pixel_array
    except Exception as error:  # noqa: BLE001 - each decoder raises errors of its own
        raise _damaged(path, "ends early or is damaged: its pixels cannot be decoded") from error
    if dataset.get("PhotometricInterpretation", "") == "MONOCHROME1":
        return _inverted(pixels, dataset), True
    return pixels, False


def _inverted(pixels: Array, dataset: Dataset) -> Array:
    """Stored values mirrored within the range of their bits, so that the lowest is black."""
    if pixels.dtype.kind == "i":
        return ~pixels
    if pixels.dtype.kind == "f":
        return pixels.max() - pixels
    highest = np.array(2 ** int(dataset.BitsStored) - 1, dtype=pixels.dtype)
    return highest - pixels


def _rescaled(stored: Array, item: Slice) -> Array:
    if (item.slope, item.intercept) == (1.0, 0.0):
        return stored
    if item.slope == 1.0 and item.intercept.is_integer() and stored.dtype.kind in "iu":
        return stored.astype(np.int32) + int(item.intercept)
    return (stored * item.slope + item.intercept).astype(np.float32)


def _decodable(syntax: UID) -> bool:
    """True if pydicom has a decoder for a transfer syntax, in version 3 or in version 2."""
    try:
        from pydicom.pixels import get_decoder
    except ImportError:
        handlers: list[Any] = pydicom.config.pixel_data_handlers
        return any(handler.is_available() and handler.supports_transfer_syntax(syntax) for handler in handlers)
    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def _no_decoder(syntax: UID) -> InputError:
    package = next((package for name, package in _PLUGINS.items() if name in syntax.name), "pylibjpeg-libjpeg")
    return InputError(
        f"The series is compressed ({syntax.name}), and this Python has no decoder for it.",
        remedy=f"Install the packages pylibjpeg and {package}, or export the series without compression.",
        code="no-decoder",
    )


def _damaged(path: Path, what: str) -> InputError:
    return InputError(
        f"The file {path.name} {what}.",
        "Every file of the series must be complete.",
        "Copy or export the series again.",
        code="truncated-file",
    )
