"""Temporary folders that hold images of a patient: only this user can read them, and they are never left behind.

A folder holds a lock file that its maker keeps locked. The operating system lets go of the lock when the maker ends, however it
ends, so that any later process can tell a folder that is in use from one that was left.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _is_own(found: os.stat_result) -> bool:
        return True  # the temporary folder of Windows is the user's own
else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _is_own(found: os.stat_result) -> bool:
        return found.st_uid == os.getuid()


PREFIX = "spinal-disease-ai-study-"
_LOCK = "in-use"
_YOUNG = 10.0  # seconds in which a folder without a held lock may still be one that is just being made


class TemporaryFolder:
    """A temporary folder that only this user can read, marked as in use until it is removed."""

    def __init__(self) -> None:
        """Make the folder.

        :raises OSError: if there is none to be made.
        """
        # Removed at the latest when the interpreter ends; errors there are left to remove_stale.
        self._folder = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
        self._lock: IO[bytes] | None = None
        try:
            self._lock = (self.folder / _LOCK).open("wb")
            _try_lock(self._lock)
        except OSError:
            self.remove()
            raise

    @property
    def folder(self) -> Path:
        """Its path."""
        return Path(self._folder.name)

    def remove(self) -> None:
        """Remove the folder; nothing happens if it is gone already."""
        if self._lock is not None:
            self._lock.close()  # first: Windows removes no open file
        self._folder.cleanup()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A temporary folder for the time of a block; what a virus scanner does not let go at its end is left to the next process.

    :raises OSError: if there is none to be made.
    """
    made = TemporaryFolder()
    try:
        yield made.folder
    finally:
        made.remove()


def remove_stale() -> None:
    """Remove the folders of processes of this user that ended without removing them."""
    try:
        temporary = Path(tempfile.gettempdir())
    except OSError:  # there is none: told once a folder is to be made in it
        return
    for folder in temporary.glob(f"{PREFIX}*"):
        try:
            # Where many users share the temporary folder, one of them may have put a link of this name there, or a folder whose
            # lock file is a link or a pipe that nobody writes to.
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or not _is_own(found) or time.time() - found.st_mtime < _YOUNG:
                continue
            with (folder / _LOCK).open("ab") as lock:
                stale = _try_lock(lock)
        except OSError:  # another process was faster
            continue
        if stale:
            shutil.rmtree(folder, ignore_errors=True)
