"""Checks that the NIfTI reader lacks.

SimpleITK fills a truncated file with zeros, turns voxels that are NaN into zero, and replaces a spacing of zero by another one.
Field offsets: nifti1.h and nifti2.h, https://nifti.nimh.nih.gov.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, cast

import numpy as np

from ..base.geometry import FloatArray
from .intensities import checked
from .limits import MAXIMUM_VOXELS, check_size
from .volume_errors import unreadable, zero_spacing

_SAME_SPACING = 0.01  # relative difference allowed between two statements of a spacing
_FLOATS = {16: "f4", 64: "f8"}


@dataclass(frozen=True)
class _Layout:
    """Offsets of the fields of a header, with their struct codes."""

    dimensions: tuple[int, str]
    datatype: int
    bits: int
    spacing: tuple[int, str]
    offset: tuple[int, str]
    codes: tuple[int, str]
    sform: tuple[int, str]


_LAYOUTS = {
    348: _Layout(
        dimensions=(40, "8h"), datatype=70, bits=72, spacing=(76, "8f"), offset=(108, "f"), codes=(252, "2h"), sform=(280, "12f")
    ),
    540: _Layout(
        dimensions=(16, "8q"), datatype=12, bits=14, spacing=(104, "8d"), offset=(168, "q"), codes=(344, "2i"), sform=(400, "12d")
    ),
}
"""Layouts of NIfTI-1 and NIfTI-2 by the size of the header, which is its first field."""


def check_nifti(path: Path) -> None:
    """Refuse a NIfTI file that is truncated or too large, states a spacing of zero, or has voxels without a value.

    :raises InputError: if it is one.
    """
    try:
        header, order, layout = _header(path)
        count, *lengths = _field(header, order, *layout.dimensions)
        datatype = int(_field(header, order, layout.datatype, "h")[0])
        bits = int(_field(header, order, layout.bits, "h")[0])
        spacing = _field(header, order, *layout.spacing)[1:4]
        start = int(_field(header, order, *layout.offset)[0])
        stated = [int(length) for length in lengths[: int(count)]]
        if not stated or min(stated) < 1 or not 0 <= start <= MAXIMUM_VOXELS:
            raise ValueError("dim")
        check_size(path.name, stated)
        total = prod(stated)
        bytes_each = np.dtype(_FLOATS[datatype]).itemsize if datatype in _FLOATS else bits // 8
        with _opened(path) as file:
            # No more than is stated, because a compressed file may hold a thousand times its size; one byte more, to see the end.
            content = file.read(start + total * bytes_each + 1)
    except (OSError, EOFError, zlib.error, struct.error, KeyError, ValueError, OverflowError) as error:
        raise unreadable(path) from error
    if len(content) < start + total * bytes_each:
        raise unreadable(path)
    if 0 in spacing[: int(count)]:
        raise zero_spacing(path)
    if datatype in _FLOATS:
        checked(np.frombuffer(content, f"{order}{_FLOATS[datatype]}", count=total, offset=start))


def is_oriented(path: Path) -> bool:
    """True if a checked file states the directions of its axes in the patient, by qform or sform."""
    header, order, layout = _header(path)
    return any(_field(header, order, *layout.codes))


def two_spacings(path: Path) -> tuple[FloatArray, FloatArray] | None:
    """Voxel sizes of a checked file along each axis, (3,), from ``pixdim``, which readers use, and from the sform.

    They are in the unit of the file. None if they agree, or there is no sform.
    """
    header, order, layout = _header(path)
    if not _field(header, order, *layout.codes)[1]:
        return None
    used = np.abs(_field(header, order, *layout.spacing)[1:4])
    rows = np.array(_field(header, order, *layout.sform)).reshape(3, 4)
    stated = np.asarray(np.linalg.norm(rows[:, :3], axis=0))
    return None if np.allclose(stated, used, rtol=_SAME_SPACING) else (used, stated)


def _header(path: Path) -> tuple[bytes, str, _Layout]:
    """The header of a file, its byte order and its layout."""
    with _opened(path) as file:
        header = file.read(max(_LAYOUTS))
    return header, *_layout(header)


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path)) if packed else path.open("rb")


def _layout(content: bytes) -> tuple[str, _Layout]:
    """Byte order and layout.

    :raises KeyError: if the content is not NIfTI.
    """
    for order in "<>":
        (size,) = struct.unpack_from(f"{order}i", content)
        if size in _LAYOUTS:
            return order, _LAYOUTS[size]
    raise KeyError("sizeof_hdr")


def _field(content: bytes, order: str, at: int, code: str) -> tuple[float, ...]:
    return struct.unpack_from(order + code, content, at)
