"""Texts as cells of a table that may be opened in a spreadsheet."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?")


def plain_cell(text: str) -> str:
    """The text, with an apostrophe in front if a spreadsheet would take it for a formula.

    A result may come from an untrusted scene file, and a formula can start programs:
    https://owasp.org/www-community/attacks/CSV_Injection.
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) and not _NUMBER.fullmatch(text) else text
