"""Paths with non-ASCII characters, for a library that cannot open them on Windows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from SpinalDiseaseAILib.base import plain_paths
from SpinalDiseaseAILib.base.plain_paths import plain_to_read, plain_to_write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose name has letters of two scripts."""
    path = tmp_path / "Rücken 腰椎"
    path.mkdir()
    return path


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program on an English Windows, on a drive without short names."""
    monkeypatch.setattr(plain_paths, "_code_page", lambda: 1252)
    monkeypatch.setattr(plain_paths, "_short_name", lambda path: path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


def test_outside_windows_a_path_stays_as_it_is(folder: Path) -> None:
    (folder / "a.nrrd").touch()
    with plain_to_read(folder / "a.nrrd") as read, plain_to_write(folder / "b.nrrd") as written:
        assert (read, written) == (str(folder / "a.nrrd"), str(folder / "b.nrrd"))


@pytest.mark.usefixtures("windows")
def test_in_slicer_whose_code_page_is_utf8_a_path_stays_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_paths, "_code_page", lambda: 65001)
    with plain_to_read(folder / "a.nrrd") as read, plain_to_write(folder / "b.nrrd") as written:
        assert (read, written) == (str(folder / "a.nrrd"), str(folder / "b.nrrd"))


@pytest.mark.usefixtures("windows")
def test_an_ascii_path_stays_as_it_is(tmp_path: Path) -> None:
    with plain_to_read(tmp_path / "a.nrrd") as read, plain_to_write(tmp_path / "b.nrrd") as written:
        assert (read, written) == (str(tmp_path / "a.nrrd"), str(tmp_path / "b.nrrd"))


@pytest.mark.usefixtures("windows")
def test_short_names_are_used_if_the_drive_has_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_paths, "_short_name", lambda path: path.encode("ascii", "replace").decode().replace("?", "~"))
    (folder / "é.nrrd").touch()
    with plain_to_read(folder / "é.nrrd") as read, plain_to_write(folder / "b.nrrd") as written:
        assert read.isascii() and written.isascii()
        assert Path(written).name == "b.nrrd"
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


@pytest.mark.usefixtures("windows")
def test_without_short_names_a_copy_is_read_and_removed_afterwards(folder: Path) -> None:
    (folder / "é t2.nii.gz").write_bytes(b"content")
    with plain_to_read(folder / "é t2.nii.gz") as name:
        assert name.isascii() and name.endswith("t2.nii.gz") and Path(name).read_bytes() == b"content"
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


@pytest.mark.usefixtures("windows")
def test_without_short_names_a_written_file_ends_up_at_its_own_path(folder: Path) -> None:
    with plain_to_write(folder / "masks.nii.gz") as name:
        assert name.isascii()
        Path(name).write_bytes(b"content")
    assert (folder / "masks.nii.gz").read_bytes() == b"content"
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


@pytest.mark.usefixtures("windows")
def test_an_error_of_the_library_is_passed_on_and_nothing_is_left_behind(folder: Path) -> None:
    with pytest.raises(RuntimeError), plain_to_write(folder / "masks.nii.gz"):
        raise RuntimeError
    assert list(folder.iterdir()) == list(Path(tempfile.gettempdir()).iterdir()) == []


@pytest.mark.usefixtures("windows")
def test_letters_that_make_the_temporary_folder_unusable_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    (folder / "é.nrrd").touch()
    with pytest.raises(OSError, match="letters ü椎腰"), plain_to_read(folder / "é.nrrd"):
        pass
