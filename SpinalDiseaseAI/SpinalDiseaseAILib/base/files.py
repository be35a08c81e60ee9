"""Files that are finished in a folder of their own and then moved in place.

On Windows a file that another program has open cannot be moved. Virus scanners and search indexes open every new file for a
moment, a spreadsheet keeps it open.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .folders_in_use import mark_in_use, remove_abandoned

_ACCESS_DENIED, _SHARING, _LOCKED = 5, 32, 33  # error codes of Windows
_PATIENCE = 2.0  # seconds that another program may take to let go of a file
_PAUSE = 0.05


def is_open_elsewhere(error: OSError) -> bool:
    """True if Windows says that another program has a file open."""
    return getattr(error, "winerror", None) in (_SHARING, _LOCKED)


@contextmanager
def work_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder in another one for the time of a block, for files that are moved out of it when they are finished.

    Unlike a temporary folder it has the rights of any folder there: on Windows files keep the rights of the folder that they were
    made in, and nobody but this user could open those from a temporary one. What a killed process left under the same prefix is
    removed first.

    :raises OSError: if it cannot be made.
    """
    remove_abandoned(parent.absolute(), prefix)
    folder = parent.absolute() / f"{prefix}{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        with mark_in_use(folder):  # closed before the folder is removed: Windows removes no open file
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move(source: Path, target: Path) -> None:
    """Move a file within a file system; one that is there already is replaced.

    :raises OSError: if it cannot be moved, on Windows after some patience with other programs.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError as error:
            # Windows denies access, too, to what is about to be deleted.
            passing = is_open_elsewhere(error) or getattr(error, "winerror", None) == _ACCESS_DENIED
            if not passing or time.monotonic() > until:
                raise
        time.sleep(_PAUSE)
