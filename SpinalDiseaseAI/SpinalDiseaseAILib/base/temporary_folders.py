"""Temporary folders for patient images: only this user can read them, and they are never left behind."""

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
        """Create the folder.

        :raises OSError: if it cannot be created.
        """
        # Removed when the interpreter ends at the latest; what fails there is left to remove_stale.
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
        """Remove the folder; nothing happens if it is already gone."""
        if self._lock is not None:
            self._lock.close()  # first: Windows cannot remove an open file
        self._folder.cleanup()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A temporary folder that exists while a block runs; files still open in a virus scanner are left to the next process.

    :raises OSError: if it cannot be created.
    """
    made = TemporaryFolder()
    try:
        yield made.folder
    finally:
        made.remove()


def remove_stale() -> None:
    """Remove folders that processes of this user left behind."""
    try:
        temporary = Path(tempfile.gettempdir())
    except OSError:  # there is none: reported when a folder is created in it
        return
    remove_abandoned(temporary, PREFIX)
