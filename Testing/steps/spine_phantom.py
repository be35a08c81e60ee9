"""A lumbar spine of straight-edged pieces of known sizes: bodies, discs, spinous processes and a canal."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.masks import LABELS, Masks
from SpinalDiseaseAILib.base.planes import SagittalVolume

NAMES = ("T12", "T12-L1", "L1", "L1-L2", "L2", "L2-L3", "L3", "L3-L4", "L4", "L4-L5", "L5", "L5-S1")
DEPTH, BODY, DISC, CANAL, GAP = 34.0, 27.0, 9.0, 15.0, 3.0
"""Millimetres: depth of bodies and discs, height of a body and of a disc, width of the canal, from a body to the canal."""

FLUID, DISC_SIGNAL, MARROW = 1000, 300, 400


@dataclass
class Phantom:
    """Differences from a straight spine of equal pieces.

    :param heights: structure to its (anterior, posterior) height, millimetres.
    :param shift: vertebra to the millimetres by which it and everything below lies further back than what is above.
    :param narrow: disc to the width of the canal there, millimetres.
    :param pedicle: True to connect body and spinous process, as in a slice away from the midline.
    :param missing: structures without a mask.
    """

    heights: dict[str, tuple[float, float]] = field(default_factory=dict)
    shift: dict[str, float] = field(default_factory=dict)
    narrow: dict[str, float] = field(default_factory=dict)
    pedicle: bool = False
    missing: tuple[str, ...] = ()

    def pieces(self) -> list[tuple[str, np.ndarray]]:
        """Name and convex polygon (N, 2), (x to posterior, y to inferior), millimetres; the origin is in the middle of the spine.

        Each piece lies on the lower border of the one above it, so that a wedge tilts everything below it.
        """
        corner, along = np.array([0.0, 0.0]), np.array([1.0, 0.0])  # anterior end of the border, unit vector to posterior
        result = []
        for name in NAMES:
            disc = "-" in name
            front, back = self.heights.get(name, (DISC, DISC) if disc else (BODY, BODY))
            corner = corner + self.shift.get(name, 0.0) * along
            down = np.array([-along[1], along[0]])
            upper = corner, corner + DEPTH * along
            lower = corner + front * down, corner + DEPTH * along + back * down
            result.append((name, np.array([upper[0], upper[1], lower[1], lower[0]])))
            middle = (upper[1] + lower[1]) / 2
            half = (upper[1] - lower[1]) / 2 + (0 if disc else 1e-9)
            width = self.narrow.get(name, CANAL)
            first = middle + GAP * along
            behind = first + width * along
            result.append(("canal", np.array([first + half, behind + half, behind - half, first - half])))
            if not disc:
                start = middle + (1 if self.pedicle else GAP + CANAL + 4) * along - (0 if self.pedicle else 1) * down * 2
                end = middle + (GAP + CANAL + 24) * along
                result.append((name, np.array([start - 6 * down, end - 4 * down, end + 6 * down, start + 7 * down])))
            step = lower[1] - lower[0]
            corner, along = lower[0], step / np.linalg.norm(step)
        down = np.array([-along[1], along[0]])
        first = corner + (DEPTH + GAP) * along - 1e-9 * down  # the canal goes on behind the sacrum
        result.append(("canal", np.array([first, first + CANAL * along, first + CANAL * along + 20 * down, first + 20 * down])))
        centre = np.mean([polygon.mean(0) for _, polygon in result], axis=0)
        return [(name, polygon - centre) for name, polygon in result]

    def piece(self, name: str) -> np.ndarray:
        """Corners of a body or a disc: upper anterior, upper posterior, lower posterior, lower anterior; (4, 2)."""
        return next(polygon for own, polygon in self.pieces() if own == name)

    def points(self) -> dict[str, np.ndarray]:
        """Centre of each key structure, (x, y)."""
        found: dict[str, np.ndarray] = {}
        for name, polygon in self.pieces():
            if name not in ("canal", "T12"):
                found.setdefault(name, polygon.mean(0))
        return found


def inside(polygon: np.ndarray, places: np.ndarray) -> np.ndarray:
    """True where positions (..., 2) lie in a convex polygon whose corners are in clockwise order as seen on a screen."""
    result = np.ones(places.shape[:-1], dtype=bool)
    for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        edge = end - start
        offset = places - start
        result &= edge[0] * offset[..., 1] - edge[1] * offset[..., 0] >= 0
    return result


def scan(phantom: Phantom, pixel: tuple[float, float] = (0.6, 0.6), turn: float = 0.0, slices: int = 3, beside: float = 0.0):
    """Image, masks and points (RAS) of a phantom.

    :param pixel: millimetres, (column step, row step).
    :param turn: degrees by which the pixels are rotated relative to the spine in their plane.
    :param beside: millimetres by which the first pixel lies further to posterior and inferior.
    :returns: (SagittalVolume, Masks, points).
    """
    columns, rows = int(170 / pixel[0]), int(480 / pixel[1])
    angle = np.radians(turn)
    # RAS of the pixel axes: columns to posterior (-A), rows to inferior (-S), rotated in the sagittal plane.
    affine = np.eye(4)
    affine[:3, 0] = (-4.0, 0, 0)
    affine[:3, 1] = np.array([0, -np.cos(angle), -np.sin(angle)]) * pixel[0]
    affine[:3, 2] = np.array([0, np.sin(angle), -np.cos(angle)]) * pixel[1]
    middle = np.array([(slices - 1) / 2, (columns - 1) / 2, (rows - 1) / 2])
    affine[:3, 3] = -affine[:3, :3] @ middle + np.array([0, -beside, -beside])
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij"), -1)
    ras = grid @ affine[1:3, 1:3].T + affine[1:3, 3] + affine[1:3, 0] * middle[0]
    places = -ras  # x to posterior, y to inferior
    labels = np.zeros((columns, rows), dtype=np.uint8)
    voxels = np.full((columns, rows), 50, dtype=np.int16)
    for name, polygon in sorted(phantom.pieces(), key=lambda piece: piece[0] != "canal"):
        if name in phantom.missing:
            continue
        here = inside(polygon, places)
        labels[here] = LABELS[name]
        voxels[here] = FLUID if name == "canal" else DISC_SIGNAL if "-" in name else MARROW
    present = {LABELS[name]: name for name in (*NAMES, "canal") if name not in phantom.missing}
    image = Image(np.repeat(voxels[None], slices, 0), affine)
    masks = Masks(Image(np.repeat(labels[None], slices, 0), affine), present, "phantom")
    points = {name: np.array([0.0, -x, -y]) for name, (x, y) in phantom.points().items()}
    return SagittalVolume.of(image), masks, points
