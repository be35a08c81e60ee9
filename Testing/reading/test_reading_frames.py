"""Frames of enhanced objects, however a scanner distributes their functional groups."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from dicom_files import enhanced, set_pixels, uid, write
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.study import Role, Study
from SpinalDiseaseAILib.reading import open_study


@pytest.fixture
def one_object(tmp_path: Path) -> Study:
    """The study of the plain enhanced object, to compare with."""
    write([enhanced()], tmp_path / "enhanced")
    return open_study([tmp_path / "enhanced"])


def pixels_of(dataset: Dataset) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    """The stored frames, shape (frames, rows, columns)."""
    return np.frombuffer(dataset.PixelData, "<u2").reshape(-1, dataset.Rows, dataset.Columns)


def with_frames(dataset: Dataset, groups: Sequence[Dataset], pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint16]]) -> Dataset:
    """A copy of an enhanced object with other frames."""
    made = copy.deepcopy(dataset)
    made.PerFrameFunctionalGroupsSequence = DicomSequence([copy.deepcopy(group) for group in groups])
    made.NumberOfFrames = len(groups)
    set_pixels(made, pixels)
    return made


def test_an_enhanced_series_with_one_frame_per_file_opens_like_a_single_object(folder: Path, one_object: Study) -> None:
    whole = enhanced()
    files = []
    for index, group in enumerate(whole.PerFrameFunctionalGroupsSequence):
        single = with_frames(whole, [group], pixels_of(whole)[index])
        single.SOPInstanceUID = uid("single", index)
        files.append(single)
    write(files, folder)
    image = open_study([folder]).primary.image
    assert np.array_equal(image.voxels, one_object.primary.image.voxels)
    assert np.allclose(image.affine, one_object.primary.image.affine)


def test_directions_that_are_not_unit_vectors_do_not_stretch_the_image(folder: Path, one_object: Study) -> None:
    dataset = enhanced()
    dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient = [0, 2, 0, 0, 0, -2]
    write([dataset], folder)
    assert np.allclose(open_study([folder]).primary.image.affine, one_object.primary.image.affine)


@pytest.mark.parametrize("directions", [[0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0.7, -0.7]])
def test_invalid_directions_do_not_place_a_slice(folder: Path, directions: list[float]) -> None:
    dataset = enhanced()
    dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient = directions
    write([dataset], folder)
    with pytest.raises(InputError, match="do not say where the slices lie"):
        open_study([folder])


@pytest.mark.parametrize("keyword", ["TemporalPositionIndex", "FrameAcquisitionNumber"])
def test_of_several_time_points_the_whole_first_one_is_used_however_the_frames_are_stored(
    folder: Path, one_object: Study, keyword: str
) -> None:
    dataset = enhanced()
    groups, frames = [], []
    for time in (1, 2):
        for group, frame in zip(dataset.PerFrameFunctionalGroupsSequence, pixels_of(dataset), strict=True):
            content = Dataset()
            setattr(content, keyword, time)
            groups.append(copy.deepcopy(group))
            groups[-1].FrameContentSequence = DicomSequence([content])
            frames.append(frame // time)
    order = np.random.default_rng(0).permutation(len(groups))
    write([with_frames(dataset, [groups[index] for index in order], np.stack([frames[index] for index in order]))], folder)
    study = open_study([folder])
    assert np.array_equal(study.primary.image.voxels, one_object.primary.image.voxels)
    assert "duplicate-slices" in {note.code for note in study.notes}


def test_more_groups_than_frames_are_refused_with_a_sentence(folder: Path) -> None:
    dataset = enhanced()
    extra = copy.deepcopy(dataset.PerFrameFunctionalGroupsSequence[0])
    extra.PlanePositionSequence[0].ImagePositionPatient[0] = 20
    dataset.PerFrameFunctionalGroupsSequence.append(extra)
    write([dataset], folder)
    with pytest.raises(InputError, match="does not have the number of pixels that its header states"):
        open_study([folder])


def weighted(repetition: float, echo: float, **modifier: object) -> Dataset:
    """The enhanced object with the times of another sequence, which its descriptions do not mention."""
    dataset = enhanced()
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.MRTimingAndRelatedParametersSequence[0].RepetitionTime = repetition
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.MREchoSequence[0].EffectiveEchoTime = echo
    if modifier:
        item = Dataset()
        for keyword, value in modifier.items():
            setattr(item, keyword, value)
        shared.MRModifierSequence = DicomSequence([item])
    return dataset


def test_the_weighting_of_an_enhanced_object_is_that_of_its_frames_own_times(folder: Path) -> None:
    write([weighted(600, 11)], folder)
    assert open_study([folder]).primary.role is Role.SAGITTAL_T1


def test_an_enhanced_inversion_recovery_is_not_t2(folder: Path) -> None:
    write([weighted(3600, 70, InversionRecovery="YES", InversionTimes=160.0)], folder)
    with pytest.raises(InputError, match="STIR"):
        open_study([folder])


@pytest.mark.parametrize("lengths", [(1.0, 3.0), (0.5, 1.0)])
def test_directions_of_different_lengths_are_normalized(folder: Path, lengths: tuple[float, float]) -> None:
    """A sagittal plane rotated by 20° about the body axis, so that the row direction has a lateral component."""
    side, front = np.sin(np.radians(20)), np.cos(np.radians(20))
    images = []
    for row, column in ((1.0, 1.0), lengths):
        dataset = enhanced()
        group = dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
        group.ImageOrientationPatient = [side * row, front * row, 0, 0, 0, -column]
        for index, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            distance = 4.0 * index
            frame.PlanePositionSequence[0].ImagePositionPatient = [front * distance, -side * distance, 120]
        write([dataset], folder)
        images.append(open_study([folder]).primary.image)
    assert np.allclose(images[0].affine, images[1].affine, atol=1e-6)
