"""Unpacks untrusted scene files so that they neither write elsewhere nor refer to other files of this computer."""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

from ..base.errors import InputError

MAXIMUM_UNPACKED_BYTES = 4 * 2**30
MAXIMUM_DESCRIPTION_BYTES = 64 * 2**20
"""Maximum size of the scene's XML."""


def unpackScene(path: Path, folder: Path) -> Path:
    """Unpack a scene file. Names that lead out of the folder stay within it, and links become plain files.

    :param path: an ``.mrb`` file.
    :param folder: an empty folder for the contents.
    :returns: the ``.mrml`` file of the scene.
    :raises InputError: if it is not such a file, is too large, or refers to files outside the archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAXIMUM_UNPACKED_BYTES:
                raise _refused(path, f"holds more than {MAXIMUM_UNPACKED_BYTES // 2**30} GB")
            archive.extractall(folder)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, zlib.error) as error:
        raise _refused(path, "cannot be read") from error
    found = sorted(folder.rglob("*.mrml"))
    if len(found) != 1:
        raise _refused(path, "cannot be read")
    _checkReferences(path, found[0])
    return found[0]


def _checkReferences(path: Path, description: Path) -> None:
    if description.stat().st_size > MAXIMUM_DESCRIPTION_BYTES:
        raise _refused(path, f"has a description of more than {MAXIMUM_DESCRIPTION_BYTES // 2**20} MB")
    content = description.read_bytes()
    if b"<!ENTITY" in content:  # Slicer writes none, and a few lines can expand to gigabytes
        raise _refused(path, "cannot be read")
    try:
        elements = list(ElementTree.fromstring(content).iter())
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise _refused(path, "cannot be read") from error
    named = (value for item in elements for key, value in item.attrib.items() if "file" in key.lower())
    if any(_leadsOut(unquote(name), description.parent) for name in named):
        raise _refused(path, "names files outside of it")


def _leadsOut(name: str, folder: Path) -> bool:
    """True for an existing file elsewhere; a missing one does no harm, and files on other computers are not accessed."""
    if name.startswith(("//", "\\\\")):
        return True
    try:
        place = os.path.normpath(folder / name)
        return not Path(place).is_relative_to(folder) and os.path.isfile(place)
    except ValueError:
        return True


def _refused(path: Path, what: str) -> InputError:
    return InputError(f"The scene {path} {what}.", "An .mrb file of 3D Slicer is needed.", code="scene")
