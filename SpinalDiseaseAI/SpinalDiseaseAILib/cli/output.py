"""Where text goes: a console that knows a terminal from a pipe, and JSON alone on the standard output."""

from __future__ import annotations

import codecs
import json
import re
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

_PIPE_WIDTH = 240
"""Columns where no terminal sets a limit: a line of a table stays one line."""


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that a terminal obeys, beside tab and line feed, and those that turn the direction of a line."""


class _Screen(Console):
    """A console that shows texts and obeys none: file names and model cards come from strangers."""

    def print(self, *objects: Any, **options: Any) -> None:
        for item in objects:
            if isinstance(item, Text):
                item.plain = printable(item.plain)  # of the same length, so that its styles stay where they are
        super().print(*objects, **options)


def printable(text: str) -> str:
    """The text with a mark in place of every character that a terminal would obey."""
    return _CONTROL.sub("\ufffd", text)


def print_error(error: Exception) -> None:
    """The sentences of an error on the error output."""
    print(printable(str(error)), file=sys.stderr)


def console(*, errors: bool = False) -> Console:
    """A console on the standard or the error output; colours and control characters only where that is a terminal."""
    stream = sys.stderr if errors else sys.stdout
    return _Screen(file=stream, width=None if stream.isatty() else _PIPE_WIDTH, highlight=False, markup=False, emoji=False)


def print_json(document: Any) -> None:
    """One JSON document on the standard output: UTF-8 where that is its encoding, else ASCII, which is JSON in every encoding."""
    # A pipe of Windows has an encoding of the country, and PowerShell takes it for yet another one.
    plain = codecs.lookup(getattr(sys.stdout, "encoding", None) or "ascii").name != "utf-8"
    text = json.dumps(document, indent=1, ensure_ascii=plain, allow_nan=False)
    # JSON escapes C0 itself; the others only where the whole of it is ASCII.
    print(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
