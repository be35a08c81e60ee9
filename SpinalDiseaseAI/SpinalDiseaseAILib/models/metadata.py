"""The metadata file of a bundle. It states its own SHA-256, because it holds calibration and classes, which weights do not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ..base.documents import read_json

_OWN = "metadata_sha256"
_LONGEST = 1 << 24  # bytes; the product's own files have some ten thousand


class ChangedMetadataError(ValueError):
    """The content of a metadata file was changed after it was written."""


def write_metadata(path: Path, document: dict[str, Any]) -> None:
    """Write a metadata file with its own hash, replacing any hash that the document already states.

    :raises ValueError: if a number is not finite.
    """
    content = {key: value for key, value in document.items() if key != _OWN}
    content[_OWN] = _digest(content)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_metadata(path: Path) -> dict[str, Any]:
    """The content of a metadata file.

    :raises ChangedMetadataError: if it was changed since it was written.
    :raises InputError: if it is too long.
    :raises ValueError: if it is not JSON, or is nested too deeply.
    :raises TypeError: if it is not a JSON object, or states no hash.
    """
    document = read_json(path, _LONGEST)
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
    """SHA-256 of the content, independent of key order and white space."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
