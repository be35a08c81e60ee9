"""Grey values of an MR image on a common scale: MR has no unit."""

from __future__ import annotations

import numpy as np

from ..base.geometry import Array


def normalised(pixels: Array, reference: Array | None = None) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Grey values with the 1st percentile of the reference at 0 and the 99.5th at 1; values beyond are kept up to 2.

    :param pixels: any shape.
    :param reference: where percentiles are taken, ``pixels`` themselves if None. Zeros, the padding of scanners, do not count.
    """
    values = np.asarray(pixels if reference is None else reference)
    values = values[values != 0]
    if values.size == 0:
        return np.zeros(np.shape(pixels), dtype=np.float32)
    if values.size > 200_000:
        values = values[:: values.size // 100_000]
    low, high = np.percentile(values.astype(np.float32), (1, 99.5))
    scaled = (np.asarray(pixels, dtype=np.float32) - low) / max(float(high - low), 1e-6)
    return np.clip(scaled, 0, 2).astype(np.float32)
