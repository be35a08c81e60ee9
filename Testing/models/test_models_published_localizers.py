"""The networks of the published localizers: shapes, initial outputs, boxes."""

from __future__ import annotations

import pytest
import torch

from SpinalDiseaseAILib.models.box_detector import BoxDetector
from SpinalDiseaseAILib.models.vnet2d import VNet2d

SMALL = (2, 4, 6)


def seeded(images: int = 2, side: int = 64) -> torch.Tensor:
    return torch.rand(images, 1, side, side, generator=torch.Generator().manual_seed(0))


def test_the_v_net_gives_one_map_per_key_point_at_the_resolution_of_the_image() -> None:
    torch.manual_seed(0)
    assert VNet2d(11, SMALL)(seeded()).shape == (2, 11, 64, 64)


def test_the_v_net_has_by_default_the_widths_and_kernels_of_the_original() -> None:
    network = VNet2d(11)
    kernels = [module.kernel_size for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    assert kernels.count((5, 5)) == 1 + (1 + 2 + 3 + 3) + (2 + 2 + 1 + 1)
    assert kernels.count((2, 2)) == 4 and network.multiple == 16
    assert max(module.out_channels for module in network.modules() if isinstance(module, torch.nn.Conv2d)) == 256


def test_the_v_net_refuses_a_side_that_is_not_a_multiple_of_its_strides() -> None:
    with pytest.raises(RuntimeError):
        VNet2d(11, SMALL)(seeded(side=66))


@pytest.mark.parametrize("network", [VNet2d(11, SMALL), BoxDetector(11, 4, 8)], ids=["v-net", "detector"])
def test_an_untrained_network_gives_low_probabilities_everywhere(network: torch.nn.Module) -> None:
    result = network.eval()(seeded())
    scores = (result if isinstance(network, VNet2d) else result[0]).sigmoid()
    assert 0.001 < scores.mean() < 0.1


def test_the_detector_scores_every_cell_of_eight_pixels_for_every_key_point() -> None:
    scores, boxes = BoxDetector(11, 4, 8).eval()(seeded(side=96))
    assert scores.shape == (2, 11, 12, 12) and boxes.shape == (2, 4, 12, 12)


def test_boxes_extend_from_the_centre_of_their_cell_to_four_sides() -> None:
    network = BoxDetector(11, 4, 8).eval()
    with torch.no_grad():
        network.distance.weight.zero_()
        network.distance.bias.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]).log())
    boxes = network(seeded())[1][0]
    assert boxes[:, 0, 0].tolist() == pytest.approx([3.5 - 8, 3.5 - 16, 3.5 + 24, 3.5 + 32], rel=1e-5)
    assert boxes[:, 2, 5].tolist() == pytest.approx([43.5 - 8, 19.5 - 16, 43.5 + 24, 19.5 + 32], rel=1e-5)


def test_a_detector_with_any_weights_gives_finite_boxes() -> None:
    network = BoxDetector(11, 4, 8).eval()
    with torch.no_grad():
        network.distance.bias.fill_(1e4)
    assert torch.isfinite(network(seeded())[1]).all()
