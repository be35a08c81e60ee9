"""Batch normalizations fused into convolutions: the same results, and only after a convolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from SpinalDiseaseAILib.models.efficient_encoder import EfficientEncoder
from SpinalDiseaseAILib.models.fusing import fuse_normalizations
from SpinalDiseaseAILib.models.segmentation_network import SegmentationNetwork


def trained(network: nn.Module) -> nn.Module:
    """A network whose normalizations have non-trivial statistics and weights, as after a training."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight.data, module.running_var):
                assert values is not None
                values.copy_(0.5 + torch.rand(values.shape, generator=generator))
            for values in (module.bias.data, module.running_mean):
                assert values is not None
                values.copy_(torch.randn(values.shape, generator=generator) * 0.2)
    return network.eval()


def outputs(network: nn.Module, images: Tensor) -> Tensor:
    with torch.inference_mode():
        result = network(images)
    return result[-1] if isinstance(result, list) else result


def test_the_shipped_kinds_of_blocks_give_the_same_results_with_fused_normalizations() -> None:
    images = torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(1))
    for network in (trained(SegmentationNetwork()), trained(EfficientEncoder(3, 5))):
        before = outputs(network, images)
        assert before.std() > 0
        fused = fuse_normalizations(network)
        assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
        torch.testing.assert_close(outputs(fused, images), before, atol=1e-4, rtol=1e-3)


def test_a_normalization_without_a_convolution_before_it_stays() -> None:
    network = trained(nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)))
    images = torch.rand((2, 3, 8, 8), generator=torch.Generator().manual_seed(1))
    before = outputs(network, images)
    assert sum(isinstance(module, nn.BatchNorm2d) for module in fuse_normalizations(network).modules()) == 2
    assert torch.equal(outputs(network, images), before)
