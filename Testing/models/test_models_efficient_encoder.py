"""The encoder that can be initialized with ImageNet weights has the features of the published network."""

from __future__ import annotations

import pytest
import torch

from SpinalDiseaseAILib.models.efficient_encoder import STAGE_CHANNELS, STAGE_STRIDES, EfficientEncoder
from SpinalDiseaseAILib.models.region_network import RegionNetwork


@pytest.mark.parametrize("stages", [1, 3, 5, 7])
def test_each_stage_has_its_channels_and_stride(stages: int) -> None:
    maps = EfficientEncoder(1, stages).eval()(torch.rand(2, 1, 64, 96))
    assert [tuple(item.shape) for item in maps] == [
        (2, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(STAGE_CHANNELS[:stages], STAGE_STRIDES[:stages], strict=True)
    ]


def test_blocks_are_skipped_only_in_training() -> None:
    torch.manual_seed(0)
    encoder = EfficientEncoder(1, 3, skipped=0.9)
    image = torch.rand(4, 1, 32, 32)
    assert not torch.equal(encoder(image)[-1], encoder(image)[-1])
    encoder.eval()
    assert torch.equal(encoder(image)[-1], encoder(image)[-1])


@pytest.mark.parametrize(("small", "encoders"), [(0, 1), (2, 1)])
def test_the_region_network_averages_small_trunks_and_trunks_with_the_encoder(small: int, encoders: int) -> None:
    network = RegionNetwork(2, 11, 5, (4, 6), members=small, encoder_members=encoders, encoder_stages=3).eval()
    regions, codes = torch.rand(4, 2, 32, 32), torch.eye(11)[:4]
    each = torch.stack([member(regions, codes) for member in network.members])
    assert each.shape == (small + encoders, 4, 5)
    torch.testing.assert_close(network(regions, codes), each.mean(0))
