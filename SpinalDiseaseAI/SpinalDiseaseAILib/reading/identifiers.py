"""Descriptions without the patient: people write names, numbers and birth dates into them, and who sent or examined whom."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import permutations

from pydicom.dataset import Dataset

from .values import text, texts

PATIENT_NAMES = ("PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "ResponsiblePerson")
STAFF_NAMES = (
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "PhysiciansOfRecord",
    "NameOfPhysiciansReadingStudy",
    "RequestingPhysician",
    "OperatorsName",
)
NUMBERS = ("PatientID", "OtherPatientIDs", "AccessionNumber", "AdmissionID")
PLACES = ("InstitutionName", "InstitutionAddress", "PatientAddress")
BIRTH_DATE = "PatientBirthDate"
IDENTIFIERS = (*PATIENT_NAMES, *STAFF_NAMES, *NUMBERS, *PLACES, BIRTH_DATE)
"""Elements of a header that tell who a patient is, or who and where examined or sent the patient."""

_LONGEST = 120
_SEPARATOR = r"[\W_]*"
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
"""Kana, Han and Hangul: scripts whose words need no blank between them, and whose names have a sign or two."""

_SPELT_OUT = {"ß": "s", "æ": "a", "œ": "o", "ø": "o", "ł": "l", "đ": "d", "ı": "i"}
"""Letters without a decomposition, and the plain ones whose patterns fit them."""


_TERMS = frozenset(
    ("spine", "lumbar", "cervical", "thoracic", "lws", "hws", "bws", "lwk", "neck", "head", "brain", "neuro")
    + ("sag", "tra", "cor", "tse", "fse", "stir", "tirm", "flair", "dixon", "mri")
)
"""Words that stand for how and where an image was made, though a department may be called so."""

_SHORTEST_PLACE = 7  # letters of a place with a name of one word: of fewer, it may be a word on the image


def _patterns() -> dict[str, str]:
    """A pattern of each plain letter, which fits it with any mark too."""
    found = {letter: letter for letter in "abcdefghijklmnopqrstuvwxyz"}
    for letter in map(chr, (*range(0xC0, 0x250), *range(0x1E00, 0x1F00))):
        base = unicodedata.normalize("NFD", letter)[0].lower()
        if base in found:
            found[base] += letter.lower()
    others = {"a": "aæ", "o": "oøœ", "l": "lł", "d": "dđ", "i": "iı"}
    found = {letter: f"[{found[letter]}{others.get(letter, '')}]" for letter in found}
    found |= {"a": f"{found['a']}{{1,2}}e?", "o": f"{found['o']}e?", "u": f"{found['u']}e?", "s": f"(?:ß|{found['s']}{{1,2}})"}
    return found


_PATTERNS = _patterns()


def without_identifiers(value: str, dataset: Dataset) -> str:
    """A description on one line from which the values of :data:`IDENTIFIERS` are taken out, however they are spelt."""
    line = re.sub(r"[\s\x00-\x1f\x7f]+", " ", unicodedata.normalize("NFC", value)).strip()
    if not line:
        return ""
    patterns = {pattern for keyword in PATIENT_NAMES for name in texts(dataset, keyword) for pattern in _names(name, 2)}
    # Staff sign with two letters, which may be SE or FS and tell how an image was made.
    patterns |= {pattern for keyword in STAFF_NAMES for name in texts(dataset, keyword) for pattern in _names(name, 3)}
    patterns |= {pattern for keyword in NUMBERS for number in texts(dataset, keyword) for pattern in _number(number)}
    patterns |= {pattern for keyword in PLACES for place in texts(dataset, keyword) for pattern in _place(place)}
    for pattern in (*sorted(patterns, key=len, reverse=True), *_dates(text(dataset, BIRTH_DATE))):
        line = re.sub(pattern, "…", line, flags=re.IGNORECASE)
    return line[:_LONGEST]  # cut last: of a name that is cut, no pattern would find the rest


@lru_cache(maxsize=64)
def _names(name: str, least: int) -> frozenset[str]:
    """Patterns of each part of a name, and of two of them written as one word; PS3.5 6.2.1 has "^" and "=" between parts.

    :param least: letters of the shortest part that tells.
    """
    found = set()
    for group in name.split("="):
        parts = [
            part for part in re.split(r"[\s^,]+", group) if _tells(part, least) and not (least > 2 and part.lower() in _TERMS)
        ]
        found |= {_word(_spelt(part), part) for part in parts}
        for first, second in permutations(parts[:3], 2):
            found.add(_word(_spelt(first) + _SEPARATOR + _spelt(second), first + second))
    return frozenset(found)


def _tells(part: str, least: int) -> bool:
    """False for a single letter, two signs with a digit, such as T2 in the name of a phantom, and for a term in that of staff."""
    if least > 2 and part.lower() in _TERMS:
        return False
    return len(part) >= 3 or (len(part) == least and part.isalpha()) or _IDEOGRAPH.search(part) is not None


def _spelt(name: str) -> str:
    """A pattern of a name with or without marks on its letters: Müller, Mueller and Muller are one."""
    plain = "".join(_SPELT_OUT.get(letter, letter) for letter in unicodedata.normalize("NFC", name).lower())
    plain = "".join(letter for letter in unicodedata.normalize("NFD", plain) if not unicodedata.combining(letter))
    if not plain.isascii():
        return re.escape(name)
    plain = re.sub("(?<=[aou])e|(?<=a)a|(?<=s)s", "", plain)  # the patterns of these letters have them
    return "".join(_PATTERNS.get(letter, re.escape(letter)) for letter in plain)


def _number(number: str) -> list[str]:
    """The pattern of a number, whatever stands between its parts; none where it is too short to tell."""
    parts = re.findall(r"[^\W\d_]+|\d+", number)
    return [_word(_SEPARATOR.join(map(re.escape, parts)), number)] if sum(map(len, parts)) >= 3 else []


def _place(place: str) -> list[str]:
    """The pattern of a place as a whole: its words alone may be those of the image."""
    return _number(place) if len(re.findall(r"[^\W_]+", place)) > 1 or len(place) >= _SHORTEST_PLACE else []


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
