"""Stacks with masks: original or averaged to thick slices, with the structures in the masks named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..base.anatomy import Kind
from ..base.geometry import Image
from ..base.planes import SagittalVolume
from ..datasets.space_stacks import SLICE_STEP, TISSUE_OF_MASK, SpaceStack
from ..datasets.spider import points_from_mask
from ..models.segmentation_network import TISSUES
from ..steps.instances import named
from ..steps.spine_curve import SpineCurve

Labels = npt.NDArray[np.uint8]

_GREY_OF_TISSUE = {tissue: grey for grey, tissue in TISSUE_OF_MASK.items()}


@dataclass(frozen=True, eq=False)
class Outlined:
    """A stack whose structures are known.

    :param volume: the planes of the stack.
    :param labels: values of :data:`base.masks.LABELS`, shape (slices, columns, rows).
    :param tissues: numbers of ``TISSUES``, same shape; including levels that have no name.
    :param curve: curve through the key points of the masks.
    """

    patient: str
    volume: SagittalVolume
    labels: Labels
    tissues: Labels
    curve: SpineCurve


def outlined(stack: SpaceStack, thickness: int = 1) -> Outlined | None:
    """A stack with named masks; None if no plane of it shows all key points.

    :param thickness: number of neighbouring slices to average to one thick slice, which gets the most common tissue.
    """
    pixels, tissues = thick(stack.pixels, stack.tissues, thickness)
    affine = np.diag([-SLICE_STEP * thickness, -stack.spacing[0], -stack.spacing[1], 1.0])
    volume = SagittalVolume.of(Image(np.ascontiguousarray(pixels.transpose(0, 2, 1)), affine))
    grey = np.zeros(len(TISSUES), dtype=np.uint8)
    for tissue, value in _GREY_OF_TISSUE.items():
        grey[tissue] = value
    middle = (len(tissues) - 1) / 2
    for index in sorted(range(len(tissues)), key=lambda number: abs(number - middle)):
        points = points_from_mask(grey[tissues[index]])
        if points is not None:
            places = {name: volume.to_ras((index, column, row)) for name, (column, row) in points.items()}
            curve = SpineCurve.of(volume, places)
            flat = np.ascontiguousarray(tissues.transpose(0, 2, 1))
            return Outlined(stack.patient, volume, named(flat, volume, curve), flat, curve)
    return None


def thick(pixels: Labels, tissues: Labels, thickness: int) -> tuple[npt.NDArray[np.float32], Labels]:
    """Mean and most common tissue of groups of neighbouring slices; slices left over at both ends are dropped."""
    count = len(pixels) // thickness
    first = (len(pixels) - count * thickness) // 2
    window = slice(first, first + count * thickness)
    shape = (count, thickness, *pixels.shape[1:])
    shares = np.stack([(tissues[window].reshape(shape) == number).mean(1) for number in range(len(TISSUES))])
    return pixels[window].reshape(shape).mean(1, dtype=np.float32), shares.argmax(0).astype(np.uint8)


@dataclass(frozen=True)
class UsualSpine:
    """Where tissues usually lie relative to the key points: a segmentation that needs no image, as a baseline.

    :param disc: distance along the curve, to each side of a disc's point, that is disc.
    :param depth: extent of bodies and discs in front of and behind the curve, in levels.
    :param canal: distances behind the curve at which the canal begins and ends, in levels.
    """

    disc: float
    depth: tuple[float, float]
    canal: tuple[float, float]

    @classmethod
    def of(cls, spines: Sequence[Outlined]) -> UsualSpine:
        """Medians over spines."""
        disc, depth, canal = [], [], []
        for spine in spines:
            for index, plane in enumerate(spine.tissues):
                coordinates = _coordinates(spine, plane)
                if coordinates is None or not (plane == TISSUES.index("canal")).any():
                    continue
                along, behind = coordinates
                found = plane[plane > 0]
                discs, canals = (found == TISSUES.index(name) for name in ("disc", "canal"))
                if index % 3 or not discs.any():
                    continue
                places = np.array([place for place, kind in enumerate(spine.curve.kinds) if kind is Kind.DISC])
                disc.append(np.percentile(np.abs(along[discs][:, None] - places).min(1), 85))
                depth.append(np.percentile(behind[discs], (4, 96)))
                canal.append(np.percentile(behind[canals], (8, 92)))
        low, high = np.median(depth, axis=0)
        first, last = np.median(canal, axis=0)
        return cls(float(np.median(disc)), (float(low), float(high)), (float(first), float(last)))

    def tissues(self, volume: SagittalVolume, curve: SpineCurve) -> Labels:
        """The usual spine placed on another spine's curve, the same in every slice."""
        _, columns, rows = volume.image.voxels.shape
        grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij"), -1) * volume.pixel_spacing
        along, behind = curve.coordinates(grid.reshape(-1, 2))
        behind = behind / curve.level_length
        discs = np.array([place for place, kind in enumerate(curve.kinds) if kind is Kind.DISC])
        is_disc = np.abs(along[:, None] - discs).min(1) < self.disc
        column = (behind > self.depth[0]) & (behind < self.depth[1])
        plane = np.select(
            [column & is_disc, column, (behind > self.canal[0]) & (behind < self.canal[1])],
            [TISSUES.index("disc"), TISSUES.index("vertebra"), TISSUES.index("canal")],
            0,
        )
        return np.broadcast_to(plane.reshape(columns, rows).astype(np.uint8), volume.image.voxels.shape).copy()


def _coordinates(spine: Outlined, plane: Labels) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Positions of the labelled pixels of a plane along the curve and, in levels, behind it."""
    columns, rows = np.nonzero(plane)
    if not len(columns):
        return None
    along, behind = spine.curve.coordinates(np.stack([columns, rows], 1) * spine.volume.pixel_spacing)
    return along, behind / spine.curve.level_length
