"""Folders and archives: every file found, nothing left behind, nothing written elsewhere."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from dicom_files import series, write

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.reading import gathering, list_series, open_study


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A ZIP archive of the plain study, with its files in folders of arbitrary names."""
    paths = write(series(), tmp_path / "files")
    made = tmp_path / "Etude é 1.zip"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for number, path in enumerate(paths):
            target.write(path, f"DICOM/Sérié {number % 2}/{number}")
        target.writestr("DICOM/", "")
        target.writestr("__MACOSX/._0", "junk")
    return made


def test_an_archive_opens_like_its_folder_and_what_was_unpacked_is_removed(
    archive: Path, temporary_folder: Path, plain_study: Study
) -> None:
    before = sorted(archive.parent.rglob("*"))
    study = open_study([archive])
    assert study.primary.identity() == plain_study.primary.identity()
    assert np.all(study.primary.image.voxels[0] == plain_study.primary.image.voxels[0])
    assert list(temporary_folder.iterdir()) == [] and sorted(archive.parent.rglob("*")) == before
    assert len(list_series([archive]).used) == 1


def test_members_whose_names_lead_out_of_the_archive_are_read_but_not_written_elsewhere(
    tmp_path: Path, temporary_folder: Path
) -> None:
    paths = write(series(), tmp_path / "files")
    evil = tmp_path / "evil.zip"
    names = ["../../outside.dcm", "/absolute.dcm", "..", "a/..", "C:\\outside.dcm", "same.dcm", "x/same.dcm", "a:b?.dcm", "ok"]
    with zipfile.ZipFile(evil, "w") as target:
        for name, path in zip(names, paths, strict=True):
            target.writestr(name, path.read_bytes())
    before = {path for path in tmp_path.rglob("*") if temporary_folder not in path.parents}
    assert open_study([evil]).primary.image.voxels.shape[0] == len(names)
    assert {path for path in tmp_path.rglob("*") if temporary_folder not in path.parents} == before
    assert list(temporary_folder.iterdir()) == []


def test_an_archive_that_unpacks_to_too_much_is_refused(
    archive: Path, temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MAXIMUM_UNPACKED_BYTES", 20_000)
    with pytest.raises(InputError) as error:
        open_study([archive])
    assert error.value.code == "archive-too-large" and list(temporary_folder.iterdir()) == []


def test_a_damaged_archive_is_refused_and_leaves_nothing(archive: Path, temporary_folder: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[len(content) // 2 - 50 : len(content) // 2] = bytes(50)
    archive.write_bytes(content)
    with pytest.raises(InputError, match=r"is damaged and cannot be unpacked") as error:
        open_study([archive])
    assert error.value.code == "bad-archive" and list(temporary_folder.iterdir()) == []


def test_a_truncated_archive_is_refused(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(InputError) as error:
        open_study([archive])
    assert error.value.code == "bad-archive"


def test_an_encrypted_archive_is_named_as_such(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(signature, at + 4)
    archive.write_bytes(content)
    with pytest.raises(InputError, match="is encrypted"):
        open_study([archive])


def test_an_archive_inside_a_folder_is_not_opened_without_request(archive: Path, folder: Path) -> None:
    archive.rename(folder / "study.zip")
    with pytest.raises(InputError) as error:
        open_study([folder])
    assert error.value.code == "no-images"


def test_nested_folders_are_searched_and_hidden_files_skipped(folder: Path, plain_study: Study) -> None:
    write(series(), folder / "a" / "b" / "c")
    (folder / ".hidden.dcm").write_bytes(bytes(128) + b"DICM")
    assert open_study([folder]).primary.identity() == plain_study.primary.identity()


def test_a_file_given_twice_is_read_once(folder: Path) -> None:
    paths = write(series(), folder)
    study = open_study([folder, *paths])
    assert "duplicate-instances" not in {note.code for note in study.notes}


def test_a_full_disk_is_named_and_leaves_nothing(archive: Path, temporary_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(InputError, match="No space left on device") as error:
        open_study([archive])
    assert error.value.code == "unpacking" and list(temporary_folder.iterdir()) == []


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_a_volume_of_two_files_opens_from_an_archive_too(folder: Path, tmp_path: Path, plain_study: Study, suffix: str) -> None:
    voxels = SimpleITK.GetImageFromArray(np.ascontiguousarray(plain_study.primary.image.voxels.transpose(2, 1, 0)))
    voxels.SetSpacing([4.0, 4.0, 4.0])
    SimpleITK.WriteImage(voxels, str(folder / f"spine{suffix}"))
    packed = tmp_path / "volume.zip"
    with zipfile.ZipFile(packed, "w") as target:
        for path in folder.iterdir():
            target.write(path, f"study/{path.name}")
    assert np.array_equal(open_study([packed]).primary.image.voxels, open_study([folder]).primary.image.voxels)


def test_an_archive_that_contains_only_an_archive_is_refused_with_advice(archive: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w") as target:
        target.write(archive, "study.zip")
    with pytest.raises(InputError, match="unpack it, or give its own path") as error:
        open_study([outer])
    assert error.value.code == "no-images"


def test_links_to_folders_are_not_followed_and_counted(folder: Path, tmp_path: Path, plain_study: Study) -> None:
    write(series(), folder)
    (folder / "loop").symlink_to(folder)
    (folder / "gone.dcm").symlink_to(tmp_path / "nowhere")
    study = open_study([folder])
    assert study.primary.identity() == plain_study.primary.identity()
    assert next(note for note in study.notes if note.code == "links-left-out").text.endswith(": 2.")


def test_a_folder_of_nothing_but_links_is_not_called_empty(folder: Path, tmp_path: Path) -> None:
    (folder / "study").symlink_to(tmp_path)
    with pytest.raises(InputError, match="Give the folder that the link points to") as error:
        open_study([folder])
    assert error.value.code == "empty-folder" and "is empty" not in str(error.value)


def test_a_path_that_is_too_long_is_reported_as_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file or folder") as error:
        open_study([tmp_path / ("a" * 300)])
    assert error.value.code == "missing-path"


def test_a_path_without_permission_is_reported_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = os.stat

    def refuse(path: object, *arguments: object, **options: object) -> os.stat_result:
        if str(path).endswith("private"):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *arguments, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(InputError, match="There is no permission to open") as error:
        open_study([tmp_path / "private"])
    assert error.value.code == "closed-path"


def test_a_folder_that_cannot_be_opened_is_reported_and_never_called_empty(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = folder / "closed"
    closed.mkdir()
    scandir = os.scandir

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match="folders without read permission: 1"):
        open_study([folder])
    write(series(), folder)
    assert "closed" in next(note for note in list_series([folder]).notes if note.code == "unreadable-files").text
