"""Regions of interest: laid out by the neighbours, sampled from every contrast."""

from __future__ import annotations

import numpy as np
import pytest

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.geometry import Image, all_axis_codes, reorient
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.steps.intensity import GreyScale
from SpinalDiseaseAILib.steps.regions import RegionLayout, grey_scale, regions_of, sample, shows

SIDE = 24
IDENTITY = GreyScale(0.0, 1.0)


def volume(spacing: tuple[float, float, float] = (4.0, 1.0, 1.0), shape: tuple[int, int, int] = (9, 80, 220)) -> SagittalVolume:
    """An LPI stack around the origin whose voxels encode their position: 0.5 + (R + 2 A + 3 S) / 1000."""
    affine = np.diag([*(-np.array(spacing)), 1.0])
    affine[:3, 3] = (np.array(shape) - 1) * spacing / 2
    image = Image(np.zeros(shape, np.float32), affine)
    places = image.to_ras(np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1))
    return SagittalVolume.of(Image((0.5 + places @ (1, 2, 3) / 1000).astype(np.float32), affine))


def straight(step: float = 16.0) -> dict[str, np.ndarray]:
    """Key points vertically above each other, RAS."""
    return {name: np.array([0.0, 0.0, (5 - index) * step]) for index, name in enumerate(KEY_POINTS)}


def middle_of(affine: np.ndarray) -> np.ndarray:
    return affine[:3, :3] @ [(SIDE - 1) / 2, (SIDE - 1) / 2, 0] + affine[:3, 3]


def test_a_region_is_centred_on_its_point_and_as_wide_as_levels_say() -> None:
    points = straight()
    for region in regions_of(points, volume(), KEY_POINTS, RegionLayout(SIDE)):
        assert middle_of(region.affine) == pytest.approx(points[region.name])
        assert np.linalg.norm(region.affine[:3, 0]) * SIDE == pytest.approx(1.9 * 32)
        assert region.affine[:3, 0] / np.linalg.norm(region.affine[:3, 0]) == pytest.approx([0, -1, 0])  # posterior
        assert region.affine[:3, 1] / np.linalg.norm(region.affine[:3, 1]) == pytest.approx([0, 0, -1])  # inferior


@pytest.mark.parametrize("factor", [0.7, 1.5])
def test_a_larger_patient_has_larger_regions(factor: float) -> None:
    small, large = (regions_of(straight(step), volume(), ("L3",), RegionLayout(SIDE))[0] for step in (16, 16 * factor))
    assert np.linalg.norm(large.affine[:3, 0]) == pytest.approx(factor * np.linalg.norm(small.affine[:3, 0]))


@pytest.mark.parametrize("degrees", [-30, 10, 45])
def test_a_region_is_aligned_with_its_neighbours(degrees: float) -> None:
    angle = np.radians(degrees)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    points = straight()
    upright = regions_of(points, volume(), KEY_POINTS, RegionLayout(SIDE))
    turned = regions_of({name: turn @ place for name, place in points.items()}, volume(), KEY_POINTS, RegionLayout(SIDE))
    for before, after in zip(upright, turned, strict=True):
        assert after.affine[:3, :2] == pytest.approx(turn @ before.affine[:3, :2])


def test_one_misplaced_point_changes_the_size_of_its_neighbours_little() -> None:
    points = straight()
    usual = regions_of(points, volume(), ("L3",), RegionLayout(SIDE))[0]
    points["L2-L3"] = points["L2-L3"] + (0, 0, 12.0)
    moved = regions_of(points, volume(), ("L3",), RegionLayout(SIDE))[0]
    assert np.linalg.norm(moved.affine[:3, 1]) / np.linalg.norm(usual.affine[:3, 1]) < 1.25


def test_the_ends_of_a_chain_need_one_neighbour() -> None:
    points = straight()
    kept = {name: points[name] for name in ("L4-L5", "L5")}
    assert [region.name for region in regions_of(kept, volume(), ("L4-L5", "L5"), RegionLayout(SIDE))] == ["L4-L5", "L5"]


PUBLISHED = RegionLayout(48, levels=1.5, turned=False, own=1.0, contrasts=("T2",))
"""Layout of the Spinal Disease 2020 system: upright crops of 48 pixels, sized by their own neighbours."""


