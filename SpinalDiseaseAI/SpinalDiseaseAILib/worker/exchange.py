"""Temporary folders that carry a study from client to worker and masks back, and are never left behind.

A folder holds a lock file that its client keeps locked. The operating system lets go of the lock when the client ends, however it
ends, so that any later client can tell a folder that is in use from one that was left.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from ..base.errors import ComputeError
from ..base.json_io import write_study
from ..base.study import Study

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


PREFIX = "spinal-disease-ai-study-"
_LOCK = "in-use"
_YOUNG = 10.0  # seconds in which a folder without a held lock may still be one that is just being made


class ExchangeFolder:
    """A temporary folder that only this user can read, marked as in use until it is removed."""

    def __init__(self) -> None:
        """Make the folder.

        :raises ComputeError: if there is none to be made.
        """
        try:
            # Removed at the latest when the interpreter ends; errors there are left to remove_stale.
            self._folder = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
        except OSError as error:
            raise _unwritable(error) from error
        self._lock: IO[bytes] | None = None
        try:
            self._lock = (self.folder / _LOCK).open("wb")
            _try_lock(self._lock)
        except OSError as error:
            self.remove()
            raise _unwritable(error) from error

    @property
    def folder(self) -> Path:
        """Its path."""
        return Path(self._folder.name)

    def remove(self) -> None:
        """Remove the folder; nothing happens if it is gone already."""
        if self._lock is not None:
            self._lock.close()  # first: Windows removes no open file
        self._folder.cleanup()


class StudyFiles(ExchangeFolder):
    """A study written to a temporary folder."""

    def __init__(self, study: Study) -> None:
        """Write the study.

        :raises ComputeError: if the temporary folder cannot be written or is full.
        """
        super().__init__()
        try:
            self.path = write_study(study, self.folder)
        except OSError as error:
            self.remove()
            raise _unwritable(error) from error
        except BaseException:
            self.remove()
            raise


def remove_stale() -> None:
    """Remove the folders that clients left which ended without removing them."""
    try:
        temporary = Path(tempfile.gettempdir())
    except OSError:  # there is none: told once a folder is to be made in it
        return
    for folder in temporary.glob(f"{PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime < _YOUNG:
                continue
            with (folder / _LOCK).open("ab") as lock:
                stale = _try_lock(lock)
        except OSError:  # another user's, or another client was faster
            continue
        if stale:
            shutil.rmtree(folder, ignore_errors=True)


def _unwritable(error: OSError) -> ComputeError:
    reason = error.strerror or type(error).__name__
    try:
        found = f"The temporary folder {tempfile.gettempdir()} cannot be written: {reason}."
    except OSError:
        found = f"There is no temporary folder that can be written: {reason}."
    return ComputeError(
        found,
        "Images and masks are passed between processes through it.",
        "Free space there, or set TMPDIR to another folder.",
        code="temporary-folder",
    )
