from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.geometry import (
    LPS_FROM_RAS,
    SAGITTAL_CODES,
    Image,
    all_axis_codes,
    axis_codes,
    c_ordered_copy,
    reorient,
    transform_points,
)

DIRECTION_OF = {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}


@st.composite
def images(draw: st.DrawFn) -> Image:
    """Images of any axis order, position and spacing, rotated by up to 35° about any axis and slightly sheared."""
    shape = tuple(draw(st.tuples(*[st.integers(1, 5)] * 3)))
    axes = np.array([DIRECTION_OF[letter] for letter in draw(st.sampled_from(all_axis_codes()))], dtype=float).T
    axis = np.array(draw(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1)))
    axis /= np.linalg.norm(axis)
    angle = np.deg2rad(draw(st.floats(0, 35)))
    cross = np.cross(np.eye(3), axis)
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    shear = np.eye(3)
    shear[0, 2] = draw(st.floats(-0.1, 0.1))
    affine = np.eye(4)
    affine[:3, :3] = rotation @ shear @ axes @ np.diag(draw(st.tuples(*[st.floats(0.2, 8)] * 3)))
    affine[:3, 3] = draw(st.tuples(*[st.floats(-300, 300)] * 3))
    return Image(np.arange(np.prod(shape), dtype=np.int32).reshape(shape), affine)


def value_at_each_place(image: Image) -> dict[tuple[float, ...], int]:
    """Voxel value at each RAS position, positions rounded to a thousandth of a millimetre."""
    indices = np.stack(np.meshgrid(*map(np.arange, image.voxels.shape), indexing="ij"), -1).reshape(-1, 3)
    places = image.to_ras(indices)
    return {
        tuple(np.round(place, 3) + 0.0): int(image.voxels[tuple(index)]) for place, index in zip(places, indices, strict=True)
    }


def test_there_are_48_axis_codes_and_each_names_three_different_patient_axes() -> None:
    codes = all_axis_codes()
    assert len(set(codes)) == 48
    for code in codes:
        assert sum(any(letter in code for letter in pair) for pair in ("RL", "AP", "SI")) == len(code) == 3


@pytest.mark.parametrize("code", all_axis_codes())
def test_the_codes_of_an_affine_name_where_each_index_grows(code: str) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.array([DIRECTION_OF[letter] for letter in code]).T * np.array([0.5, 1.5, 4.0])
    assert axis_codes(affine) == code


@pytest.mark.parametrize("code", all_axis_codes())
def test_any_of_the_48_orders_holds_the_same_values_at_the_same_places(code: str, small_image: Image) -> None:
    turned = reorient(small_image, code)
    assert turned.codes == code
    assert value_at_each_place(turned) == value_at_each_place(small_image)


@settings(max_examples=150)
@given(images(), st.sampled_from(all_axis_codes()))
def test_oblique_and_sheared_images_are_reoriented_without_moving_a_voxel(image: Image, code: str) -> None:
    turned = reorient(image, code)
    assert turned.codes == code
    assert value_at_each_place(turned) == value_at_each_place(image)


@settings(max_examples=100)
@given(images(), st.sampled_from(all_axis_codes()))
def test_reorienting_there_and_back_gives_the_same_voxels_and_affine(image: Image, code: str) -> None:
    back = reorient(reorient(image, code), image.codes)
    assert np.array_equal(back.voxels, image.voxels)
    assert np.allclose(back.affine, image.affine, atol=1e-9)


@settings(max_examples=100)
@given(images(), st.tuples(*[st.floats(-20, 20)] * 3))
def test_a_point_goes_to_the_patient_and_back_unchanged(image: Image, ijk: tuple[float, ...]) -> None:
    assert np.allclose(image.to_ijk(image.to_ras(ijk)), ijk, atol=1e-7)


@settings(max_examples=100)
@given(images())
def test_spacing_is_the_distance_between_neighbouring_voxels(image: Image) -> None:
    origin = image.to_ras((0, 0, 0))
    steps = [np.linalg.norm(image.to_ras(step) - origin) for step in np.eye(3)]
    assert np.allclose(image.spacing, steps)


def test_reorienting_copies_no_voxels(small_image: Image) -> None:
    assert np.shares_memory(reorient(small_image, "SAR").voxels, small_image.voxels)


