"""Temporary folders that hold images of a patient: only this user can read them, and they are never left behind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .folders_in_use import mark_in_use, remove_abandoned

PREFIX = "spinal-disease-ai-study-"


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
            self._lock = mark_in_use(self.folder)
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
    remove_abandoned(temporary, PREFIX)
