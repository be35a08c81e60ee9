"""Image sizes stated in compressed pixels, which decoders trust more than the DICOM header: JPEG, JPEG-LS, JPEG 2000.

Markers: ITU-T T.81 B.2, T.87 C.1.1, T.800 A.5.1. Items of encapsulated pixels: PS3.5 A.4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_ITEM = b"\xfe\xff\x00\xe0"
_JPEG = b"\xff\xd8"
_JPEG_2000 = b"\xff\x4f\xff\x51"
_JP2 = b"\x00\x00\x00\x0cjP"
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_BOXES = 4096  # most bytes of a JP2 file before its codestream


def stated_sizes(encapsulated: bytes) -> Iterator[tuple[int, int]]:
    """(columns, rows) of every codestream that starts in an item of encapsulated pixels."""
    at = 0
    while encapsulated[at : at + 4] == _ITEM and at + 8 <= len(encapsulated):
        (length,) = struct.unpack_from("<I", encapsulated, at + 4)
        size = _size(encapsulated, at + 8, min(at + 8 + length, len(encapsulated)))
        if size is not None:
            yield size
        at += 8 + length


def _size(content: bytes, start: int, end: int) -> tuple[int, int] | None:
    """The size stated at the start of a codestream; None if there is no codestream or no size."""
    try:
        if content.startswith(_JP2, start):
            start = content.find(_JPEG_2000, start, min(start + _BOXES, end))
        if start >= 0 and content.startswith(_JPEG_2000, start):
            right, bottom, left, top = struct.unpack_from(">4I", content, start + 8)
            return right - left, bottom - top
        at = start + 2
        while content.startswith(_JPEG, start) and at < end and content[at] == 0xFF:
            if content[at + 1] in _FRAME_MARKERS:
                rows, columns = struct.unpack_from(">2H", content, at + 5)
                return columns, rows
            at += 2 + struct.unpack_from(">H", content, at + 2)[0]
    except (struct.error, IndexError):
        pass
    return None
