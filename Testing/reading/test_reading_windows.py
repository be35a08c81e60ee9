"""Reading on Windows: names that it does not allow, files that it does not release, paths that a library cannot open."""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import SimpleITK
from test_reading_volumes import save

from SpinalDiseaseAILib.base import plain_paths
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.reading import open_study
from SpinalDiseaseAILib.reading.gathering import gathered


@pytest.fixture
def library_of_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """SimpleITK as on an English Windows, on a drive without short names."""
    read = SimpleITK.ReadImage

    def read_ascii(name: str, *arguments: Any) -> Any:
        if not name.isascii():
            raise RuntimeError(f"The file {name} does not exist.")
        return read(name, *arguments)

    monkeypatch.setattr(SimpleITK, "ReadImage", read_ascii)
    monkeypatch.setattr(plain_paths, "_code_page", lambda: 1252)
    monkeypatch.setattr(plain_paths, "_short_name", lambda path: path)


@pytest.mark.usefixtures("library_of_ascii")
@pytest.mark.parametrize("name", ["Rücken.nii.gz", "腰椎.nrrd", "спина t2.mha"])
def test_a_volume_is_read_whatever_its_name(tmp_path: Path, plain_study: Study, name: str) -> None:
    plain = save(plain_study.primary.image, tmp_path / f"plain{name[name.index('.') :]}")
    (tmp_path / "Müller").mkdir()
    study = open_study([plain.rename(tmp_path / "Müller" / name)])
    assert study.primary.image.voxels.shape == plain_study.primary.image.voxels.shape
    assert study.primary.image.voxels.max() == plain_study.primary.image.voxels.max()


@pytest.mark.usefixtures("library_of_ascii")
def test_a_volume_that_cannot_be_opened_by_any_path_is_refused_with_the_letters(
    tmp_path: Path, plain_study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(plain_study.primary.image, tmp_path / "plain.nrrd").rename(tmp_path / "腰椎.nrrd")
    (tmp_path / "Müller").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "Müller"))
    with pytest.raises(InputError, match="letters ü on this computer"):
        open_study([path])


@pytest.mark.parametrize(
    ("member", "kept"),
    [
        ("nul", "_nul"),
        ("CON.dcm", "_CON.dcm"),
        ("aux.nii.gz", "_aux.nii.gz"),
        ("COM1", "_COM1"),
        ("IM0001.", "IM0001"),
        ("IM0001 ", "IM0001"),
        ("console.dcm", "console.dcm"),
        ("...", "file"),
    ],
)
def test_members_of_an_archive_get_names_that_windows_allows(tmp_path: Path, member: str, kept: str) -> None:
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.writestr(f"study/{member}", b"content")
    with gathered([tmp_path / "study.zip"]) as files:
        assert [path.name for path in files.files] == [kept]
        assert files.files[0].read_bytes() == b"content"


def test_members_whose_names_differ_by_case_or_a_dot_are_all_kept(tmp_path: Path) -> None:
    names = ["IM1", "im1", "IM1."]
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for name in names:
            archive.writestr(name, name)
    with gathered([tmp_path / "study.zip"]) as files:
        assert [path.read_text() for path in files.files] == names


def test_a_file_that_a_scanner_keeps_open_does_not_prevent_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.writestr("IM1", b"content")

    def refuse(path: object, *arguments: object, **options: object) -> None:
        raise OSError(13, "The process cannot access the file")

    with gathered([tmp_path / "study.zip"]) as files:
        assert files.files[0].read_bytes() == b"content"
        monkeypatch.setattr("os.unlink", refuse)


def test_a_junction_is_not_followed_and_counts_as_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "study" / "junction").mkdir(parents=True)
    (tmp_path / "study" / "IM1").touch()
    (tmp_path / "study" / "junction" / "IM2").touch()
    monkeypatch.setattr(os.path, "isjunction", lambda path: Path(path).name == "junction", raising=False)
    with gathered([tmp_path / "study"]) as files:
        assert [path.name for path in files.files] == ["IM1"]
        assert [path.name for path in files.links] == ["junction"]
