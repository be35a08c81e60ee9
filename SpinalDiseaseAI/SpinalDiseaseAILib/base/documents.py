"""Reading documents that someone else may have written: JSON, tables, model cards. They are never read without a limit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import InputError

LONGEST_DOCUMENT = 1 << 26
"""Bytes of a document: predictions of some ten thousand studies. Parsed JSON can need twenty times the memory of its text."""


def read_text(path: Path, longest: int = LONGEST_DOCUMENT) -> str:
    """The text of a UTF-8 document, with or without a byte order mark; lines end with a line feed, as in any text file.

    :param longest: limit in bytes, which also holds for a file that does not state its size, such as a device.
    :raises InputError: if it is longer.
    :raises OSError: if it cannot be read.
    :raises ValueError: if it is not UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(longest + 1)
    check_length(str(path), len(content), longest)
    return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: Path, longest: int = LONGEST_DOCUMENT) -> Any:
    """The value in a JSON document.

    :param longest: limit in bytes.
    :raises InputError: if it is longer.
    :raises OSError: if it cannot be read.
    :raises ValueError: if it is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(read_text(path, longest))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def check_length(name: str, length: int, longest: int = LONGEST_DOCUMENT) -> None:
    """Refuse a document that is too long to be parsed.

    :param name: of the document, at the start of the message.
    :param length: in bytes or characters.
    :raises InputError: if it is longer than the limit.
    """
    if length > longest:
        raise InputError(
            f"{name} is too long.",
            f"Documents of at most {longest >> 20} MB are read.",
            "Check that it is the right one, or divide it.",
            code="document-too-long",
        )
