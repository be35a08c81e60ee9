"""The metadata file of a bundle, which names the SHA-256 of its content: calibration and classes are there, not in weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

_OWN = "metadata_sha256"
_LONGEST = 1 << 24  # bytes; those of the product have some ten thousand


class ChangedMetadataError(ValueError):
    """The content of a metadata file is not what it was written with."""


def write_metadata(path: Path, document: dict[str, Any]) -> None:
    """Write a metadata file; what the document says of its own hash is replaced.

    :raises ValueError: if a number is not finite.
    """
    content = {key: value for key, value in document.items() if key != _OWN}
    content[_OWN] = _digest(content)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_metadata(path: Path) -> dict[str, Any]:
    """The content of a metadata file.

    :raises ChangedMetadataError: if it was changed since it was written.
    :raises ValueError: if it is no JSON, or longer or deeper than metadata is.
    :raises TypeError: if it is no object, or names no hash.
    """
    if path.stat().st_size > _LONGEST:
        raise ValueError(f"it has {path.stat().st_size} bytes")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(document, dict):
        raise TypeError("it is no JSON object")
    named = document.get(_OWN)
    if not isinstance(named, str):
        raise TypeError(f"{_OWN} is {named!r}, not a hash")
    found = _digest({key: value for key, value in document.items() if key != _OWN})
    if found != named:
        raise ChangedMetadataError(f"its SHA-256 is {found[:12]}…, and it names {named[:12]}…")
    return document


def _digest(content: dict[str, Any]) -> str:
    """SHA-256 of the content, whatever the order of its keys and the space between them."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
