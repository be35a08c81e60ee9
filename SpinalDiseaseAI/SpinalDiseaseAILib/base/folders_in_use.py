"""Folders that are always removed: by the process that made them or, if it was killed, by the next one that makes one there.

A folder holds a lock file that its owner keeps locked. The operating system releases the lock when the owner ends, however it
ends, so a later process can distinguish a folder in use from an abandoned one.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt

    def _lock_file(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _is_own(found: os.stat_result) -> bool:
        return True  # the lock is enough: on Windows every user has their own temporary folder
else:
    import fcntl

    def _lock_file(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _is_own(found: os.stat_result) -> bool:
        return found.st_uid == os.getuid()


_LOCK = "in-use"
_YOUNG = 10.0  # seconds for which a folder without a held lock may still be in the making
_CLAIM = ".in-use"
_TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # another process holds the lock; other errors mean that there are no locks


def _try_lock(file: IO[bytes]) -> bool:
    try:
        _lock_file(file)
    except OSError:
        return False
    return True


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


@contextmanager
def claimed(folder: Path) -> Iterator[bool]:
    """Hold a folder against other processes while a block runs. It stays, unlike the other folders here.

    :returns: False if another process holds it. On a file system without locks, always True.
    :raises OSError: if nothing can be written there.
    """
    path = folder / _CLAIM
    with path.open("ab") as file:
        try:
            _lock_file(file)
            # The process that held it before removes the file: the lock on a file that is gone holds nothing.
            free = path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
        except OSError as error:
            free = error.errno not in _TAKEN
        try:
            yield free
        finally:
            if free:
                with suppress(OSError):  # Windows cannot remove an open file: it stays, unlocked
                    path.unlink()
