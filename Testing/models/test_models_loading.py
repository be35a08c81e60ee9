"""Networks of bundles: matching weights are loaded, everything else is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from SpinalDiseaseAILib.base.errors import ModelError
from SpinalDiseaseAILib.models.bundle import WEIGHTS, read_bundle
from SpinalDiseaseAILib.models.loading import build, load_network
from SpinalDiseaseAILib.models.localizer_network import LocalizerNetwork
from SpinalDiseaseAILib.models.region_network import RegionNetwork

CPU = torch.device("cpu")


def rewrite(bundles: Path, edit: Any, name: str, content: bytes) -> None:
    """Replace the weights of a bundle, and their hash in its metadata."""
    (bundles / name / WEIGHTS).write_bytes(content)
    edit(name, weights_sha256=hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize(("name", "kind"), [("small-localizer", LocalizerNetwork), ("small-classifier", RegionNetwork)])
def test_a_network_is_loaded_in_full_precision_and_ready_for_inference(bundles: Path, name: str, kind: type) -> None:
    network = load_network(read_bundle(name, bundles), CPU)
    assert isinstance(network, kind) and not network.training
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize("name", ["small-localizer", "small-classifier"])
def test_a_network_is_loaded_onto_the_requested_device(bundles: Path, name: str) -> None:
    # The only device other than the CPU that every computer has.
    network = load_network(read_bundle(name, bundles), torch.device("meta"))
    assert {value.device.type for value in network.state_dict().values()} == {"meta"}


@pytest.mark.parametrize(("name", "inputs"), [("small-localizer", (1, 1, 64, 64)), ("small-classifier", (2, 2, 64, 64))])
def test_a_loaded_network_has_fused_normalizations_and_gives_the_results_of_its_stored_weights(
    bundles: Path, name: str, inputs: tuple[int, ...]
) -> None:
    bundle = read_bundle(name, bundles)
    network, plain = load_network(bundle, CPU), build(bundle.network).eval()
    stored = load_file(bundles / name / WEIGHTS)
    plain.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in stored.items()})
    assert any(isinstance(module, nn.BatchNorm2d) for module in plain.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    images = torch.rand(inputs, generator=torch.Generator().manual_seed(0))
    codes = torch.eye(11)[: inputs[0]]
    with torch.inference_mode():
        outputs = [model(images) if name == "small-localizer" else (model(images, codes),) for model in (network, plain)]
    for found, expected in zip(*outputs, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_weights_are_stored_in_half_precision(bundles: Path) -> None:
    stored = load_file(bundles / "small-localizer" / WEIGHTS)
    assert stored["head.weight"].dtype == torch.float16
    assert all(value.dtype == torch.float32 for key, value in stored.items() if "running_var" in key)


@pytest.mark.parametrize(
    "network",
    [
        {"name": "os.system", "arguments": {}},
        {"arguments": {}},
        {"name": "LocalizerNetwork", "arguments": {"layers": 3}},
        {"name": "LocalizerNetwork", "arguments": {}},
        {"name": "LocalizerNetwork", "arguments": None},
        {"name": "LocalizerNetwork", "arguments": {"key_points": 11, "widths": []}},
        {"name": "LocalizerNetwork", "arguments": {"key_points": 11, "widths": "wide"}},
        {"name": "LocalizerNetwork", "arguments": {"key_points": -1}},
        {"name": ["LocalizerNetwork"]},
    ],
    ids=str,
)
def test_an_unknown_network_or_arguments_that_do_not_fit_are_refused(bundles: Path, edit: Any, network: Any) -> None:
    edit("small-localizer", network=network)
    with pytest.raises(ModelError) as caught:
        load_network(read_bundle("small-localizer", bundles), CPU)
    assert caught.value.code == "model-network"


def test_weights_of_another_shape_are_refused(bundles: Path, edit: Any) -> None:
    edit("small-localizer", network={"name": "LocalizerNetwork", "arguments": {"key_points": 11, "widths": [4, 8]}})
    with pytest.raises(ModelError, match="do not fit") as caught:
        load_network(read_bundle("small-localizer", bundles), CPU)
    assert caught.value.code == "model-weights"


def test_weights_that_lack_a_tensor_or_are_not_safetensors_are_refused(bundles: Path, edit: Any, tmp_path: Path) -> None:
    state = load_file(bundles / "small-localizer" / WEIGHTS)
    del state["head.weight"]
    save_file(state, tmp_path / "fewer.safetensors")
    for content in ((tmp_path / "fewer.safetensors").read_bytes(), b"", b"\x80\x04N.", b"{}"):
        rewrite(bundles, edit, "small-localizer", content)
        with pytest.raises(ModelError) as caught:
            load_network(read_bundle("small-localizer", bundles), CPU)
        assert caught.value.code == "model-weights"


def test_changed_weights_are_refused_before_they_are_parsed(bundles: Path) -> None:
    bundle = read_bundle("small-localizer", bundles)
    bundle.weights.write_bytes(b"no tensors at all")
    with pytest.raises(ModelError) as caught:
        load_network(bundle, CPU)
    assert caught.value.code == "model-changed"


def test_networks_are_built_only_from_names_in_the_table() -> None:
    assert isinstance(build({"name": "LocalizerNetwork", "arguments": {"key_points": 2, "widths": [2, 2]}}), LocalizerNetwork)
    with pytest.raises(ModelError, match="Known are LocalizerNetwork, LocalizerEnsemble, RegionNetwork"):
        build({"name": "Sequential"})
