"""Texts as cells of a table that a spreadsheet opens."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?")


def plain_cell(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would take it for a formula.

    A result may come in a scene file from a stranger, and a formula can start programs:
    https://owasp.org/www-community/attacks/CSV_Injection.
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) and not _NUMBER.fullmatch(text) else text
