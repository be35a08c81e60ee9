"""The localizer and region networks: shapes, and the meaning of their outputs."""

from __future__ import annotations

import pytest
import torch

from SpinalDiseaseAILib.models.localizer_network import LocalizerEnsemble, LocalizerNetwork, log_probabilities
from SpinalDiseaseAILib.models.region_network import RegionNetwork


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def test_heat_maps_are_half_the_size_of_the_image() -> None:
    network = LocalizerNetwork(11, (4, 6, 8)).eval()
    heat, outside, canal = network(torch.rand(2, 1, 3 * network.multiple, 2 * network.multiple))
    assert heat.shape == (2, 11, 3 * network.multiple // 2, network.multiple)
    assert outside.shape == (2, 11)
    assert canal.shape == (2, 1, 3 * network.multiple // 2, network.multiple)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_sides_must_be_multiples_of_two_to_the_power_of_the_depth(depth: int) -> None:
    assert LocalizerNetwork(2, (2,) * depth).multiple == 2**depth


def test_every_key_point_is_at_some_pixel_or_outside_the_image() -> None:
    logs, log_outside = log_probabilities(torch.randn(2, 11, 5, 7) * 4, torch.randn(2, 11))
    assert logs.shape == (2, 11, 5, 7)
    torch.testing.assert_close(logs.exp().sum((2, 3)) + log_outside.exp(), torch.ones(2, 11))


def test_a_key_point_whose_logit_is_highest_outside_is_most_probably_outside() -> None:
    heat = torch.zeros(1, 2, 4, 4)
    _, log_outside = log_probabilities(heat, torch.tensor([[10.0, -10.0]]))
    assert log_outside.exp()[0, 0] > 0.99 and log_outside.exp()[0, 1] < 0.01


def test_members_are_averaged() -> None:
    network = RegionNetwork(2, 11, 5, (4, 6), members=3).eval()
    regions, codes = torch.rand(4, 2, 32, 32), torch.eye(11)[:4]
    each = torch.stack([member(regions, codes) for member in network.members])
    assert each.std(0).min() > 0
    torch.testing.assert_close(network(regions, codes), each.mean(0))


def test_logits_depend_on_which_structure_a_region_shows() -> None:
    network = RegionNetwork(2, 11, 5, (4, 6)).eval()
    region = torch.rand(1, 2, 32, 32)
    assert not torch.allclose(network(region, torch.eye(11)[:1]), network(region, torch.eye(11)[1:2]))


def test_a_region_is_graded_alike_alone_and_in_a_batch() -> None:
    network = RegionNetwork(2, 11, 5, (4, 6)).eval()
    regions, codes = torch.rand(4, 2, 32, 32), torch.eye(11)[:4]
    torch.testing.assert_close(network(regions, codes)[2:3], network(regions[2:3], codes[2:3]))


def test_an_ensemble_of_one_at_its_own_size_is_its_member() -> None:
    ensemble = LocalizerEnsemble(11, (4, 6, 8), 1, (1.0,)).eval()
    x = torch.rand(2, 1, 64, 48)
    with torch.inference_mode():
        for found, expected in zip(ensemble.probabilities(x), ensemble.members[0].probabilities(x), strict=True):
            torch.testing.assert_close(found, expected)


def test_an_ensemble_gives_the_mean_of_its_members_at_each_of_its_sizes() -> None:
    ensemble = LocalizerEnsemble(11, (4, 6, 8), 2, (1.0, 0.5)).eval()
    x = torch.rand(1, 1, 64, 64)
    looks = []
    with torch.inference_mode():
        found = ensemble.probabilities(x)
        for scale in ensemble.scales:
            for member in ensemble.members:
                alone = LocalizerEnsemble(11, (4, 6, 8), 1, (scale,)).eval()
                alone.members[0] = member
                looks.append(alone.probabilities(x))
    for part, parts in zip(found, zip(*looks, strict=True), strict=True):
        torch.testing.assert_close(part, torch.stack(parts).mean(0))


def test_the_probabilities_of_an_ensemble_sum_to_one_at_every_size() -> None:
    ensemble = LocalizerEnsemble(11, (4, 6, 8), 2, (0.75, 1.0, 1.25)).eval()
    with torch.inference_mode():
        places, outside, canal = ensemble.probabilities(torch.rand(2, 1, 64, 64))
    assert places.shape == (2, 11, 32, 32) and outside.shape == (2, 11) and canal.shape == (2, 1, 32, 32)
    torch.testing.assert_close(places.sum((2, 3)) + outside, torch.ones(2, 11), atol=0.02, rtol=0)


def test_an_ensemble_sees_a_point_at_the_same_place_at_every_size() -> None:
    class Brightest(LocalizerNetwork):
        """Its maps peak at the brightest pixels."""

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            small = torch.nn.functional.avg_pool2d(x, 2)
            return 40 * small, torch.full((len(x), 1), -20.0), small

    ensemble = LocalizerEnsemble(1, (2, 2), 1, (0.9, 1.1)).eval()
    ensemble.members[0] = Brightest(1, (2, 2))
    rows, columns = torch.meshgrid(torch.arange(160.0), torch.arange(160.0), indexing="ij")
    image = torch.exp(-((rows - 100.5) ** 2 + (columns - 40.5) ** 2) / 200)[None, None]
    places = ensemble.probabilities(image)[0][0, 0]
    row, column = divmod(int(places.argmax()), places.shape[1])
    assert abs(row - 50) <= 1 and abs(column - 20) <= 1
