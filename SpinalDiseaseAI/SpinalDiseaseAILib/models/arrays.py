"""Between NumPy and torch by DLPack, which every version of both speaks.

torch's own bridge works only with the major version of NumPy that it was built for. The last torch for Intel Macs
(2.2) was built for NumPy 1; 3D Slicer brings NumPy 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.utils.dlpack import from_dlpack


def tensor_of(array: npt.NDArray[Any]) -> Tensor:
    """The values of an array of numbers as a tensor on the processor; they share memory where the array can be written to."""
    tensor: Tensor = from_dlpack(np.require(array, requirements=("C", "W")))
    return tensor


def array_of(tensor: Tensor) -> npt.NDArray[Any]:
    """The values of a tensor, wherever it is, as an array; it is not to be written to."""
    return np.from_dlpack(tensor.cpu())
