"""Batch normalization fused into the preceding convolution: the same results with fewer passes over the features."""

from __future__ import annotations

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_NORM = "_norm"  # suffix that names the normalization after a convolution


def fuse_normalizations(network: nn.Module) -> nn.Module:
    """Fuse every batch normalization that follows a convolution, in a sequence or by name (``stem`` and ``stem_norm``).

    :param network: in evaluation mode; it is changed in place and can then be used only for inference.
    :returns: the same network. Its outputs differ only by rounding.
    """
    for module in network.modules():
        children = list(module.named_children())
        pairs = [(first, second) for (first, _), (second, _) in pairwise(children)] if isinstance(module, nn.Sequential) else []
        pairs += [(name, name + _NORM) for name, _ in children]
        for before, after in pairs:
            convolution, norm = getattr(module, before), getattr(module, after, None)
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, before, fuse_conv_bn_eval(convolution, norm))
                setattr(module, after, nn.Identity())
    return network
