from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from SpinalDiseaseAILib.base.geometry import Image, all_axis_codes, reorient
from SpinalDiseaseAILib.base.planes import SagittalVolume, assumed_spacing, image_of_plane, plane_affine


@pytest.mark.parametrize("code", all_axis_codes())
def test_an_image_in_any_of_the_48_orders_gives_the_same_planes(code: str, small_image: Image) -> None:
    expected = SagittalVolume.of(small_image)
    volume = SagittalVolume.of(reorient(small_image, code))
    assert volume.slice_count == expected.slice_count
    assert all(np.array_equal(volume.pixels(i), expected.pixels(i)) for i in range(volume.slice_count))
    assert np.allclose(volume.image.affine, expected.image.affine, atol=1e-9)


def test_pixel_zero_is_the_anterior_superior_corner_and_slices_go_from_right_to_left() -> None:
    ras = Image(np.arange(24).reshape(2, 3, 4), np.diag([4.0, 0.5, 0.8, 1.0]))  # (right, anterior, superior)
    volume = SagittalVolume.of(ras)
    assert volume.pixels(0)[0, 0] == ras.voxels[1, 2, 3]
    assert np.allclose(volume.to_ras((0, 0, 0)), (4.0, 1.0, 2.4))
    assert volume.pixels(0)[0, 1] == ras.voxels[1, 1, 3], "columns grow towards posterior"
    assert volume.pixels(0)[1, 0] == ras.voxels[1, 2, 2], "rows grow towards inferior"
    assert volume.pixels(1)[0, 0] == ras.voxels[0, 2, 3], "slices grow to the left"


def test_the_spacings_of_slices_columns_and_rows_are_distinguished() -> None:
    volume = SagittalVolume.of(Image(np.zeros((2, 3, 4)), np.diag([4.0, 0.5, 0.8, 1.0])))
    assert volume.slice_spacing == 4.0
    assert np.allclose(volume.pixel_spacing, (0.5, 0.8))
    assert volume.pixels(0).shape == (4, 3), "(rows, columns)"


@settings(max_examples=50)
@given(st.tuples(*[st.floats(-50, 50)] * 3), st.sampled_from(all_axis_codes()))
def test_plane_pixels_go_to_the_patient_and_back(position: tuple[float, ...], code: str) -> None:
    affine = np.array([[3.0, 0.2, 0.0, 1], [-0.3, 0.6, 0.1, 2], [0.1, -0.05, 0.7, 3], [0, 0, 0, 1]])
    volume = SagittalVolume.of(reorient(Image(np.zeros((3, 4, 5)), affine), code))
    assert np.allclose(volume.to_pixel(volume.to_ras(position)), position, atol=1e-8)


def test_a_pixel_is_where_its_voxel_is(small_image: Image) -> None:
    volume = SagittalVolume.of(small_image)
    for index in range(volume.slice_count):
        for row, column in np.ndindex(volume.pixels(index).shape):
            ijk = np.rint(small_image.to_ijk(volume.to_ras((index, column, row)))).astype(int)
            assert small_image.voxels[tuple(ijk)] == volume.pixels(index)[row, column]


@pytest.mark.parametrize(("right", "expected"), [(0.0, 4), (-100.0, 4), (9.0, 2), (8.0, 2), (100.0, 0)])
def test_the_nearest_slice_stays_inside_the_stack(right: float, expected: int) -> None:
    volume = SagittalVolume.of(Image(np.zeros((5, 2, 2)), np.diag([4.0, 1.0, 1.0, 1.0])))
    assert volume.nearest_slice((right, 0, 0)) == expected


def test_a_plane_affine_maps_columns_rows_and_millimetres_out_of_plane() -> None:
    affine = plane_affine((10, 20, 30), (0, -0.5, 0), (0, 0, -0.5))
    assert np.allclose(affine @ (2, 4, 0, 1), (10, 19, 28, 1))
    assert np.allclose(np.linalg.norm(affine[:3, 2]), 1)
    assert np.allclose(affine[:3, 2] @ affine[:3, :2], 0)


def test_a_single_slice_becomes_an_image_whose_plane_is_that_slice() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    image = image_of_plane(pixels, (0.5, 0.75))
    assert image.codes == "LPI"
    volume = SagittalVolume.of(image)
    assert volume.slice_count == 1
    assert np.array_equal(volume.pixels(0), pixels)
    assert np.allclose(volume.pixel_spacing, (0.5, 0.75))


@pytest.mark.parametrize("shape", [(512, 256), (256, 512), (320, 320)])
def test_a_plane_of_unknown_spacing_is_assumed_to_be_320_mm_along_its_longer_side_with_square_pixels(shape):
    column, row = assumed_spacing(shape)
    assert column == row and max(shape) * column == pytest.approx(320)
