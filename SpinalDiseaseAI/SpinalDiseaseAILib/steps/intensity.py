"""Grey values of MR images on a common scale, because MR intensities have no unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..base.geometry import Array

_SAMPLED = 200_000  # voxels used for percentiles: enough for an accuracy of a thousandth of the range


@dataclass(frozen=True)
class GreyScale:
    """The grey values that become 0 and 1."""

    low: float
    high: float

    @classmethod
    def of(cls, reference: Array) -> GreyScale:
        """The 1st and the 99.5th percentile of a reference. Zeros, which scanners pad with, are ignored."""
        values = reference.ravel()
        values = values[:: max(1, values.size // _SAMPLED)]
        values = values[values != 0]
        if values.size == 0:
            return cls(0.0, 1.0)
        low, high = np.percentile(values.astype(np.float32), (1, 99.5))
        return cls(float(low), max(float(high), float(low) + 1e-6))

    def apply(self, pixels: Array) -> npt.NDArray[np.float32]:
        """Grey values of pixels on this scale, clipped to 0 … 2."""
        scaled = (np.asarray(pixels, dtype=np.float32) - self.low) / (self.high - self.low)
        result: npt.NDArray[np.float32] = np.clip(scaled, 0, 2)
        return result
