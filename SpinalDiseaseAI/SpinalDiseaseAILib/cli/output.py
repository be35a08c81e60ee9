"""Output of text: consoles for terminals and pipes, and JSON on standard output."""

from __future__ import annotations

import codecs
import json
import re
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

_PIPE_WIDTH = 240
"""Width if no terminal sets a limit, so that table rows are not wrapped."""


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters other than tab and line feed, and characters that change the direction of text."""


class _Screen(Console):
    """A console that never interprets texts as commands: file names and model cards are untrusted."""

    def print(self, *objects: Any, **options: Any) -> None:
        for item in objects:
            if isinstance(item, Text):
                item.plain = printable(item.plain)  # of the same length, so that its styles stay in place
        super().print(*objects, **options)


def printable(text: str) -> str:
    """The text with a placeholder for every character that could control a terminal."""
    return _CONTROL.sub("\ufffd", text)


def print_error(error: Exception) -> None:
    """Print the sentences of an error to standard error."""
    print(printable(str(error)), file=sys.stderr)


def console(*, errors: bool = False) -> Console:
    """A console on standard output or standard error, with colours and control characters only on a terminal."""
    stream = sys.stderr if errors else sys.stdout
    return _Screen(file=stream, width=None if stream.isatty() else _PIPE_WIDTH, highlight=False, markup=False, emoji=False)


def print_json(document: Any) -> None:
    """Print one JSON document to standard output: as UTF-8 if that is its encoding, otherwise as ASCII, valid in any encoding."""
    # A pipe on Windows has a regional encoding, and PowerShell assumes yet another one.
    plain = codecs.lookup(getattr(sys.stdout, "encoding", None) or "ascii").name != "utf-8"
    text = json.dumps(document, indent=1, ensure_ascii=plain, allow_nan=False)
    # JSON always escapes C0; other control characters only if all of it is ASCII.
    print(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
