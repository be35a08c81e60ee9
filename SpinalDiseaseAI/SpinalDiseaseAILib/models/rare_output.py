"""The last layer of a network whose outputs should be zero almost everywhere."""

from __future__ import annotations

import math

from torch import nn

_PRIOR = 0.01  # initial probability of each output


class RareOutput(nn.Conv2d):
    """A 1×1 convolution to logits that start at a low probability.

    Otherwise the many negatives dominate the few positives in the first steps (Lin et al., Focal Loss, ICCV 2017, 4.1).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 1)

    def reset_parameters(self) -> None:
        """Initialize the weights, with biases for a low probability."""
        super().reset_parameters()
        assert self.bias is not None
        nn.init.constant_(self.bias, math.log(_PRIOR / (1 - _PRIOR)))
