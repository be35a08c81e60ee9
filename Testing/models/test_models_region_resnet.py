"""The network of the published region classifier: one ResNet-18 for small images per finding, one class per structure."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from monai.networks.nets.resnet import ResNet as MonaiResNet

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS, finding
from SpinalDiseaseAILib.base.errors import ModelError
from SpinalDiseaseAILib.models.loading import build
from SpinalDiseaseAILib.models.region_resnet import RegionResNet, ResNet, log_odds
from SpinalDiseaseAILib.steps.heads import Heads

FINDINGS = ("disc_disease", "vertebra_disease")
WIDTHS = (2, 4, 6, 8)


@pytest.fixture
def network() -> RegionResNet:
    torch.manual_seed(0)
    return RegionResNet(1, len(KEY_POINTS), 7, FINDINGS, WIDTHS).eval()


def one_hot(*names: str) -> torch.Tensor:
    return torch.eye(len(KEY_POINTS))[[KEY_POINTS.index(name) for name in names]]


def test_it_is_the_resnet_18_of_monai() -> None:
    torch.manual_seed(0)
    own = ResNet(1, 5, WIDTHS).eval()
    theirs = MonaiResNet(
        "basic", [2, 2, 2, 2], list(WIDTHS), 2, 1, 3, 1, no_max_pool=True, num_classes=5, bias_downsample=False
    ).eval()
    theirs.load_state_dict(own.state_dict())
    image = torch.rand(3, 1, 48, 48)
    with torch.no_grad():
        torch.testing.assert_close(own(image), theirs(image))


TRAINS_ON_THREADS = """
import torch
from SpinalDiseaseAILib.models.loading import channels_last
from SpinalDiseaseAILib.models.region_resnet import BasicBlock
torch.set_num_threads(2)
torch.manual_seed(0)
block = channels_last(BasicBlock(8, 16, 2))
for count in torch.randint(1, 40, (150,)).tolist():
    image = torch.rand(count, 8, 48, 48).contiguous(memory_format=torch.channels_last).requires_grad_()
    block(image).square().mean().backward()
"""


def test_training_on_several_threads_does_not_write_out_of_bounds() -> None:
    # In a separate process, because torch aborts it if that happens.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, "-c", TRAINS_ON_THREADS], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_with_the_published_widths_it_has_the_11_million_weights_of_resnet_18() -> None:
    with torch.device("meta"):
        count = sum(value.numel() for value in ResNet(1, 5, (64, 128, 256, 512)).parameters())
    assert count == pytest.approx(11.17e6, rel=0.01)


def test_discs_are_seen_only_by_the_network_for_discs_and_vertebrae_only_by_that_for_vertebrae(network: RegionResNet) -> None:
    regions = torch.rand(4, 1, 48, 48)
    with torch.no_grad():
        logits = network(regions, one_hot("L3", "L4-L5", "L5", "L5-S1"))
        torch.testing.assert_close(logits[[0, 2], 5:], network.networks[1](regions[[0, 2]]))
        torch.testing.assert_close(logits[[1, 3], :5], log_odds(network.networks[0](regions[[1, 3]])))
    assert not logits[[0, 2], :5].any() and not logits[[1, 3], 5:].any()


def test_a_batch_of_discs_only_leaves_the_network_for_vertebrae_unchanged(network: RegionResNet) -> None:
    before = network.networks[1].bn1.running_mean.clone()
    network.train()(torch.rand(4, 1, 48, 48), one_hot("L1-L2", "L2-L3", "L3-L4", "L4-L5")).sum().backward()
    assert torch.equal(network.networks[1].bn1.running_mean, before)
    assert network.networks[1].fc.weight.grad is None and network.networks[0].fc.weight.grad is not None


def test_the_probabilities_of_every_structure_sum_to_one(network: RegionResNet) -> None:
    heads = Heads({name: finding(name).class_names for name in FINDINGS})
    with torch.no_grad():
        logits = network(torch.rand(2, 1, 48, 48), one_hot("L4-L5", "L5")).numpy()
    found = heads.probabilities(logits)
    assert found["disc_disease"][0].sum() == pytest.approx(1, abs=1e-5)
    assert found["vertebra_disease"][1].sum() == pytest.approx(1, abs=1e-5)


def test_log_odds_are_those_of_the_softmax_and_finite_where_it_saturates() -> None:
    scores = torch.randn(6, 5, dtype=torch.float64)
    softmax = scores.softmax(1)
    torch.testing.assert_close(log_odds(scores), (softmax / (1 - softmax)).log())
    sure = log_odds(torch.tensor([[400.0, 0, 0, 0, 0]]))
    assert torch.isfinite(sure).all() and sure[0, 0] > 300


@pytest.mark.parametrize(
    "changed",
    [
        {"findings": ["disc_disease", "gout"]},
        {"outputs": 6},
        {"structures": 12},
        {"findings": ["disc_disease", "narrowing"]},
        {"widths": [2, 4, 6]},
    ],
    ids=["no such finding", "outputs", "structures", "two findings of discs", "a stage too few"],
)
def test_arguments_that_do_not_fit_are_refused_with_a_sentence(changed: dict[str, object]) -> None:
    arguments = {"channels": 1, "structures": 11, "outputs": 7, "findings": list(FINDINGS), "widths": list(WIDTHS)}
    build({"name": "RegionResNet", "arguments": arguments})
    with pytest.raises(ModelError, match="arguments of the network RegionResNet do not fit"):
        build({"name": "RegionResNet", "arguments": arguments | changed})
