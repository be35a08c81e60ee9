"""Colours in the encoding of DICOM."""

from __future__ import annotations

import numpy as np

_XYZ_OF_RGB = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = np.array([0.9505, 1.0, 1.089])  # D65, the white of sRGB; readers of segmentations convert back with the same


def lab_of(colour: tuple[float, float, float]) -> tuple[float, float, float]:
    """CIE L*a*b* (L* 0 … 100, a* and b* around 0) of an sRGB colour of 0 … 1; IEC 61966-2-1 and CIE 15."""
    rgb = np.array(colour)
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    ratio = _XYZ_OF_RGB @ linear / _WHITE
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    return float(116 * y - 16), float(500 * (x - y)), float(200 * (y - z))
