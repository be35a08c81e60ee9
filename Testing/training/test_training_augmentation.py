"""Random views: points and pixels move together, and the seed determines everything."""

from __future__ import annotations

import math

import pytest
import torch

from SpinalDiseaseAILib.training.augmentation import ViewRange, random_contrast, random_cutout, random_views, to_target, warp

IDENTITY = torch.eye(2)


def dots(places: torch.Tensor, shape: tuple[int, int] = (80, 70)) -> torch.Tensor:
    """One image per place, (K, H, W), each with a Gaussian at (column, row)."""
    rows, columns = torch.meshgrid(torch.arange(shape[0]), torch.arange(shape[1]), indexing="ij")
    return torch.stack([torch.exp(-0.5 * ((columns - x) ** 2 + (rows - y) ** 2) / 4) for x, y in places.tolist()])


def centres(images: torch.Tensor) -> torch.Tensor:
    """Centre of mass (column, row) of each image."""
    rows, columns = torch.meshgrid(torch.arange(images.shape[1]), torch.arange(images.shape[2]), indexing="ij")
    mass = images.sum((1, 2))
    return torch.stack([(images * columns).sum((1, 2)) / mass, (images * rows).sum((1, 2)) / mass], 1)


@pytest.mark.parametrize("seed", range(6))
def test_points_move_with_their_pixels(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    places = torch.tensor([[25.0, 30.0], [40.0, 38.0], [33.0, 52.0]])
    matrix = random_views(1, ViewRange(), generator)[0]
    source = torch.tensor([34.0, 41.0]) + torch.randn(2, generator=generator) * 3
    shape = (120, 110)
    target = to_target(places, matrix, source, shape)
    torch.testing.assert_close(centres(warp(dots(places), matrix, source, shape)), target, atol=0.1, rtol=0)


def test_the_middle_of_the_view_shows_the_source_and_beyond_the_image_is_black() -> None:
    image = torch.rand(1, 21, 31)
    same = warp(image, IDENTITY, torch.tensor([15.0, 10.0]), (21, 31))
    torch.testing.assert_close(same, image)
    far = warp(image, IDENTITY, torch.tensor([200.0, 10.0]), (21, 31))
    assert not far.any()


def test_a_matrix_of_two_halves_the_size() -> None:
    target = to_target(torch.tensor([[20.0, 10.0]]), 2 * IDENTITY, torch.tensor([10.0, 10.0]), (41, 41))
    torch.testing.assert_close(target, torch.tensor([[25.0, 20.0]]))


def test_unknown_points_stay_unknown() -> None:
    assert to_target(torch.full((2, 2), math.nan), IDENTITY, torch.zeros(2), (5, 5)).isnan().all()


def test_views_stay_in_their_range(generator: torch.Generator) -> None:
    ranges = ViewRange(scale=0.2, stretch=0.1, degrees=5.0, steep=0.0)
    views = random_views(2000, ranges, generator)
    areas = torch.linalg.det(views)
    assert (areas.log().abs() <= 2 * 0.2 + 0.1 + 1e-5).all() and (areas > 0).all()
    angles = torch.atan2(-views[:, 0, 1], views[:, 1, 1]).rad2deg()
    assert angles.std() == pytest.approx(5.0, rel=0.1)


def test_some_views_are_steep(generator: torch.Generator) -> None:
    views = random_views(2000, ViewRange(degrees=0.0, steep=0.25), generator)
    angles = torch.atan2(-views[:, 0, 1], views[:, 1, 1]).rad2deg().abs()
    assert (angles > 0.01).float().mean() == pytest.approx(0.25, abs=0.04) and angles.max() <= 40.01


@pytest.mark.parametrize("change", [random_contrast, random_cutout])
def test_the_seed_determines_the_result_and_the_input_is_not_changed(change) -> None:
    images = torch.rand(4, 2, 24, 24)
    before = images.clone()
    results = [change(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])
    assert torch.equal(images, before)


def test_a_contrast_of_no_strength_changes_nothing(generator: torch.Generator) -> None:
    images = torch.rand(4, 1, 16, 16)
    torch.testing.assert_close(random_contrast(images, generator, strength=0.0, inverted=0.0), images, atol=1e-5, rtol=1e-5)


def test_contrast_changes_give_finite_numbers_even_for_black_and_very_bright_images(generator: torch.Generator) -> None:
    for value in (0.0, 2.0):
        assert torch.isfinite(random_contrast(torch.full((64, 2, 16, 16), value), generator)).all()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_cutout_covers_part_of_the_stated_share_of_images(share: float, generator: torch.Generator) -> None:
    images = torch.full((20, 1, 32, 32), -1.0)
    changed = (random_cutout(images, generator, share) != images).flatten(1).float().mean(1)
    assert ((changed > 0).float().mean()) == share
    assert (changed < 0.25 * 0.25).all()
