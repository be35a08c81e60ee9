"""Removal of identifiers from descriptions, where people write names, IDs and birth dates of patients, and names of staff."""

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
"""Elements of a header that identify the patient, or the persons and institutions that examined or referred the patient."""

_LONGEST = 120
_SEPARATOR = r"[\W_]*"
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
"""Kana, Han and Hangul: scripts without blanks between words, and with names of one or two characters."""

_SPELT_OUT = {"ß": "s", "æ": "a", "œ": "o", "ø": "o", "ł": "l", "đ": "d", "ı": "i"}
"""Letters without a decomposition, and the plain letters whose patterns match them."""


_TERMS = frozenset(
    ("spine", "lumbar", "cervical", "thoracic", "lws", "hws", "bws", "lwk", "neck", "head", "brain", "neuro")
    + ("sag", "tra", "cor", "tse", "fse", "stir", "tirm", "flair", "dixon", "mri")
)
"""Words that describe an image, although a department or a member of staff may have such a name."""

_SHORTEST_PLACE = 7  # letters of a place whose name is a single word; a shorter one may describe the image


def _patterns() -> dict[str, str]:
    """For each plain letter, a pattern that also matches it with any diacritic."""
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
    """A description on one line, without the values of :data:`IDENTIFIERS` in any spelling."""
    line = re.sub(r"[\s\x00-\x1f\x7f]+", " ", unicodedata.normalize("NFC", value)).strip()
    if not line:
        return ""
    patterns = {pattern for keyword in PATIENT_NAMES for name in texts(dataset, keyword) for pattern in _names(name, 2)}
    # Initials of staff may be SE or FS, which describe an image, so names of two letters are kept.
    patterns |= {pattern for keyword in STAFF_NAMES for name in texts(dataset, keyword) for pattern in _names(name, 3)}
    patterns |= {pattern for keyword in NUMBERS for number in texts(dataset, keyword) for pattern in _number(number)}
    patterns |= {pattern for keyword in PLACES for place in texts(dataset, keyword) for pattern in _place(place)}
    for pattern in (*sorted(patterns, key=len, reverse=True), *_dates(text(dataset, BIRTH_DATE))):
        line = re.sub(pattern, "…", line, flags=re.IGNORECASE)
    return line[:_LONGEST]  # truncated last: no pattern would match a truncated name


@lru_cache(maxsize=64)
def _names(name: str, least: int) -> frozenset[str]:
    """Patterns of each part of a name, and of two parts written as one word; "^" and "=" separate parts, PS3.5 6.2.1.

    :param least: smallest number of letters of a part that is removed.
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
    """False for a single letter, two characters with a digit (T2 in the name of a phantom), and terms in names of staff."""
    if least > 2 and part.lower() in _TERMS:
        return False
    return len(part) >= 3 or (len(part) == least and part.isalpha()) or _IDEOGRAPH.search(part) is not None


def _spelt(name: str) -> str:
    """A pattern that matches a name with or without diacritics: Müller, Mueller and Muller."""
    plain = "".join(_SPELT_OUT.get(letter, letter) for letter in unicodedata.normalize("NFC", name).lower())
    plain = "".join(letter for letter in unicodedata.normalize("NFD", plain) if not unicodedata.combining(letter))
    if not plain.isascii():
        return re.escape(name)
    plain = re.sub("(?<=[aou])e|(?<=a)a|(?<=s)s", "", plain)  # the patterns of the preceding letters include these
    return "".join(_PATTERNS.get(letter, re.escape(letter)) for letter in plain)


def _number(number: str) -> list[str]:
    """The pattern of a number with any separators; none if it is too short to identify anyone."""
    parts = re.findall(r"[^\W\d_]+|\d+", number)
    return [_word(_SEPARATOR.join(map(re.escape, parts)), number)] if sum(map(len, parts)) >= 3 else []


def _place(place: str) -> list[str]:
    """The pattern of a whole place name, because its single words may describe the image; none if it is too short."""
    return _number(place) if len(re.findall(r"[^\W_]+", place)) > 1 or len(place) >= _SHORTEST_PLACE else []


def _dates(birth_date: str) -> list[str]:
    """Patterns of a date YYYYMMDD in the usual orders, with or without separators and century."""
    if not re.fullmatch(r"\d{8}", birth_date):
        return []
    year = f"(?:{birth_date[:2]})?{birth_date[2:4]}"
    month, day = (f"0?{int(part)}" for part in (birth_date[4:6], birth_date[6:]))
    return [_word(_SEPARATOR.join(order), birth_date) for order in ((year, month, day), (day, month, year), (month, day, year))]


def _word(pattern: str, written: str) -> str:
    """A pattern that matches only whole words; in a script without blanks, two or more characters match anywhere."""
    if len(written) >= 2 and _IDEOGRAPH.search(written):
        return pattern
    return rf"(?<![^\W_]){pattern}(?![^\W_])"
