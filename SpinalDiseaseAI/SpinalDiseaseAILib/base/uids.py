"""DICOM unique identifiers that are safe to show and write: digits and dots only, whatever the file contains."""

from __future__ import annotations

import hashlib
import re

_UID = re.compile(r"[0-9.]{1,64}")


def plain_uid(text: str) -> str:
    """The text itself if it is a UID; else a UID derived from it that is always the same and reveals nothing about it.

    Careless programs put names and IDs of patients there, and an untrusted file may contain a spreadsheet formula.

    :returns: a UID according to PS3.5 section 9 and B.2; empty for an empty text.
    """
    if not text or _UID.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"
