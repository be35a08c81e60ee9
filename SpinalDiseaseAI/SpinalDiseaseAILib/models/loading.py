"""Building networks and loading the weights of a bundle."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import torch
from safetensors.torch import load
from torch import nn

from ..base.errors import ModelError
from .box_detector import BoxDetector
from .bundle import OTHER_MODEL, REINSTALL, Bundle
from .disc_grade_model import DiscGradeModel
from .finding_weights import FindingWeights
from .fusing import fuse_normalizations
from .localizer_network import LocalizerEnsemble, LocalizerNetwork
from .network_size import MAXIMUM_PARAMETERS, TooLargeError, check_network_size
from .region_network import RegionNetwork
from .region_resnet import RegionResNet
from .segmentation_network import SegmentationNetwork
from .vnet2d import VNet2d

Network = TypeVar("Network", bound=nn.Module)

_LONGEST_HEADER = 1 << 22  # bytes of names and shapes, which are parsed before the weights; the product's have some ten thousand

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "LocalizerNetwork": LocalizerNetwork,
    "LocalizerEnsemble": LocalizerEnsemble,
    "RegionNetwork": RegionNetwork,
    "RegionResNet": RegionResNet,
    "SegmentationNetwork": SegmentationNetwork,
    "DiscGradeModel": DiscGradeModel,
    "FindingWeights": FindingWeights,
    "VNet2d": VNet2d,
    "BoxDetector": BoxDetector,
}
"""Networks that a bundle may name. Nothing else is ever built from a bundle: metadata cannot run code."""


def build(specification: dict[str, Any]) -> nn.Module:
    """The network specified by ``{"name": …, "arguments": {…}}``, with initial weights.

    :raises ModelError: if the name is unknown, the arguments are not valid, or the network would be too large; before memory is
        allocated for its weights.
    """
    name = specification.get("name", "")
    if not isinstance(name, str) or name not in NETWORKS:
        raise ModelError(f"The network {name!r} is not known.", f"Known are {', '.join(NETWORKS)}.", code="model-network")
    try:
        make = partial(NETWORKS[name], **specification.get("arguments", {}))
        check_network_size(make)
        return make()
    except TooLargeError as error:
        raise ModelError(
            f"The network {name} has more than {MAXIMUM_PARAMETERS / 1e6:.0f} million weights, or too many layers.",
            "Those of this product have a few million.",
            OTHER_MODEL,
            code="model-too-large",
        ) from error
    except Exception as error:  # any JSON value can be an argument, and torch raises various types
        raise ModelError(f"The arguments of the network {name} do not fit: {error}.", code="model-network") from error


def load_network(bundle: Bundle, device: torch.device) -> nn.Module:
    """The network of a bundle on a device, ready for inference.

    :raises ModelError: if the weights were changed or do not fit the network.
    """
    content = bundle.checked_weights()
    header = int.from_bytes(content[:8], "little")
    if header > _LONGEST_HEADER:
        raise ModelError(
            f"The weights of the model {bundle.name} begin with a header of {header} bytes.",
            f"It should have at most {_LONGEST_HEADER}.",
            REINSTALL,
            code="model-weights",
        )
    network = build(bundle.network)
    try:
        network.load_state_dict(load(content))
    except Exception as error:  # safetensors and torch raise various types, which mean the same to a user
        raise ModelError(
            f"The weights of the model {bundle.name} do not fit its network.",
            remedy=REINSTALL,
            code="model-weights",
        ) from error
    return channels_last(fuse_normalizations(network.eval()).to(device))


def channels_last(network: Network) -> Network:
    """The same network with its weights in channels-last layout, which convolutions on a CPU read fastest."""
    moved: Network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved
