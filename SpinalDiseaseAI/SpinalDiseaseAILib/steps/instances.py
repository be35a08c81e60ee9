"""From tissues to structures: each disc and vertebra by the key points' names, the canal as one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..base.anatomy import CANAL, Kind
from ..base.geometry import FloatArray
from ..base.masks import LABELS
from ..base.planes import SagittalVolume
from ..models.segmentation_network import TISSUES
from .components import Box, Mask, as_wholes, box_of, components, components_by_plane, filled, kept
from .spine_curve import SpineCurve

Labels = npt.NDArray[np.uint8]

_BODY = 0.68  # levels behind the curve up to which bone is body or pedicle; beyond it is arch
_ARCH = 0.38  # places of the curve that the middle of an arch lies below that of its vertebra: median of the training patients
_LONGEST = 1.15  # levels along the spine above which a connected part is more than one structure
_SMALL_CANAL = 0.03  # of the largest part: a stenosis can interrupt the canal in a plane
_SMALL_ARCH = 15.0  # mm³: what is smaller is no part of a vertebra
_SACRUM = "S1"  # the data sets outline no sacrum: what looks like one is an error
_FRAGMENT = 0.05  # of a structure's usual volume: less of it is a trace, not a structure


def named(tissues: Labels, volume: SagittalVolume, curve: SpineCurve) -> Labels:
    """Labels of the structures of a stack.

    Discs go to the nearest disc of the curve. Bone before the canal goes to the nearest vertebra; arches lie lower
    than their vertebra. A connected part goes as a whole where most of it agrees. What belongs
    to no named structure (above T11, below L5-S1) is left out.

    :param tissues: numbers of ``TISSUES``, shape (slices, columns, rows).
    :param curve: the spine in the stack.
    :returns: values of :data:`base.masks.LABELS`, same shape.
    """
    result: Labels = np.zeros(tissues.shape, dtype=np.uint8)
    box = box_of(tissues > 0)
    if box is None:
        return result
    inside = tissues[box]
    window = result[box]  # a view
    canal = inside == TISSUES.index("canal")
    if canal.any():
        window[filled(kept(canal, _SMALL_CANAL)) & (inside != TISSUES.index("disc"))] = LABELS[CANAL.name]
    voxel = float(np.prod(volume.image.spacing))
    maps = _Maps.of(curve, box, volume.pixel_spacing)
    for kind, number in ((Kind.VERTEBRA, TISSUES.index("vertebra")), (Kind.DISC, TISSUES.index("disc"))):
        mask = inside == number
        if not mask.any():
            continue
        index = maps.discs_of(mask) if kind is Kind.DISC else maps.bones_of(mask)
        for place, name in enumerate(curve.names):
            own = index == place
            part = box_of(own)
            if name in (None, _SACRUM) or curve.kinds[place] is not kind or part is None:
                continue
            own, free = own[part], (window[part] == 0) | mask[part]
            own = filled(kept(own, 1.0) if kind is Kind.DISC else _without_crumbs(own, _SMALL_ARCH / voxel))
            window[part][own & free] = LABELS[str(name)]
    _drop_traces(window, curve)
    return result


@dataclass(frozen=True, eq=False)
class _Maps:
    """What the curve says of each pixel of a plane; arrays of shape (columns, rows).

    :param disc: index in the curve of the nearest disc, :param body: of the nearest vertebra, :param arch: of the vertebra whose
        arch lies at that height.
    :param along: index along the curve.
    :param back: True behind the bodies.
    """

    disc: npt.NDArray[np.intp]
    body: npt.NDArray[np.intp]
    arch: npt.NDArray[np.intp]
    along: FloatArray
    back: Mask

    @classmethod
    def of(cls, curve: SpineCurve, box: Box, millimetres: FloatArray) -> _Maps:
        columns, rows = (np.arange(item.start, item.stop) * step for item, step in zip(box[1:], millimetres, strict=True))
        places = np.stack(np.meshgrid(columns, rows, indexing="ij"), -1)
        shape = places.shape[:2]
        flat = places.reshape(-1, 2)
        along, behind = curve.coordinates(flat)
        level = curve.level_length
        vertebrae = _places_of(curve, Kind.VERTEBRA)
        return cls(
            _nearest(flat, curve, Kind.DISC).reshape(shape),
            _nearest(flat, curve, Kind.VERTEBRA).reshape(shape),
            vertebrae[np.abs(along[:, None] - (vertebrae + _ARCH)).argmin(1)].reshape(shape),
            along.reshape(shape),
            (behind > _BODY * level).reshape(shape),
        )

    def discs_of(self, mask: Mask) -> npt.NDArray[np.intp]:
        """Index in the curve of each voxel's disc, -1 outside the mask."""
        return _parted(mask, components(mask), self.disc, self.along)

    def bones_of(self, mask: Mask) -> npt.NDArray[np.intp]:
        """Index in the curve of each voxel's vertebra, -1 outside the mask.

        Bodies and arches are joined by pedicles in lateral planes only: each is looked at for itself, plane by plane.
        """
        bodies, arches = mask & ~self.back, mask & self.back
        body = _parted(bodies, components_by_plane(bodies), self.body, self.along)
        arch = _parted(arches, components_by_plane(arches), self.arch, self.along)
        result: npt.NDArray[np.intp] = np.maximum(body, arch)
        return result


def _parted(mask: Mask, parts: npt.NDArray[np.uint32], index: npt.NDArray[np.intp], along: FloatArray) -> npt.NDArray[np.intp]:
    """Index of each voxel of a mask by a map of the plane, made one within each connected part that is short; -1 outside."""
    result = np.full(mask.shape, -1, dtype=np.intp)
    _, columns, rows = np.nonzero(mask)
    if len(columns):
        result[mask] = as_wholes(parts[mask], index[columns, rows], along[columns, rows], 2 * _LONGEST)
    return result


def _places_of(curve: SpineCurve, kind: Kind) -> npt.NDArray[np.intp]:
    return np.array([place for place, item in enumerate(curve.kinds) if item is kind])


def _nearest(places: FloatArray, curve: SpineCurve, kind: Kind) -> npt.NDArray[np.intp]:
    own = _places_of(curve, kind)
    distances = np.stack([((places - curve.places[place]) ** 2).sum(1) for place in own])
    nearest: npt.NDArray[np.intp] = own[distances.argmin(0)]
    return nearest


def _without_crumbs(mask: Mask, least: float) -> Mask:
    parts = components(mask)
    good = np.bincount(parts.ravel()) >= least
    good[0] = False
    if len(good) > 1:
        good[1] = True
    result: Mask = good[parts]
    return result


def _drop_traces(labels: Labels, curve: SpineCurve) -> None:
    """Remove structures of which only a trace was found, in place."""
    counts = np.bincount(labels.ravel(), minlength=256)
    for kind in (Kind.DISC, Kind.VERTEBRA):
        values = [LABELS[name] for name, own in zip(curve.names, curve.kinds, strict=True) if name is not None and own is kind]
        found = [value for value in values if counts[value]]
        if found:
            least = _FRAGMENT * float(np.median(counts[found]))
            labels[np.isin(labels, [value for value in found if counts[value] < least])] = 0
