"""Sudirman's lumbar MR outlines: T1 mid-sagittal planes with outlines of L1 … L5 and S1, CC BY 4.0 as stated by the distributor.

Source: Sudirman et al., Lumbar Spine MRI Dataset, Mendeley Data, doi 10.17632/k57fr854j2.2.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..base.documents import read_json
from .records import Imported, Record

_BODIES = ("L1", "L2", "L3", "L4", "L5", "S1")


def read_sudirman(folder: Path) -> Imported:
    """Planes on which all six bodies are outlined; a disc's point is midway between the facing ends of its neighbouring bodies.

    T12-L1 has no outline above it and remains unknown. Some images were rotated before publication, together with their outlines.
    """
    records = []
    skipped: list[str] = []
    for item in read_json(folder / "polygons.json"):
        outlines = {name: np.array(polygon, dtype=float) for name, polygon in item["polygons"].items()}
        if set(outlines) != set(_BODIES):
            skipped.append(f"{item['patient']}: outlines of {', '.join(sorted(outlines)) or 'nothing'} only")
            continue
        centres = {name: polygon_centroid(outline) for name, outline in outlines.items()}
        points = {name: (float(centres[name][0]), float(centres[name][1])) for name in _BODIES[:-1]}
        for upper, lower in zip(_BODIES[:-1], _BODIES[1:], strict=True):
            axis = centres[lower] - centres[upper]
            axis /= np.linalg.norm(axis)
            middle = (_end(outlines[upper], axis) + _end(outlines[lower], -axis)) / 2
            points[f"{upper}-{lower}"] = (float(middle[0]), float(middle[1]))
        path = folder / "images" / f"{item['patient']}.jpg"
        records.append(Record("sudirman", str(item["patient"]), str(item["patient"]), "T1", path, None, points))
    return Imported(tuple(records), tuple(skipped))


def polygon_centroid(outline: np.ndarray) -> np.ndarray:
    """Centre of area of a closed polygon of shape (N, 2), by the shoelace formula."""
    x, y = outline[:, 0], outline[:, 1]
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    cross = x * next_y - next_x * y
    area = cross.sum() / 2
    if abs(area) < 1e-6:
        return np.asarray(outline.mean(axis=0))
    centre: np.ndarray = np.array([((x + next_x) * cross).sum(), ((y + next_y) * cross).sum()]) / (6 * area)
    return centre


def _end(outline: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Centre of the end of an outline in a direction: the mean of densely sampled border points in the outermost fifth."""
    steps = np.linspace(0, 1, 20, endpoint=False)[:, None, None]
    border = (outline[None] * (1 - steps) + np.roll(outline, -1, axis=0)[None] * steps).reshape(-1, 2)
    along = border @ direction
    outer = border[along >= along.max() - 0.2 * (along.max() - along.min())]
    return np.asarray((outer.min(axis=0) + outer.max(axis=0)) / 2)
