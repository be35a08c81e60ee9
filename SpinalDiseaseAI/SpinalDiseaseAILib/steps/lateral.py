"""The position of the spine's midline across the slices: a scoliotic spine leaves the middle slice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_ANTERIOR, _POSTERIOR, _HALF_HEIGHT = 8.0, 48.0, 9.0  # millimetres around a key point within which its canal is searched for
_LEAST_EVIDENCE = 25.0  # mm² of canal, summed over the slices; a level with less is ignored


def midline(
    canal: npt.NDArray[np.float32], pixel: float, slice_places: FloatArray, points: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Lateral position of the spinal canal at each key point.

    At each level, the area of the canal is measured in every slice; the midline is its centre of mass over the slices. The
    positions are then smoothed along the spine by a cubic weighted by evidence: a spine does not jump sideways between levels.

    :param canal: (S, H, W) probabilities.
    :param pixel: millimetres per map pixel.
    :param slice_places: positions of the slices along the slice axis in millimetres; (S,).
    :param points: (N, 2) (column, row) in map pixels, cranial to caudal.
    :returns: positions along the slice axis in millimetres (N,), and the evidence in mm² (N,); zero evidence everywhere means
        that no canal was seen, or there is only one slice, and the middle of the slices was used.
    """
    areas = np.stack([_areas(canal, pixel, point) for point in points])  # (N, S)
    evidence = areas.sum(1)
    middle = float(slice_places.mean())
    if len(slice_places) == 1 or not (evidence > _LEAST_EVIDENCE).any():
        return np.full(len(points), middle), np.zeros(len(points))
    weight = areas**2  # reduces the weight of slices that only graze the edge of the canal
    raw = (weight * slice_places).sum(1) / np.maximum(weight.sum(1), 1e-9)
    trust = np.where(evidence > _LEAST_EVIDENCE, evidence, 0.0)
    known = int((trust > 0).sum())
    degree = min(3, known - 1)
    along = points[:, 1] - points[:, 1].mean()
    along = along / max(float(np.abs(along).max()), 1.0)
    fit = np.polynomial.Polynomial.fit(along, raw, degree, domain=(-1, 1), w=np.sqrt(trust))
    smooth = np.clip(fit(along), slice_places.min(), slice_places.max())
    return smooth, evidence


def _areas(canal: npt.NDArray[np.float32], pixel: float, point: FloatArray) -> FloatArray:
    """Area of the canal behind a key point in each slice, mm²; (S,)."""
    column, row = point
    height, width = canal.shape[1:]
    left = int(np.clip(column - _ANTERIOR / pixel, 0, width))
    right = int(np.clip(column + _POSTERIOR / pixel + 1, 0, width))
    top = int(np.clip(row - _HALF_HEIGHT / pixel, 0, height))
    bottom = int(np.clip(row + _HALF_HEIGHT / pixel + 1, 0, height))
    window = canal[:, top:bottom, left:right]
    result: FloatArray = np.where(window > 0.3, window, 0).sum((1, 2), dtype=np.float64) * pixel**2
    return result
