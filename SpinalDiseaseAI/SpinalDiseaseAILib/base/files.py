"""Files that are completed in a work folder and then moved into place.

On Windows, a file that another program has open cannot be moved. Virus scanners and search indexers open every new file for a
moment; a spreadsheet program keeps it open.
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

_ACCESS_DENIED, _SHARING, _LOCKED = 5, 32, 33  # Windows error codes
_PATIENCE = 2.0  # seconds that another program may take to close a file
_PAUSE = 0.05


def is_open_elsewhere(error: OSError) -> bool:
    """True if Windows reports that another program has the file open."""
    return getattr(error, "winerror", None) in (_SHARING, _LOCKED)


@contextmanager
def work_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new subfolder that exists while a block runs, for files that are moved out of it when they are complete.

    Unlike a temporary folder it has the usual permissions of its parent: on Windows, files keep the permissions of the folder
    they were created in, so only this user could open files from a temporary one. Folders that killed processes left under the
    same prefix are removed first.

    :raises OSError: if it cannot be created.
    """
    remove_abandoned(parent.absolute(), prefix)
    folder = parent.absolute() / f"{prefix}{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        with mark_in_use(folder):  # closed before the folder is removed: Windows cannot remove an open file
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move(source: Path, target: Path) -> None:
    """Move a file within a file system, replacing the target if it exists.

    :raises OSError: if it cannot be moved; on Windows only after retries, in case another program has it open for a moment.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError as error:
            # Windows also denies access to a file that is about to be deleted.
            passing = is_open_elsewhere(error) or getattr(error, "winerror", None) == _ACCESS_DENIED
            if not passing or time.monotonic() > until:
                raise
        time.sleep(_PAUSE)
