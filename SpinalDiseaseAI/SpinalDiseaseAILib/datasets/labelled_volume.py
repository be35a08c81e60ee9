"""A SPIDER volume with its labels: the middle plane, and the key points on a plane.

Labels count upward from below: vertebrae from 1 (L5), discs from 201 (L5-S1); the spinal canal is 100. Vertebrae cut off by the
field of view have 100 added to their label (101 …): they are bone, but give no key point because their centre is not visible.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.anatomy import KEY_POINTS, Kind, structure
from ..base.errors import InputError
from ..base.geometry import Array
from ..base.planes import SagittalVolume
from ..reading.volumes import read_volume
from .records import Pixels
from .spider import CANAL_MASK, DISC_MASK, DISCS_FROM_BELOW, VERTEBRA_BETWEEN, VERTEBRA_MASK, body_centre

CANAL = 100
_VERTEBRAE = ((1, 25), (101, 125))
_DISCS = (201, 225)

_FROM_BELOW = tuple(reversed(KEY_POINTS))
LABELS = {
    name: (DISCS_FROM_BELOW.index(name) + 201) if structure(name).kind is Kind.DISC else (_FROM_BELOW.index(name) + 1) // 2
    for name in KEY_POINTS
}
"""Key point to label: L5-S1 is 201 and T12-L1 206, L5 is 1 and L1 is 5."""

_SMALLEST_DISC = 0.2  # share of the median disc area in a plane; a smaller disc is only grazed by the plane
_CENTRAL = 1 / 3  # minimum share of the largest canal area for a slice to count as central
_SAME_GRID = 0.05  # largest distance in millimetres between the corners of image and mask


@dataclass(frozen=True, eq=False)
class LabelledVolume:
    """A volume in the sagittal frame and its labels on the same grid.

    :param labels: shape of the volume's voxels (slices, columns, rows).
    """

    volume: SagittalVolume
    labels: Array

    def middle(self) -> int | None:
        """Index of the middle plane: the one with the most canal and discs, each as a share of its largest area."""
        canal, discs = (mask.sum(axis=(1, 2)) for mask in (self.labels == CANAL, _between(self.labels, _DISCS)))
        if not canal.any() or not discs.any():
            return None
        return int(np.argmax(canal / canal.max() + discs / discs.max()))

    def central(self, middle: int) -> range:
        """Neighbouring slices around the middle one that show much of the canal."""
        canal = (self.labels == CANAL).sum(axis=(1, 2))
        beyond = np.flatnonzero(canal < _CENTRAL * canal.max())
        before, after = beyond[beyond < middle], beyond[beyond > middle]
        return range(int(before.max()) + 1 if before.size else 0, int(after.min()) if after.size else len(canal))

    def plane(self, index: int) -> Array:
        """Labels of one plane, shape (rows, columns)."""
        labels: Array = self.labels[index].T
        return labels


def read_labelled(image: Path, mask: Path) -> LabelledVolume:
    """Read a volume and its mask, stored in any axis order; the mask is matched to the image by its position.

    :raises InputError: if either is damaged, empty, or not a sagittal volume.
    """
    volume = SagittalVolume.of(read_volume(image).image)
    try:
        labels = SagittalVolume.of(read_volume(mask).image)
    except InputError as error:
        raise InputError(f"The mask cannot be used. {error.found}", code=error.code) from error
    return LabelledVolume(volume, _labels_on(volume, labels))


def plane_points(labels: Array) -> tuple[dict[str, tuple[float, float]], str]:
    """The 11 key points (column, row) of a plane, or no points and the reason.

    :param labels: shape (rows, columns).
    """
    points: dict[str, tuple[float, float]] = {}
    areas = {name: int((labels == LABELS[name]).sum()) for name in DISCS_FROM_BELOW}
    usual = float(np.median(list(areas.values())))
    small = [name for name, area in areas.items() if area <= _SMALLEST_DISC * usual]
    if small:
        return {}, f"hardly anything is labelled of the disc {', '.join(small)}"
    for name in DISCS_FROM_BELOW:
        rows, columns = np.nonzero(labels == LABELS[name])
        points[name] = (float(columns.mean()), float(rows.mean()))
    for above, name, below in VERTEBRA_BETWEEN:
        centre = body_centre(labels == LABELS[name], points[above], points[below])
        if centre is None:
            cut = " (partly visible)" if (labels == LABELS[name] + 100).any() else ""
            return {}, f"the body of {name} is not labelled{cut}"
        points[name] = centre
    return {name: points[name] for name in KEY_POINTS}, ""


def plain_labels(labels: Array) -> Pixels:
    """Labels for the plain folder: one for all discs, one for all vertebrae, one for the canal."""
    result = np.zeros(labels.shape, dtype=np.uint8)
    for limits in _VERTEBRAE:
        result[_between(labels, limits)] = VERTEBRA_MASK
    result[_between(labels, _DISCS)] = DISC_MASK
    result[labels == CANAL] = CANAL_MASK
    return result


def same_grid(one: SagittalVolume, other: SagittalVolume, millimetres: float) -> bool:
    """True if two volumes have the same shape and their corners agree to within ``millimetres``."""
    shape = one.image.voxels.shape
    if shape != other.image.voxels.shape:
        return False
    corners = np.stack(np.meshgrid(*((0, length - 1) for length in shape), indexing="ij"), -1)
    return bool(np.linalg.norm(one.image.to_ras(corners) - other.image.to_ras(corners), axis=-1).max() < millimetres)


def _between(labels: Array, limits: tuple[int, int]) -> Array:
    inside: Array = (labels >= limits[0]) & (labels <= limits[1])
    return inside


def _labels_on(volume: SagittalVolume, mask: SagittalVolume) -> Array:
    """Labels at the voxels of a volume, from the nearest voxel of the mask; 0 outside the mask."""
    if same_grid(volume, mask, _SAME_GRID):
        return mask.image.voxels
    shape = volume.image.voxels.shape
    change = np.linalg.inv(mask.image.affine) @ volume.image.affine
    limits = np.array(mask.image.voxels.shape)
    result = np.zeros(shape, dtype=mask.image.voxels.dtype)
    columns, rows = np.meshgrid(np.arange(shape[1]), np.arange(shape[2]), indexing="ij")
    for index in range(shape[0]):  # slice by slice: positions for a whole volume would need too much memory
        place = np.stack([np.full_like(columns, index), columns, rows], -1) @ change[:3, :3].T + change[:3, 3]
        nearest = np.rint(place).astype(np.intp)
        inside = ((nearest >= 0) & (nearest < limits)).all(-1)
        result[index][inside] = mask.image.voxels[tuple(nearest[inside].T)]
    return result
