"""The last layer of a network whose answer is almost everywhere no."""

from __future__ import annotations

import math

from torch import nn

_PRIOR = 0.01  # probability that each output states at first


class RareOutput(nn.Conv2d):
    """A 1×1 convolution to logits that start at a low probability.

    Without it the many empty places of the first steps drown the few that are not (Lin et al., Focal Loss, ICCV 2017, 4.1).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 1)

    def reset_parameters(self) -> None:
        """Fresh weights."""
        super().reset_parameters()
        assert self.bias is not None
        nn.init.constant_(self.bias, math.log(_PRIOR / (1 - _PRIOR)))
