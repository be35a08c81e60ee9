"""Paths for SimpleITK, which on Windows can open only paths whose characters survive the code page of the program.

It passes every path on as UTF-8, which Windows decodes with the code page: https://github.com/SimpleITK/SimpleITK/issues/795.
The remedy is the short name that Windows gives files on most drives, and always on the system drive.
"""

from __future__ import annotations

import ctypes
import errno
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .temporary_folders import temporary_folder

_UTF8 = 65001  # number of the code page


@contextmanager
def plain_to_read(path: Path) -> Iterator[str]:
    """A path by which SimpleITK can read a file: its own, its short one, or that of a copy that exists while the block runs.

    :raises OSError: if there is none.
    """
    name = _plain(path)
    if name is not None:
        yield name
        return
    with _plain_folder() as (folder, plain):
        copy = re.sub(r"[^ -~]", "_", path.name)
        shutil.copyfile(path, folder / copy)
        yield str(Path(plain, copy))


@contextmanager
def plain_to_write(path: Path) -> Iterator[str]:
    """A path by which SimpleITK can write a file; after the block, the file is at ``path``.

    :param path: the last part must be ASCII.
    :raises OSError: if there is none, or the file cannot be copied to ``path``.
    """
    parent = _plain(path.parent)
    if parent is not None:
        yield str(Path(parent, path.name))
        return
    with _plain_folder() as (folder, plain):
        yield str(Path(plain, path.name))
        shutil.copyfile(folder / path.name, path)


@contextmanager
def _plain_folder() -> Iterator[tuple[Path, str]]:
    with temporary_folder() as folder:
        plain = _plain(folder)
        if plain is None:
            letters = "".join(sorted({letter for letter in str(folder) if not letter.isascii()}))
            raise OSError(errno.EINVAL, f"SimpleITK cannot open paths with the letters {letters} on this computer")
        yield folder, plain


def _plain(path: Path) -> str | None:
    """The path of an existing file or folder in a form that SimpleITK can open; None if there is none."""
    name = str(path)
    if name.isascii() or _code_page() == _UTF8:
        return name
    short = _short_name(name)
    return short if short.isascii() and short else None


def _code_page() -> int:
    """Number of the code page that libraries expect paths in: UTF-8, except in most Windows programs; Slicer uses UTF-8."""
    if sys.platform == "win32":
        return int(ctypes.windll.kernel32.GetACP())
    return _UTF8


def _short_name(path: str) -> str:
    """The short name that Windows gave to a file; empty or the path itself if there is none."""
    buffer = ctypes.create_unicode_buffer(32768)
    if sys.platform == "win32":
        ctypes.windll.kernel32.GetShortPathNameW(path, buffer, len(buffer))
    return buffer.value
