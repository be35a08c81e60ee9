"""Every study of an archive: found once, wherever its files lie, under a name that reveals nothing."""

from __future__ import annotations

import os
import shutil
import zipfile
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from dicom_files import T1, series, uid, write
from PIL import Image as Picture

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.reading import identity, opened_study, studies
from SpinalDiseaseAILib.reading.studies import FoundStudy, find_studies


def volume(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(np.random.default_rng(0).integers(1, 200, (5, 60, 40)).astype(np.int16))
    image.SetSpacing((4.0, 4.0, 4.0))
    image.SetDirection((0, 0, 1, 1, 0, 0, 0, -1, 0))
    SimpleITK.WriteImage(image, str(path))
    return path


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.new("L", (64, 64)).save(path)
    return path


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as target:
        for file in sorted(folder.rglob("*.*")):
            target.write(file, file.relative_to(folder).as_posix())
    return path


def only(*paths: Path) -> FoundStudy:
    (study,) = find_studies(paths).studies
    return study


def opened(found: FoundStudy) -> AbstractContextManager[tuple[Study, dict[Path, tuple[int, ...]]]]:
    return opened_study([Path(path) for path in found.paths], key=found.key)


def test_each_dicom_study_is_found_once_with_all_its_files(folder: Path) -> None:
    write(series(patient="one"), folder / "a" / "t2")
    write(series("t1", patient="one"), folder / "a" / "t1", prefix="other")
    write(series(patient="two", study="first"), folder / "b")
    write(series(patient="two", study="second"), folder / "b", prefix="second")
    (folder / "b" / "letter.txt").write_text("not an image")
    found = find_studies([folder])
    assert [(item.source, item.files, len(item.paths)) for item in found.studies] == [
        ("study/a", 18, 18),
        ("study/b", 9, 9),
        ("study/b", 9, 9),
    ]
    assert len({item.name for item in found.studies}) == 3
    assert (found.others, found.unreadable, found.links) == (1, 0, 0)


def test_a_study_that_is_spread_over_folders_and_archives_is_one(folder: Path) -> None:
    write(series("t2"), folder / "x" / "one")
    write(series("t1", **T1), folder / "y" / "two", prefix="other")
    zipped(folder / "y", folder / "y.zip")
    shutil.rmtree(folder / "y")
    study = only(folder)
    assert (study.source, study.files, len(study.paths)) == ("study", 18, 10)
    with opened(study) as (it, files):
        assert len(it.series) == 2 and len(files) == 18


def test_two_patients_with_the_same_study_uid_are_two_studies(folder: Path) -> None:
    same = {"StudyInstanceUID": uid("everyone")}
    write(series(patient="one", **same), folder / "a")
    write(series(patient="two", **same), folder / "b")
    found = find_studies([folder]).studies
    assert [item.source for item in found] == ["study/a", "study/b"] and len({item.name for item in found}) == 2


def test_files_without_a_study_uid_are_grouped_by_folder(folder: Path) -> None:
    for name in ("a", "b"):
        write(series(name, StudyInstanceUID=""), folder / name)
    found = find_studies([folder]).studies
    assert [item.source for item in found] == ["study/a", "study/b"] and len({item.name for item in found}) == 2


def test_only_the_named_study_of_an_archive_is_opened(folder: Path, tmp_path: Path) -> None:
    for patient in ("one", "two"):
        write(series(patient=patient), folder / patient)
    archive = zipped(folder, tmp_path / "all.zip")
    uids = set()
    for study in find_studies([archive]).studies:
        with opened(study) as (it, _):
            uids.add(it.uid)
            assert not {"several-patients", "several-studies"} & {note.code for note in it.notes}
    assert uids == {uid("one", "study"), uid("two", "study")}
    write(series(patient="three"), folder / "three")
    other = only(folder / "three")
    with pytest.raises(InputError, match="no longer contain the study") as caught, opened_study([archive], key=other.key):
        pass
    assert caught.value.code == "study-gone"


def test_a_name_reveals_nothing_and_stays_when_the_archive_moves(folder: Path, tmp_path: Path) -> None:
    write(series(patient="Jane"), folder / "Doe Jane")
    before = only(folder)
    moved = tmp_path / "elsewhere"
    shutil.move(folder, moved)
    after = only(moved)
    assert before.name == after.name and before.fingerprint == after.fingerprint and before.source != after.source
    assert before.name.startswith("study-") and len(before.name) == 18
    assert not any(text in before.name for text in ("Doe", "Jane", uid("Jane", "study")))


def test_the_fingerprint_changes_with_the_files(folder: Path) -> None:
    paths = write(series(), folder)
    prints = [only(folder).fingerprint]
    copied = folder / "copies"
    copied.mkdir()
    os.replace(paths[0], copied / "renamed.dcm")
    assert only(folder).fingerprint == prints[0], "only moved"
    os.remove(copied / "renamed.dcm")
    prints.append(only(folder).fingerprint)
    with paths[1].open("ab") as file:
        file.write(b"\0" * 8)
    prints.append(only(folder).fingerprint)
    assert len(set(prints)) == 3


def test_a_volume_that_is_written_again_has_another_fingerprint(folder: Path) -> None:
    path = volume(folder / "a.nii.gz")
    before = only(folder)
    os.utime(path, ns=(0, 0))
    after = only(folder)
    assert before.name == after.name and before.fingerprint != after.fingerprint


def test_volumes_are_one_study_each_but_a_t2_and_its_t1_are_one(folder: Path) -> None:
    for name in ("1_t1.mha", "1_t2.mha", "1_t2_SPACE.mha", "2_t2.mha", "sub-3_T1w.nii.gz", "sub-3_T2w.nii.gz"):
        volume(folder / name)
    for name in ("4/t2.nrrd", "x.mha", "t1-x.mha"):
        volume(folder / name)
    picture(folder / "screenshot.png")
    found = find_studies([folder])
    assert sorted(sorted(Path(path).name for path in item.paths) for item in found.studies) == [
        ["1_t1.mha", "1_t2.mha"],
        ["1_t2_SPACE.mha"],
        ["2_t2.mha"],
        ["sub-3_T1w.nii.gz", "sub-3_T2w.nii.gz"],
        ["t1-x.mha", "x.mha"],
        ["t2.nrrd"],
    ]
    pair = next(item for item in found.studies if item.source == "study/1_t1.mha; study/1_t2.mha")
    with opened(pair) as (it, _):
        assert len(it.series) == 2


def test_pictures_count_only_where_there_is_nothing_else(folder: Path, tmp_path: Path) -> None:
    picture(folder / "shot.png")
    write(series(), folder / "dicom")
    volume(folder / "masks.nii.gz")
    assert only(folder).files == 9
    assert find_studies([folder]).others == 2
    for name in ("a.png", "b.jpg"):
        picture(tmp_path / "pictures" / name)
    assert len(find_studies([tmp_path / "pictures"]).studies) == 2


def test_a_damaged_archive_is_a_study_that_cannot_be_opened(folder: Path) -> None:
    write(series(), folder / "dicom")
    (folder / "bad.zip").write_bytes(b"PK\x03\x04 and no more")
    (folder / "scene.mrb").write_bytes(b"PK\x03\x04 a scene is no archive of studies")
    bad, good = find_studies([folder]).studies
    assert (bad.source, good.source) == ("study/bad.zip", "study/dicom")
    with pytest.raises(InputError, match="damaged"), opened(bad):
        pass


@pytest.mark.parametrize("name", ["a.zip", "export"])
def test_an_archive_with_volumes_is_one_study(folder: Path, tmp_path: Path, name: str) -> None:
    volume(folder / "a.nii.gz")
    study = only(zipped(folder, tmp_path / name))
    with opened(study) as (it, _):
        assert len(it.series) == 1


def test_files_that_cannot_be_read_are_counted(folder: Path) -> None:
    paths = write(series(), folder)
    paths[0].write_bytes(paths[0].read_bytes()[:200])
    found = find_studies([folder])
    assert found.unreadable == 1 and found.studies[0].files == 8


def test_a_malformed_uid_is_the_same_in_the_search_and_in_the_study(folder: Path) -> None:
    write(series(StudyInstanceUID="DOE JANE 1950"), folder)
    study = only(folder)
    assert study.key is not None and "DOE" not in study.key.uid
    with opened(study) as (it, _):
        assert it.uid == study.key.uid


def test_a_file_that_disappears_during_the_search_is_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = write(series(), folder)
    read = studies.read_identity

    def read_and_remove(path: Path) -> object:
        found = read(path)
        if path == paths[0]:
            path.unlink()
        return found

    monkeypatch.setattr(studies, "read_identity", read_and_remove)
    found = find_studies([folder])
    assert (found.unreadable, found.studies[0].files) == (1, 8)


def test_a_file_that_inflates_too_far_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = write(series(), folder)
    monkeypatch.setattr(identity, "inflates_too_far", lambda path: path == paths[0])
    assert find_studies([folder]).unreadable == 1


def test_closed_folders_and_links_are_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(series(), folder / "a")
    (folder / "closed").mkdir()
    (folder / "link").symlink_to(folder / "a")
    scanned = os.scandir

    def scandir(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scanned(path)

    monkeypatch.setattr(os, "scandir", scandir)  # root opens every folder
    found = find_studies([folder])
    assert (found.unreadable, found.links, found.studies[0].files) == (1, 1, 9)


def test_files_can_be_left_out(folder: Path) -> None:
    volume(folder / "a.nii.gz")
    volume(folder / "masks.nii.gz")
    (study,) = find_studies([folder], leave_out=lambda path: path.name == "masks.nii.gz").studies
    assert study.source == "study/a.nii.gz"


def test_a_path_given_twice_or_inside_another_counts_once(folder: Path) -> None:
    write(series(), folder / "a")
    once = only(folder)
    assert only(folder, folder / "a", folder) == once


def test_two_files_of_the_same_path_below_two_roots_are_refused(tmp_path: Path) -> None:
    for root in ("x", "y"):
        volume(tmp_path / root / "data" / "a.nii.gz")
    with pytest.raises(InputError, match=r"Two different files are called data/a\.nii\.gz") as caught:
        find_studies([tmp_path / "x" / "data", tmp_path / "y" / "data"])
    assert caught.value.code == "same-path"
    assert len(find_studies([tmp_path / "x", tmp_path / "y"]).studies) == 2


@pytest.mark.parametrize("content", [(), ("letter.txt",)])
def test_a_folder_without_images_is_refused_with_a_sentence(folder: Path, content: tuple[str, ...]) -> None:
    for name in content:
        (folder / name).write_text("text")
    with pytest.raises(InputError, match="The input contains no images") as caught:
        find_studies([folder])
    assert caught.value.code == "no-images"
    with pytest.raises(InputError, match="There is no file or folder"):
        find_studies([folder / "nothing"])


def test_the_search_tells_how_far_it_is(folder: Path) -> None:
    write(series(), folder)
    counts: list[int] = []
    find_studies([folder], on_file=counts.append)
    assert counts == list(range(1, 10))
