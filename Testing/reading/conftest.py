"""Folders of small DICOM studies."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from dicom_files import series, write

from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.reading import open_study


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's temporary folder, empty at the start of each test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    made = tmp_path / "study"
    made.mkdir()
    return made


@pytest.fixture
def plain_study(tmp_path: Path) -> Study:
    """The study of the plain sagittal T2 series, to compare with."""
    write(series(), tmp_path / "plain")
    return open_study([tmp_path / "plain"])