@pytest.mark.parametrize("degrees", [-30, 0, 45])
def test_an_upright_region_keeps_the_columns_and_rows_of_the_image_and_its_point_in_the_middle(degrees: float) -> None:
    angle = np.radians(degrees)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    points = {name: turn @ place for name, place in straight().items()}
    for region in regions_of(points, volume(), KEY_POINTS, PUBLISHED):
        assert region.side == 48
        assert region.affine[:3, 0] == pytest.approx([0, -1.5 * 32 / 48, 0])  # posterior
        assert region.affine[:3, 1] == pytest.approx([0, 0, -1.5 * 32 / 48])  # inferior
        assert region.affine[:3, :3] @ [23.5, 23.5, 0] + region.affine[:3, 3] == pytest.approx(points[region.name])


def test_a_region_can_be_sized_by_its_own_neighbours_alone() -> None:
    points = {name: place * (1, 1, 1 + index / 20) for index, (name, place) in enumerate(straight().items())}
    names = KEY_POINTS[1:-1]
    for name, region in zip(names, regions_of(points, volume(), names, PUBLISHED), strict=True):
        index = KEY_POINTS.index(name)
        between = np.linalg.norm(points[KEY_POINTS[index + 1]] - points[KEY_POINTS[index - 1]])
        assert np.linalg.norm(region.affine[:3, 0]) * 48 == pytest.approx(1.5 * between)


@pytest.mark.parametrize(("end", "neighbour"), [("T12-L1", "L1"), ("L5-S1", "L5")])
def test_at_the_ends_the_only_neighbour_counts_for_both(end: str, neighbour: str) -> None:
    points = straight()
    points[end] = points[neighbour] + (0, 0, 20.0 if end == "T12-L1" else -20.0)
    region = regions_of(points, volume(), (end,), PUBLISHED)[0]
    assert np.linalg.norm(region.affine[:3, 0]) * 48 == pytest.approx(1.5 * 2 * 20)


def test_a_layout_is_read_from_options_with_defaults_for_those_that_are_missing() -> None:
    options = {"region_pixels": 48, "region_levels": 1.5, "region_turned": False, "region_own": 1.0, "contrasts": ["T2"]}
    assert RegionLayout.of_options(options) == PUBLISHED
    assert RegionLayout.of_options({"region_pixels": 128}) == RegionLayout(128)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"region_pixels": 0},
        {"region_pixels": 48, "region_levels": 0},
        {"region_pixels": 48, "region_own": 2},
        {"region_pixels": 48, "region_turned": "no"},
        {"region_pixels": 48, "contrasts": []},
        {"region_pixels": 48, "contrasts": ["T1", "T2"]},
    ],
    ids=str,
)
def test_options_that_do_not_define_a_layout_are_refused(options: dict) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        RegionLayout.of_options(options)


@pytest.mark.parametrize(
    ("kept", "wanted", "because"),
    [(("L3",), "L3", "No two"), (("L1", "L3"), "L3", "No two"), (("T12-L1", "L1", "L3"), "L3", "no neighbouring")],
)
def test_a_structure_without_a_neighbour_has_no_region(kept: tuple[str, ...], wanted: str, because: str) -> None:
    points = straight()
    with pytest.raises(ValueError, match=because):
        regions_of({name: points[name] for name in kept}, volume(), (wanted,), RegionLayout(SIDE))


def test_neighbours_at_the_same_position_give_no_direction() -> None:
    points = straight()
    points["L2-L3"] = points["L3-L4"]
    with pytest.raises(ValueError, match="same place"):
        regions_of(points, volume(), ("L3",), RegionLayout(SIDE))


def test_a_sample_shows_the_place_that_the_region_names() -> None:
    stack = volume()
    region = regions_of(straight(), stack, ("L3",), RegionLayout(SIDE))[0]
    pixels = sample(region, stack, IDENTITY)
    columns, rows = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    places = np.stack([columns, rows, np.zeros_like(rows)], -1) @ region.affine[:3, :3].T + region.affine[:3, 3]
    np.testing.assert_allclose(pixels, 0.5 + places @ (1, 2, 3) / 1000, atol=2e-3)


@pytest.mark.parametrize(
    ("spacing", "shape"), [((4.0, 0.7, 1.4), (9, 120, 160)), ((2.0, 2.0, 2.0), (19, 40, 110))], ids=["finer", "coarser"]
)
def test_another_contrast_on_another_grid_shows_the_same_anatomy(
    spacing: tuple[float, float, float], shape: tuple[int, int, int]
) -> None:
    first, other = volume(), volume(spacing, shape)
    for region in regions_of(straight(), first, ("L1-L2", "L3", "L4-L5"), RegionLayout(SIDE)):
        np.testing.assert_allclose(sample(region, other, IDENTITY), sample(region, first, IDENTITY), atol=8e-3)


