"""A study that is opened with its files: those of its series and no others, for as long as they are needed."""

from __future__ import annotations

import shutil
from copy import deepcopy
from pathlib import Path

import pydicom
import pytest
import SimpleITK
from dicom_files import PIXEL, STEP, T1, enhanced, planes, series, write

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.reading import open_study, opened_study


def test_the_files_are_those_that_were_read_into_the_study(folder: Path) -> None:
    wanted = [*write(series(), folder, prefix="t2"), *write(series("t1", **T1), folder, prefix="t1")]
    write(series("other", ImageOrientationPatient=[1, 0, 0, 0, 1, 0]), folder, prefix="axial")
    (again,) = write(series(count=1, InstanceNumber=99, SOPInstanceUID="1.2.3"), folder, prefix="again")
    with opened_study([folder]) as (study, files):
        assert len(files) == len(set(files)) and set(files) == set(wanted) - {again}
        assert study.uid == open_study([folder]).uid


def test_of_two_echoes_in_one_file_the_frames_of_the_one_that_was_read_are_named(folder: Path) -> None:
    dataset = enhanced()
    count = dataset.NumberOfFrames
    frames = [deepcopy(item) for item in dataset.PerFrameFunctionalGroupsSequence]
    for item in frames:
        item.MREchoSequence[0].EffectiveEchoTime = 15.0
    dataset.PerFrameFunctionalGroupsSequence = [*frames, *dataset.PerFrameFunctionalGroupsSequence]
    dataset.NumberOfFrames = 2 * count
    dataset.PixelData = dataset.PixelData * 2
    write([dataset], folder)
    with opened_study([folder]) as (_, files):
        (numbers,) = files.values()
        assert sorted(numbers) == list(range(count, 2 * count))


def test_files_of_an_archive_are_there_until_the_block_ends(folder: Path, tmp_path: Path) -> None:
    write([enhanced()], folder)
    archive = shutil.make_archive(str(tmp_path / "study"), "zip", folder)
    with opened_study([Path(archive)]) as (study, files):
        (path,) = files
        assert pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID == study.primary.uid
    assert not path.exists()


def test_a_study_that_is_not_dicom_has_none(folder: Path) -> None:
    image = SimpleITK.GetImageFromArray(planes())
    image.SetSpacing((PIXEL, PIXEL, STEP))
    image.SetDirection((0, 0, 1, 1, 0, 0, 0, -1, 0))  # columns to posterior, rows to inferior, slices to the left
    SimpleITK.WriteImage(image, str(folder / "t2.nii.gz"))
    with opened_study([folder]) as (study, files):
        assert files == {} and study.uid == ""


def test_what_cannot_be_opened_is_refused_as_without_files(folder: Path) -> None:
    with pytest.raises(InputError, match="empty"), opened_study([folder]):
        raise AssertionError("the block was entered")
