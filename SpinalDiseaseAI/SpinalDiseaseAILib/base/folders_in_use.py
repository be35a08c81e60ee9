"""Folders that are always removed: by the process that made them or, if it was killed, by the next one that makes one there.

A folder holds a lock file that its owner keeps locked. The operating system releases the lock when the owner ends, however it
ends, so a later process can distinguish a folder in use from an abandoned one.
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
        return True  # the lock is enough: on Windows every user has their own temporary folder
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
_YOUNG = 10.0  # seconds for which a folder without a held lock may still be in the making


def mark_in_use(folder: Path) -> IO[bytes]:
    """Mark a new folder as in use until the returned file is closed or this process ends.

    :raises OSError: if the mark cannot be written.
    """
    lock = (folder / _LOCK).open("wb")
    _try_lock(lock)  # may fail on a file system without locks: the folder is then never considered abandoned
    return lock


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove the folders with a prefix that processes of this user marked but did not remove.

    Folders that have no mark, are in use or belong to another user stay.
    """
    for folder in parent.glob(f"{prefix}*"):
        try:
            # In a folder shared by many users, one of them may have placed a link of this name, or a folder whose lock file is a
            # link or a pipe that nobody writes to.
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or not _is_own(found) or time.time() - found.st_mtime < _YOUNG:
                continue
            with (folder / _LOCK).open("r+b") as lock:
                abandoned = _try_lock(lock)
        except OSError:  # no mark, or another process was faster
            continue
        if abandoned:
            shutil.rmtree(folder, ignore_errors=True)