def test_another_contrast_that_is_rotated_in_the_same_space_shows_the_same_anatomy() -> None:
    first = volume()
    angle = np.radians(12)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    grid = Image(np.zeros((9, 160, 240), np.float32), turn @ np.diag([-4.0, -1.0, -1.0, 1.0]))
    shift = np.eye(4)
    shift[:3, 3] = -grid.to_ras((np.array(grid.voxels.shape) - 1) / 2)
    affine = shift @ grid.affine
    indices = np.stack(np.meshgrid(*map(np.arange, grid.voxels.shape), indexing="ij"), -1)
    values = 0.5 + Image(grid.voxels, affine).to_ras(indices) @ (1, 2, 3) / 1000
    other = SagittalVolume.of(Image(values.astype(np.float32), affine))
    for region in regions_of(straight(), first, ("L2", "L3-L4"), RegionLayout(SIDE)):
        np.testing.assert_allclose(sample(region, other, IDENTITY), sample(region, first, IDENTITY), atol=4e-3)


@pytest.mark.parametrize("offset", [-4.0, 4.0])
def test_an_offset_samples_the_neighbouring_slice(offset: float) -> None:
    stack = volume()
    region = regions_of(straight(), stack, ("L3",), RegionLayout(SIDE))[0]
    normal = region.affine[:3, 2]
    assert abs(normal[0]) == pytest.approx(1)
    difference = sample(region, stack, IDENTITY, offset) - sample(region, stack, IDENTITY)
    np.testing.assert_allclose(difference, offset * normal[0] / 1000, atol=1e-5)


def test_a_region_outside_the_stack_is_black_and_one_just_outside_it_shows_the_outermost_slice() -> None:
    stack = volume()  # slices from -16 to 16 mm
    points = {name: place + (22.0, 0, 0) for name, place in straight().items()}
    near = regions_of(points, stack, ("L3",), RegionLayout(SIDE))[0]
    assert sample(near, stack, IDENTITY).min() > 0
    far = regions_of({name: place + (5.0, 0, 0) for name, place in points.items()}, stack, ("L3",), RegionLayout(SIDE))[0]
    assert (sample(far, stack, IDENTITY) == 0).all()


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((0.0, 0.0, 0.0), True),
        ((23.9, 0.0, 0.0), True),  # 8 mm beyond the outermost slice
        ((24.1, 0.0, 0.0), False),
        ((0.0, 39.9, 0.0), True),  # the border of the outermost pixel
        ((0.0, 40.1, 0.0), False),
        ((0.0, 0.0, -110.1), False),
    ],
)
def test_a_volume_shows_points_within_its_planes_and_near_its_slices(point: tuple[float, float, float], expected: bool) -> None:
    assert shows(volume(), np.array(point)) is expected


def test_a_single_slice_is_sampled_at_any_distance_from_the_points() -> None:
    stack = volume(shape=(1, 80, 220))
    points = {name: place + (30.0, 0, 0) for name, place in straight().items()}
    assert sample(regions_of(points, stack, ("L3",), RegionLayout(SIDE))[0], stack, IDENTITY).min() > 0


def test_outside_the_plane_is_black() -> None:
    stack = volume(shape=(9, 80, 40))
    pixels = sample(regions_of(straight(), stack, ("L1",), RegionLayout(SIDE))[0], stack, IDENTITY)
    assert (pixels == 0).all()


@pytest.mark.parametrize("codes", all_axis_codes())
def test_planes_regions_and_grey_scale_are_the_same_in_each_of_the_48_axis_orders(codes: str) -> None:
    stack = volume(shape=(5, 50, 130))
    other = SagittalVolume.of(reorient(stack.image, codes))
    assert np.array_equal(other.image.voxels, stack.image.voxels)
    assert other.image.affine == pytest.approx(stack.image.affine)
    assert grey_scale(other) == grey_scale(stack)
    points = straight()
    one, two = (regions_of(points, item, ("L2-L3",), RegionLayout(SIDE))[0] for item in (stack, other))
    np.testing.assert_allclose(sample(two, other, IDENTITY), sample(one, stack, IDENTITY), atol=1e-6)


def test_the_grey_scale_is_that_of_the_middle_third() -> None:
    voxels = np.full((9, 20, 30), 1000.0)
    voxels[3:6] = np.random.default_rng(0).uniform(1, 100, (3, 20, 30))
    stack = SagittalVolume.of(Image(voxels, volume().image.affine))
    assert grey_scale(stack).high < 101
