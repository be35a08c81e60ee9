"""Slices are ordered and placed correctly, however they are stored, named or rotated."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from dicom_files import CAPTURE_CLASS, COUNT, PIXEL, STEP, planes, position, series, set_pixels, uid, write
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.geometry import Array
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.reading import open_study


def codes(study: Study) -> set[str]:
    return {note.code for note in study.notes}


def turned(dataset: Dataset, pixels: Array, *, columns: bool, rows: bool, transpose: bool) -> None:
    """Store a slice mirrored or transposed; its pixels keep their positions in the patient."""
    corner = np.array(dataset.ImagePositionPatient, dtype=float)
    across, down = np.array([0.0, 1, 0]), np.array([0.0, 0, -1])
    if columns:
        corner, across, pixels = corner + across * PIXEL * (pixels.shape[1] - 1), -across, pixels[:, ::-1]
    if rows:
        corner, down, pixels = corner + down * PIXEL * (pixels.shape[0] - 1), -down, pixels[::-1]
    if transpose:
        across, down, pixels = down, across, pixels.T
    dataset.ImagePositionPatient = list(corner)
    dataset.ImageOrientationPatient = [*across, *down]
    set_pixels(dataset, pixels)


def test_a_pixel_lies_where_the_header_says(plain_study: Study) -> None:
    image = plain_study.primary.image
    index, column, row = 2, 10, 20
    left, posterior, superior = position(index)[0], -100 + PIXEL * column, 120 - PIXEL * row
    where = np.rint(image.to_ijk((-left, -posterior, superior))).astype(int)
    assert np.allclose(image.to_ras(where), (-left, -posterior, superior))
    assert image.voxels[tuple(where)] == planes()[index, row, column]


def test_pixel_spacing_is_read_as_row_step_then_column_step(folder: Path) -> None:
    write(series(PixelSpacing=[3.0, 4.0]), folder)
    assert np.allclose(open_study([folder]).primary.image.spacing, (STEP, 4.0, 3.0))


def test_the_slice_step_comes_from_the_positions_and_not_from_the_thickness(folder: Path) -> None:
    write(series(SliceThickness=3.0, SpacingBetweenSlices=9.9), folder)
    assert open_study([folder]).primary.image.spacing[0] == pytest.approx(STEP)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    reverse=st.booleans(),
    columns=st.booleans(),
    rows=st.booleans(),
    transpose=st.booleans(),
    repeated=st.booleans(),
)
def test_files_shuffled_renumbered_mirrored_transposed_or_repeated_open_to_the_same_study(
    seed: int, reverse: bool, columns: bool, rows: bool, transpose: bool, repeated: bool
) -> None:
    generator = random.Random(seed)
    datasets = series()
    for index, dataset in enumerate(datasets):
        turned(dataset, planes()[index], columns=columns, rows=rows, transpose=transpose)
        dataset.InstanceNumber = COUNT - index if reverse else generator.randint(1, 99)
    if repeated:
        datasets.append(generator.choice(datasets))
    generator.shuffle(datasets)
    with tempfile.TemporaryDirectory() as name:
        write(series(), Path(name, "plain"))
        write(datasets, Path(name, "turned"))
        plain, study = open_study([Path(name, "plain")]).primary, open_study([Path(name, "turned")]).primary
    assert np.array_equal(plain.image.voxels, study.image.voxels)
    assert np.allclose(plain.image.affine, study.image.affine, atol=1e-9)


def test_an_oblique_stack_keeps_its_direction(folder: Path) -> None:
    angle = np.radians(20)
    normal = np.array([np.cos(angle), np.sin(angle), 0])
    across = np.array([-np.sin(angle), np.cos(angle), 0])
    datasets = series(ImageOrientationPatient=[*np.round(across, 6), 0, 0, -1])
    for index, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = list(np.round(index * STEP * normal, 6))
    write(datasets, folder)
    image = open_study([folder]).primary.image
    assert image.codes == "LPI"
    assert np.allclose(image.affine[:3, 0] / STEP, [-normal[0], -normal[1], 0], atol=1e-5)
    assert np.allclose(image.affine[:3, 1] / PIXEL, [-across[0], -across[1], 0], atol=1e-5)


def test_one_missing_slice_is_filled_between_its_neighbours_and_reported(folder: Path, plain_study: Study) -> None:
    datasets = series()
    del datasets[3]
    write(datasets, folder)
    study = open_study([folder])
    note = next(note for note in study.notes if note.code == "missing-slices")
    assert note.text.startswith("Slices missing: 1 of 9 (number 4, counted from the patient's right)")
    assert note.severity == "warning"
    voxels = study.primary.image.voxels
    assert np.allclose(study.primary.image.affine, plain_study.primary.image.affine)
    assert np.array_equal(np.delete(voxels, 3, 0), np.delete(plain_study.primary.image.voxels, 3, 0))
    assert np.array_equal(voxels[3], np.rint((voxels[2].astype(float) + voxels[4]) / 2).astype(voxels.dtype))


def test_a_series_with_a_third_of_its_slices_missing_is_refused(folder: Path) -> None:
    datasets = series()
    write(datasets[:3] + datasets[6:], folder)
    with pytest.raises(InputError, match="3 of its 9 slices are missing") as error:
        open_study([folder])
    assert error.value.code == "missing-slices"


def test_slices_that_are_not_evenly_spaced_are_refused(folder: Path) -> None:
    datasets = series()
    for index, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = position(index, step=STEP + 0.35 * index)
    write(datasets, folder)
    with pytest.raises(InputError, match="not evenly spaced") as error:
        open_study([folder])
    assert error.value.code == "irregular-slices"


def test_a_slightly_wrong_step_is_not_a_gap(folder: Path) -> None:
    datasets = series()
    for index, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [round(index * STEP + (0.1 if index % 2 else 0), 3), -100, 120]
    write(datasets, folder)
    assert "missing-slices" not in codes(open_study([folder]))


def test_the_same_object_in_two_files_is_used_once_and_reported(folder: Path, plain_study: Study) -> None:
    datasets = series()
    write([*datasets, datasets[2], datasets[2]], folder)
    study = open_study([folder])
    assert study.primary.identity() == plain_study.primary.identity()
    assert next(note for note in study.notes if note.code == "duplicate-instances").text.count("contains: 2.") == 1


def test_of_two_slices_at_one_position_the_one_acquired_first_is_used_and_reported(folder: Path, plain_study: Study) -> None:
    again = series(AcquisitionNumber=2)
    for dataset in again:
        dataset.SOPInstanceUID = uid(dataset.SOPInstanceUID, "again")
        dataset.InstanceNumber = 0
        dataset.ImagePositionPatient[0] += 1e-5
        set_pixels(dataset, np.zeros((80, 64), np.uint16))
    write([*again, *series(AcquisitionNumber=1)], folder)
    study = open_study([folder])
    assert np.array_equal(study.primary.image.voxels, plain_study.primary.image.voxels)
    assert "duplicate-slices" in codes(study)


def test_a_single_placed_slice_opens_with_a_note_and_its_thickness_as_step(folder: Path) -> None:
    write(series()[4:5], folder)
    study = open_study([folder])
    assert study.primary.image.voxels.shape == (1, 64, 80)
    assert np.allclose(study.primary.image.spacing, (3.5, PIXEL, PIXEL))
    assert "single-slice" in codes(study)


def test_a_single_placed_secondary_capture_is_not_used_as_a_slice(folder: Path) -> None:
    write(series(count=1, SOPClassUID=CAPTURE_CLASS), folder)
    with pytest.raises(InputError, match="secondary capture"):
        open_study([folder])


def test_few_slices_are_used_with_a_warning(folder: Path) -> None:
    write(series()[3:6], folder)
    assert "few-slices" in codes(open_study([folder]))


def test_a_single_slice_without_position_keeps_its_pixel_spacing_and_notes_the_assumed_orientation(folder: Path) -> None:
    (dataset,) = series(count=1)
    del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
    write([dataset], folder)
    study = open_study([folder])
    assert study.primary.spacing_known and np.allclose(study.primary.image.spacing[1:], PIXEL)
    assert np.array_equal(study.primary.image.voxels[0].T, planes()[0])
    assert {"not-placed", "single-slice"} <= codes(study)


def test_a_single_slice_without_any_spacing_is_assumed_to_be_320_mm_with_a_note(folder: Path) -> None:
    (dataset,) = series(count=1)
    del dataset.ImagePositionPatient, dataset.ImageOrientationPatient, dataset.PixelSpacing
    write([dataset], folder)
    study = open_study([folder])
    assert not study.primary.spacing_known and np.allclose(study.primary.image.spacing[1:], 320 / 80)
    assert {"spacing-guessed", "single-slice"} <= codes(study)


@pytest.mark.parametrize("stated", [[0, 0.5], [0.5, 0], [0, 0]])
def test_a_single_slice_with_a_stated_spacing_of_zero_is_treated_like_one_without_spacing(
    folder: Path, stated: list[float]
) -> None:
    (dataset,) = series(count=1, PixelSpacing=stated)
    del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
    write([dataset], folder)
    study = open_study([folder])
    assert not study.primary.spacing_known and "spacing-guessed" in codes(study)
    assert np.allclose(study.primary.image.spacing[1:], 320 / 80)
