"""Conversion between NumPy and torch through DLPack, which every version of both supports.

torch's own bridge works only with the major version of NumPy that it was built for. The last torch for Intel Macs
(2.2) was built for NumPy 1; 3D Slicer includes NumPy 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.utils.dlpack import from_dlpack


def tensor_of(array: npt.NDArray[Any]) -> Tensor:
    """A numeric array as a tensor on the CPU; they share memory if the array is C-contiguous and writable."""
    tensor: Tensor = from_dlpack(np.require(array, requirements=("C", "W")))
    return tensor


def array_of(tensor: Tensor) -> npt.NDArray[Any]:
    """A tensor on any device as an array, which must not be written to."""
    return np.from_dlpack(tensor.cpu())
