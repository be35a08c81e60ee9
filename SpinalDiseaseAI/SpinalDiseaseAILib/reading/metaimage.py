"""A check that the MetaImage reader lacks: it writes out of bounds if a header states too many dimensions.

Field names: https://docs.itk.org/en/latest/learn/metaio.html.
"""

from __future__ import annotations

import re
from pathlib import Path

from .volume_errors import unreadable

_HEADER_BYTES = 1 << 16
_MOST_DIMENSIONS = 10  # that the reader has room for


def check_metaimage(path: Path) -> None:
    """Refuse a MetaImage file whose number of dimensions is missing or too large.

    :raises InputError: if it is, or the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        raise unreadable(path) from error
    stated = re.findall(rb"NDims\s*[=:]\s*(\d+)", header.partition(b"ElementDataFile")[0])
    if not stated or any(int(number) > _MOST_DIMENSIONS for number in stated):
        raise unreadable(path)
