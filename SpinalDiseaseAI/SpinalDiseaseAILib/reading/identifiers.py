"""Descriptions without the patient: people write names, numbers and birth dates into them."""

from __future__ import annotations

import re
from itertools import permutations

from pydicom.dataset import Dataset

from .values import text

_LONGEST = 120
_SEPARATOR = r"[\W_]*"
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
"""Kana, Han and Hangul: scripts whose words need no blank between them, and whose names have a sign or two."""


def without_identifiers(value: str, dataset: Dataset) -> str:
    """A description on one line from which the patient's name, number and birth date are taken out, however they are spelt."""
    line = re.sub(r"[\s\x00-\x1f\x7f]+", " ", value).strip()
    patterns = (*_names(text(dataset, "PatientName")), *_number(text(dataset, "PatientID")))
    for pattern in (*sorted(patterns, key=len, reverse=True), *_dates(text(dataset, "PatientBirthDate"))):
        line = re.sub(pattern, "…", line, flags=re.IGNORECASE)
    return line[:_LONGEST]  # cut last: of a name that is cut, no pattern would find the rest


def _names(name: str) -> set[str]:
    """Patterns of each part of a name, and of two of them written as one word; PS3.5 6.2.1 has "^" and "=" between parts."""
    found = set()
    for group in name.split("="):
        parts = [part for part in re.split(r"[\s^,]+", group) if _tells(part)]
        found |= {_word(re.escape(part), part) for part in parts}
        for first, second in permutations(parts[:3], 2):
            found.add(_word(re.escape(first) + _SEPARATOR + re.escape(second), first + second))
    return found


def _tells(part: str) -> bool:
    """False for a single letter, and for two signs with a digit, such as T2 in the name of a phantom."""
    return len(part) >= 3 or (len(part) == 2 and part.isalpha()) or _IDEOGRAPH.search(part) is not None


def _number(number: str) -> list[str]:
    """The pattern of a patient's number, whatever stands between its parts; none where it is too short to tell."""
    parts = re.findall(r"[^\W_]+", number)
    return [_word(_SEPARATOR.join(map(re.escape, parts)), number)] if sum(map(len, parts)) >= 3 else []


def _dates(birth_date: str) -> list[str]:
    """Patterns of a date YYYYMMDD in the usual orders, with or without signs between and with or without the century."""
    if not re.fullmatch(r"\d{8}", birth_date):
        return []
    year = f"(?:{birth_date[:2]})?{birth_date[2:4]}"
    month, day = (f"0?{int(part)}" for part in (birth_date[4:6], birth_date[6:]))
    return [_word(_SEPARATOR.join(order), birth_date) for order in ((year, month, day), (day, month, year), (month, day, year))]


def _word(pattern: str, written: str) -> str:
    """A pattern that fits whole words alone; in a script without blanks, and of two signs or more, any place."""
    if len(written) >= 2 and _IDEOGRAPH.search(written):
        return pattern
    return rf"(?<![^\W_]){pattern}(?![^\W_])"
