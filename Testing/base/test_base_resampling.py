from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from SpinalDiseaseAILib.base.geometry import Image, all_axis_codes, reorient
from SpinalDiseaseAILib.base.resampling import blur, resample_plane, resample_to_spacing, sample_linear


def corners(image: Image) -> np.ndarray:
    """RAS of the 8 outer corners of the outermost voxels, sorted."""
    ends = [(-0.5, size - 0.5) for size in image.voxels.shape]
    points = image.to_ras(list(itertools.product(*ends)))
    return points[np.lexsort(points.round(6).T)]


def ramp(shape: tuple[int, int, int], affine: np.ndarray) -> Image:
    """An image whose values are 1 + 2 R + 3 A + 4 S of the voxel's position."""
    image = Image(np.zeros(shape), affine)
    places = image.to_ras(np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1))
    return Image(1 + places @ (2, 3, 4), affine)


OBLIQUE = np.array([[-3.0, 0.05, 0.1, 10], [0.3, -0.6, 0.02, -20], [0.2, 0.05, -0.7, 30], [0, 0, 0, 1]])


def test_sampling_at_voxel_centres_gives_the_voxels() -> None:
    array = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    positions = np.stack(np.meshgrid(*map(np.arange, array.shape), indexing="ij"), -1)
    assert np.array_equal(sample_linear(array, positions), array)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 4)), min_size=1, max_size=5))
def test_sampling_between_voxels_is_linear(positions: list[tuple[float, float]]) -> None:
    rows, columns = np.meshgrid(np.arange(4), np.arange(5), indexing="ij")
    expected = [7 + 2 * row - 3 * column for row, column in positions]
    assert np.allclose(sample_linear(7 + 2.0 * rows - 3 * columns, positions), expected, atol=1e-4)


def test_up_to_half_a_voxel_outside_the_edge_is_repeated_and_beyond_that_values_are_zero() -> None:
    line = np.array([1.0, 2.0, 3.0])
    assert sample_linear(line, [[-0.6], [-0.5], [2.5], [2.6]]).tolist() == [0, 1, 3, 0]


def test_a_single_position_gives_a_single_value() -> None:
    value = sample_linear(np.arange(12.0).reshape(3, 4), (1.5, 2))
    assert value.shape == () and float(value) == 8.0
    assert sample_linear(np.arange(12.0).reshape(3, 4), (9, 9)).shape == ()


def test_an_axis_with_a_single_voxel_can_be_sampled() -> None:
    assert sample_linear(np.full((1, 3), 5.0), [[0.3, 1.5]]).tolist() == [5.0]


@pytest.mark.parametrize("spacing", [(3.0, 0.5, 0.5), (1.5, 1.2, 1.4), (6.0, 0.3, 2.1)])
def test_resampling_keeps_axes_and_outer_border(spacing: tuple[float, float, float]) -> None:
    image = Image(np.zeros((8, 30, 40)), OBLIQUE)
    result = resample_to_spacing(image, spacing)
    assert result.codes == image.codes
    assert np.allclose(corners(result), corners(image), atol=1e-9)
    assert np.allclose(result.spacing * result.voxels.shape, image.spacing * image.voxels.shape)
    assert np.all(abs(result.spacing / spacing - 1) < 0.5 / np.array(result.voxels.shape) + 1e-9)


@pytest.mark.parametrize("spacing", [(3.0, 0.35, 0.4), (3.0, 1.3, 1.4)])
def test_resampling_to_finer_and_coarser_grids_leaves_values_at_their_places(spacing: tuple[float, float, float]) -> None:
    result = resample_to_spacing(ramp((6, 40, 50), OBLIQUE), spacing)
    expected = ramp(result.voxels.shape, result.affine)
    inner = (slice(1, -1), slice(6, -6), slice(6, -6))
    assert np.allclose(result.voxels[inner], expected.voxels[inner], atol=0.02)


