"""Headers of volumes that name other files for their voxels: NRRD (``data file``) and MetaImage (``ElementDataFile``).

An untrusted header must not refer to a file elsewhere on this computer, whose content would then be shown as an image, or to a
device that never ends. Sources: https://teem.sourceforge.net/nrrd/format.html,
https://docs.itk.org/en/latest/learn/metaio.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from ..base.errors import InputError

_HEADER_BYTES = 1 << 20
_NRRD_FIELD = re.compile(r"data ?file:\s*(.*)", re.IGNORECASE)
_META_FIELD = re.compile(r"\s*ElementDataFile\s*[=:]\s*(.*)", re.IGNORECASE)


def check_data_files(path: Path) -> None:
    """Refuse a header that names a file outside its own folder.

    :param path: of an NRRD or MetaImage file.
    :raises InputError: if it does.
    :raises OSError: if it cannot be opened.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES).decode("latin-1")
    lines = re.split(r"\r\n|\r|\n", header)
    named = _of_nrrd(lines) if header.startswith("NRRD") else _of_metaimage(lines)
    outside = next((name for name in named if not _is_inside(name)), None)
    if outside is not None:
        raise InputError(
            f"The header {path.name} refers to a data file in another folder.",
            "Both should be in one folder.",
            "Put them there, and name the data file in the header without a folder.",
            code="foreign-data-file",
        )


def _of_nrrd(lines: list[str]) -> Iterator[str]:
    for index, line in enumerate(lines):
        if not line:  # the header ends here
            return
        if field := _NRRD_FIELD.fullmatch(line):
            yield field[1]
            if field[1].upper().startswith("LIST"):
                yield from lines[index + 1 :]
                return


def _of_metaimage(lines: list[str]) -> Iterator[str]:
    for index, line in enumerate(lines):
        if field := _META_FIELD.match(line):
            yield field[1]
            if field[1].upper().startswith("LIST"):
                yield from lines[index + 1 :]
                return
            if field[1].strip().upper() == "LOCAL":  # voxels follow
                return


def _is_inside(name: str) -> bool:
    """True if a name refers to a file in the folder of the header or below, on any operating system."""
    text = name.strip()
    return not any(kind(text).anchor or ".." in kind(text).parts for kind in (PurePosixPath, PureWindowsPath))
