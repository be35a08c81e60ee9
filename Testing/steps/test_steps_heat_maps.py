"""From planes to heat maps and candidates: grids, peaks and centres."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS, Kind
from SpinalDiseaseAILib.base.planes import SagittalVolume, image_of_plane
from SpinalDiseaseAILib.models.localizer_network import LocalizerNetwork
from SpinalDiseaseAILib.steps.heat_maps import Grid, candidates, centroid, heat_maps, kind_map, to_network_pixel
from SpinalDiseaseAILib.steps.intensity import GreyScale


def plane(rows: int, columns: int, spacing: tuple[float, float]) -> SagittalVolume:
    return SagittalVolume.of(image_of_plane(np.ones((rows, columns), np.uint8), spacing))


def blobs(places: dict[int, tuple[float, float]], shape: tuple[int, int] = (80, 60)) -> torch.Tensor:
    """Maps (K, H, W) of probabilities, with one Gaussian per key point at (column, row)."""
    rows, columns = torch.meshgrid(torch.arange(shape[0]), torch.arange(shape[1]), indexing="ij")
    maps = torch.zeros((len(KEY_POINTS), *shape))
    for number, (column, row) in places.items():
        bump = torch.exp(-0.5 * ((rows - row) ** 2 + (columns - column) ** 2) / 1.5**2)
        maps[number] = bump / bump.sum()
    return maps


@pytest.mark.parametrize(
    ("rows", "columns", "spacing"), [(640, 512, (0.47, 0.47)), (300, 200, (0.6, 1.3)), (100, 90, (3.0, 2.0))]
)
def test_the_grid_has_the_same_centre_as_the_plane_and_steps_of_one_millimetre(
    rows: int, columns: int, spacing: tuple[float, float]
) -> None:
    grid = Grid.of(plane(rows, columns, spacing), 32)
    middle = (np.array(grid.shape[::-1]) - 1) / 2
    assert grid.plane_pixels(middle) == pytest.approx([(columns - 1) / 2, (rows - 1) / 2])
    step = (grid.plane_pixels(middle + (1, 1)) - grid.plane_pixels(middle)) * spacing
    assert step == pytest.approx([1, 1])


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7])
def test_the_grid_holds_the_whole_plane_and_suits_the_network(scale: float) -> None:
    grid = Grid.of(plane(640, 512, (0.8, 0.8)), 32, scale)
    assert all(side % 32 == 0 and side >= 320 for side in grid.shape)
    first, last = grid.plane_pixels((-0.5, -0.5)), grid.plane_pixels(np.array(grid.shape[::-1]) - 0.5)
    assert (first <= -0.5 + 1e-9).all() and (last >= np.array([512, 640]) - 0.5 - 1e-9).all()


def test_a_heat_map_pixel_lies_in_the_middle_of_the_pixels_that_it_covers() -> None:
    assert to_network_pixel([0, 3]) == pytest.approx([0.5, 6.5])


def test_maps_of_a_slice_do_not_depend_on_the_other_slices_of_the_batch() -> None:
    torch.manual_seed(0)
    network = LocalizerNetwork(len(KEY_POINTS), (2, 2)).eval()
    voxels = np.random.default_rng(0).integers(0, 255, (3, 40, 50)).astype(np.uint8)
    image = image_of_plane(np.zeros((50, 40), np.uint8), (2.0, 2.0))
    volume = SagittalVolume.of(type(image)(voxels, image.affine))
    grid, scale = Grid.of(volume, network.multiple, smallest=32), GreyScale.of(voxels)
    cpu = torch.device("cpu")
    together = heat_maps(network, volume, (0, 1, 2), grid, scale, cpu)
    alone = heat_maps(network, volume, (1,), grid, scale, cpu)
    assert together.places.shape == (3, len(KEY_POINTS), grid.shape[0] // 2, grid.shape[1] // 2)
    torch.testing.assert_close(together.places[1:2], alone.places)
    torch.testing.assert_close(together.places.sum((2, 3)) + together.outside, torch.ones(3, len(KEY_POINTS)))
    assert together.canal.min() >= 0 and together.canal.max() <= 1


def test_each_peak_is_a_candidate_of_its_kind_with_its_own_channels_mass() -> None:
    discs = {0: (20, 10), 2: (22, 27), 4: (24, 44)}
    vertebrae = {1: (21, 18), 3: (23, 36)}
    found = candidates(blobs(discs | vertebrae), torch.full((len(KEY_POINTS),), 0.01))
    expected = {Kind.DISC: discs, Kind.VERTEBRA: vertebrae}
    for kind, places in expected.items():
        assert sorted(map(tuple, found.places[kind])) == sorted((2.0 * x, 2.0 * y) for x, y in places.values())
    best = found.masses[2].argmax()
    assert tuple(found.places[Kind.DISC][best]) == (44.0, 54.0)
    assert found.masses[2][best] > 0.8
    assert np.delete(found.masses[2], best).max() < 0.05


def test_flat_maps_have_no_candidates() -> None:
    flat = torch.full((len(KEY_POINTS), 80, 60), 1e-7)
    found = candidates(flat, torch.full((len(KEY_POINTS),), 1.0))
    assert all(len(mass) == 0 for mass in found.masses)


def test_a_centre_is_found_between_pixels() -> None:
    map_ = kind_map(blobs({4: (30.3, 41.6)}), Kind.DISC).numpy()
    assert centroid(map_, (31, 41)) == pytest.approx([30.3, 41.6], abs=0.05)


def test_a_centre_stays_where_it_is_when_the_map_is_empty_there() -> None:
    assert centroid(np.zeros((20, 20), np.float32), (7.5, 3.0)) == pytest.approx([7.5, 3.0])


@pytest.mark.parametrize("start", [(0, 0), (19, 19), (-3, 25)])
def test_a_centre_at_the_border_stays_in_the_map(start: tuple[float, float]) -> None:
    place = centroid(np.ones((20, 20), np.float32), start)
    assert (place >= -3).all() and (place <= 25).all() and np.isfinite(place).all()