@pytest.mark.parametrize("code", all_axis_codes())
def test_resampling_does_not_depend_on_the_order_of_the_axes(code: str) -> None:
    image = Image(np.random.default_rng(1).normal(size=(4, 9, 11)), OBLIQUE)
    spacing = dict(zip("RAS", (2.0, 0.9, 1.1), strict=True))
    expected = resample_to_spacing(image, (2.0, 0.9, 1.1))
    turned = reorient(image, code)
    order = [spacing[{"L": "R", "P": "A", "I": "S"}.get(letter, letter)] for letter in code]
    result = reorient(resample_to_spacing(turned, (order[0], order[1], order[2])), image.codes)
    assert np.allclose(result.voxels, expected.voxels, atol=1e-5)
    assert np.allclose(result.affine, expected.affine)


def test_the_same_spacing_changes_nothing() -> None:
    image = Image(np.random.default_rng(2).normal(size=(3, 5, 7)).astype(np.float32), np.diag([4.0, 0.5, 0.6, 1.0]))
    result = resample_to_spacing(image, (4.0, 0.5, 0.6))
    assert np.array_equal(result.voxels, image.voxels)
    assert np.array_equal(result.affine, image.affine)


def test_detail_too_fine_for_a_coarser_grid_is_averaged_and_does_not_alias() -> None:
    stripes = np.tile([0.0, 100.0], 60)[None, None].repeat(4, 1)
    result = resample_to_spacing(Image(stripes, np.eye(4)), (1.0, 1.0, 4.0))
    assert np.allclose(result.voxels[..., 2:-2], 50, atol=2)


def test_averaging_keeps_a_constant_and_the_total() -> None:
    spike = np.zeros(41, dtype=np.float32)
    spike[20] = 1
    assert np.isclose(blur(spike, 0, 4.0).sum(), 1, atol=1e-6)
    assert np.allclose(blur(np.full(9, 3, dtype=np.float32), 0, 4.0), 3)
    assert blur(spike, 0, 1.0) is spike


def test_a_plane_is_resampled_through_its_affine() -> None:
    source = np.arange(1, 21, dtype=np.float32).reshape(4, 5)
    same = resample_plane(source, np.array([[1.0, 0, 0], [0, 1, 0]]), (4, 5))
    assert np.array_equal(same, source)
    turned = resample_plane(source, np.array([[0.0, 1, 0], [1, 0, 0]]), (5, 4))
    assert np.array_equal(turned, source.T)
    moved = resample_plane(source, np.array([[1.0, 0, 1], [0, 1, -1]]), (4, 5))
    assert np.array_equal(moved[1:, :-1], source[:-1, 1:])
    assert (moved[0] == 0).all() and (moved[:, -1] == 0).all()


@pytest.mark.parametrize("axis", [0, 1])
def test_detail_of_a_plane_that_is_too_fine_for_a_coarser_one_is_averaged_in_both_directions(axis: int) -> None:
    stripes = np.indices((80, 80))[axis] % 2 * 100.0
    coarse = resample_plane(stripes, np.array([[4.0, 0, 0], [0, 4, 0]]), (20, 20))
    assert np.allclose(coarse[2:-2, 2:-2], 50, atol=2)


@pytest.mark.parametrize("corner", [(0, 60), (60, 0), (35, 5), (62, 62)])
def test_a_region_of_a_plane_is_the_same_wherever_it_lies_and_however_it_is_rotated(corner: tuple[int, int]) -> None:
    column, row = corner
    plane = np.random.default_rng(3).normal(size=(70, 70)).astype(np.float32)
    upright = resample_plane(plane, np.array([[1.0, 0, column], [0, 1, row]]), (8, 8))
    assert np.array_equal(upright, plane[row : row + 8, column : column + 8])
    on_its_head = resample_plane(plane, np.array([[-1.0, 0, column + 7], [0, -1, row + 7]]), (8, 8))
    assert np.array_equal(on_its_head, upright[::-1, ::-1])
