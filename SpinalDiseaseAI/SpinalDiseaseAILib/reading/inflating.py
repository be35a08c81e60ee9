"""DICOM files whose whole data set is compressed: a file a thousandth the size of the memory can fill it."""

from __future__ import annotations

import zlib
from pathlib import Path

from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from .limits import MAXIMUM_INFLATED_BYTES

_CHUNK = 1 << 20
_META_GROUP = 0x0002


def inflates_too_far(path: Path) -> bool:
    """True for a file of the deflated transfer syntax (PS3.5 A.5) that inflates to more than the limit.

    :raises Exception: a damaged header can raise anything.
    """
    with path.open("rb") as file:
        if file.read(132)[128:] != b"DICM":
            file.seek(0)
        meta = read_dataset(file, is_implicit_VR=False, is_little_endian=True, stop_when=_is_behind_meta)
        if str(meta.get("TransferSyntaxUID", "")).strip(" \0") != DeflatedExplicitVRLittleEndian:
            return False
        engine, left = zlib.decompressobj(-zlib.MAX_WBITS), MAXIMUM_INFLATED_BYTES
        for chunk in iter(lambda: file.read(_CHUNK), b""):
            while chunk:
                left -= len(engine.decompress(chunk, _CHUNK))
                if left < 0:
                    return True
                chunk = engine.unconsumed_tail
        return False


def _is_behind_meta(tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag.group != _META_GROUP
