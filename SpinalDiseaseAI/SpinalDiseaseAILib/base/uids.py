"""Unique identifiers of DICOM, as they may be shown and written: numbers and dots, whatever a file has in their place."""

from __future__ import annotations

import hashlib
import re

_UID = re.compile(r"[0-9.]{1,64}")


def plain_uid(text: str) -> str:
    """The UID itself if it is one; else one of its own that is the same for the same text and tells nothing of it.

    Careless programs put names and numbers of patients there, and a file from a stranger may hold a formula for a spreadsheet.

    :returns: a UID of PS3.5 section 9 and B.2; empty for an empty text.
    """
    if not text or _UID.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"
