"""Folders that are removed in any case: by their maker, or, where it was killed, by the next process that makes one there.

A folder holds a lock file that its maker keeps locked. The operating system releases the lock when the maker ends, however it
ends, so that any later process can tell a folder that is in use from one that was left behind.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
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
        return True  # the lock in it is enough: the temporary folder of Windows is the user's own
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


_LOCK = "in-use"
_YOUNG = 10.0  # seconds in which a folder without a held lock may still be one that is just being made


def mark_in_use(folder: Path) -> IO[bytes]:
    """Mark a new folder as in use until the returned file is closed, or this process ends.

    :raises OSError: if the mark cannot be written.
    """
    lock = (folder / _LOCK).open("wb")
    _try_lock(lock)  # a file system without locks: the folder is then never taken for abandoned
    return lock


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove the folders of a prefix that processes of this user marked and did not remove.

    Folders that bear no mark, are in use or belong to another user stay.
    """
    for folder in parent.glob(f"{prefix}*"):
        try:
            # Where many users share a folder, one of them may have put a link of this name there, or a folder whose lock file is
            # a link or a pipe that nobody writes to.
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or not _is_own(found) or time.time() - found.st_mtime < _YOUNG:
                continue
            with (folder / _LOCK).open("r+b") as lock:
                abandoned = _try_lock(lock)
        except OSError:  # no mark, or another process was faster
            continue
        if abandoned:
            shutil.rmtree(folder, ignore_errors=True)