def test_the_sagittal_frame_grows_to_the_left_posterior_and_inferior() -> None:
    assert SAGITTAL_CODES == "LPI"


@pytest.mark.parametrize("code", ["RRS", "RA", "RASI", "XAS", "", "ras"])
def test_codes_that_do_not_name_three_patient_axes_are_refused(code: str, small_image: Image) -> None:
    with pytest.raises(ValueError, match="axes|axis codes"):
        reorient(small_image, code)


def test_left_and_right_are_never_swapped() -> None:
    voxels = np.zeros((5, 1, 1), dtype=np.uint8)
    voxels[4] = 1  # farthest to the patient's right
    image = Image(voxels, np.eye(4))
    for code in all_axis_codes():
        turned = reorient(image, code)
        (index,) = np.argwhere(turned.voxels)
        assert np.allclose(turned.to_ras(index), (4, 0, 0))


def test_points_of_any_leading_shape_are_transformed() -> None:
    points = np.arange(24.0).reshape(2, 4, 3)
    matrix = np.array([[0, 2.0, 0, 1], [1, 0, 0, -1], [0, 0, 3, 0], [0, 0, 0, 1]])
    expected = np.stack([2 * points[..., 1] + 1, points[..., 0] - 1, 3 * points[..., 2]], -1)
    assert np.array_equal(transform_points(matrix, points), expected)


def test_lps_negates_right_and_anterior_and_is_its_own_inverse() -> None:
    assert np.array_equal(transform_points(LPS_FROM_RAS, (1, 2, 3)), (-1, -2, 3))
    assert np.array_equal(LPS_FROM_RAS @ LPS_FROM_RAS, np.eye(4))


def test_the_affine_of_an_image_cannot_be_changed(small_image: Image) -> None:
    with pytest.raises(ValueError, match="read-only"):
        small_image.affine[0, 0] = 7


def test_an_image_keeps_its_affine_when_the_callers_changes() -> None:
    affine = np.eye(4)
    image = Image(np.zeros((1, 1, 1)), affine)
    affine[0, 3] = 100
    assert image.affine[0, 3] == 0


@pytest.mark.parametrize("shape", [(4, 4), (2, 2, 2, 2), (0, 4, 4), (4, 4, 0), ()])
def test_an_image_without_three_dimensions_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="Three non-empty dimensions are needed") as error:
        Image(np.zeros(shape), np.eye(4))
    assert error.value.code == "shape"


@pytest.mark.parametrize("axis", range(3))
def test_a_spacing_of_zero_is_refused(axis: int) -> None:
    affine = np.eye(4)
    affine[axis, axis] = 0
    with pytest.raises(InputError, match="voxel spacing of zero") as error:
        Image(np.zeros((2, 2, 2)), affine)
    assert error.value.code == "zero-spacing"


def test_two_voxel_axes_that_coincide_are_refused() -> None:
    affine = np.eye(4)
    affine[:3, 1] = affine[:3, 0]
    with pytest.raises(InputError, match="axes that coincide"):
        Image(np.zeros((2, 2, 2)), affine)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("place", list(itertools.product((0, 2), (1, 3))))
def test_an_affine_that_is_not_finite_is_refused(value: float, place: tuple[int, int]) -> None:
    affine = np.eye(4)
    affine[place] = value
    with pytest.raises(InputError, match="finite 4×4 matrix"):
        Image(np.zeros((2, 2, 2)), affine)


@pytest.mark.parametrize("affine", [np.eye(3), np.zeros(4), np.vstack([np.eye(4)[:3], [0, 0, 0.5, 1]])])
def test_a_matrix_that_is_not_an_affine_is_refused(affine: np.ndarray) -> None:
    with pytest.raises(InputError, match="finite 4×4 matrix") as error:
        Image(np.zeros((2, 2, 2)), affine)
    assert error.value.code == "affine"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_c_ordered_copy_has_the_same_voxels_and_its_own_memory(order: tuple[int, ...]) -> None:
    voxels = np.arange(24, dtype=">i2").reshape(2, 3, 4).transpose(order)[:, ::-1]
    copy = c_ordered_copy(voxels)
    assert copy.flags.c_contiguous and copy.flags.owndata and copy.dtype == voxels.dtype
    assert (copy == voxels).all() and not np.shares_memory(copy, voxels)
