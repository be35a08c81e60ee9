"""Where text goes: a console that knows a terminal from a pipe, and JSON alone on the standard output."""

from __future__ import annotations

import codecs
import json
import sys
from typing import Any

from rich.console import Console

_PIPE_WIDTH = 240
"""Columns where no terminal sets a limit: a line of a table stays one line."""


def console(*, errors: bool = False) -> Console:
    """A console on the standard or the error output; colours and control characters only where that is a terminal."""
    stream = sys.stderr if errors else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else _PIPE_WIDTH, highlight=False, markup=False, emoji=False)


def print_json(document: Any) -> None:
    """One JSON document on the standard output: UTF-8 where that is its encoding, else ASCII, which is JSON in every encoding."""
    # A pipe of Windows has an encoding of the country, and PowerShell takes it for yet another one.
    plain = codecs.lookup(getattr(sys.stdout, "encoding", None) or "ascii").name != "utf-8"
    print(json.dumps(document, indent=1, ensure_ascii=plain, allow_nan=False))
