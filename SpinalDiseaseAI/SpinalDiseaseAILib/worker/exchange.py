"""Temporary folders that carry a study from client to worker, and masks back."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..base.errors import ComputeError
from ..base.json_io import write_study
from ..base.study import Study
from ..base.temporary_folders import TemporaryFolder


class ExchangeFolder(TemporaryFolder):
    """A folder for files exchanged between the processes."""

    def __init__(self) -> None:
        """Create the folder.

        :raises ComputeError: if it cannot be created.
        """
        try:
            super().__init__()
        except OSError as error:
            raise _unwritable(error) from error


class StudyFiles(ExchangeFolder):
    """A study written to a temporary folder."""

    def __init__(self, study: Study) -> None:
        """Write the study.

        :raises ComputeError: if the temporary folder cannot be written or is full.
        """
        super().__init__()
        try:
            self.path: Path = write_study(study, self.folder)
        except OSError as error:
            self.remove()
            raise _unwritable(error) from error
        except BaseException:
            self.remove()
            raise


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
