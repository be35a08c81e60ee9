"""From tissues to structures: discs and vertebrae named after the key points, and the canal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..base.anatomy import CANAL, Kind
from ..base.geometry import FloatArray
from ..base.masks import LABELS, Box, box_of
from ..base.planes import SagittalVolume
from ..models.segmentation_network import TISSUES
from .components import Mask, as_wholes, components, components_by_plane, filled, kept
from .spine_curve import SpineCurve

Labels = npt.NDArray[np.uint8]
Voxels = tuple[npt.NDArray[np.intp], ...]
"""Indices of slice, column and row, each (N,)."""

_BODY = 0.68  # levels behind the curve up to which bone is body or pedicle; beyond that it is arch
_ARCH = 0.38  # how far the middle of an arch lies below its vertebra, in steps of the curve: median of the training patients
_LONGEST = 1.15  # levels along the spine; a longer connected part is more than one structure
_SMALL_CANAL = 0.03  # of the largest part: a stenosis can interrupt the canal in a plane
_SMALL_ARCH = 15.0  # mm³; anything smaller is not part of a vertebra
_FRONT = 1.0  # levels in front of the curve up to which there is spine: bodies reach half a level, osteophytes less than one
_SACRUM = "S1"  # no data set outlines the sacrum, so what looks like a mask of it is an error
_FRAGMENT = 0.05  # of a structure's usual volume; anything smaller is a trace, not a structure


def named(tissues: Labels, volume: SagittalVolume, curve: SpineCurve) -> Labels:
    """Labels of the structures in a stack.

    Disc voxels are assigned to the nearest disc of the curve. Bone in front of the canal is assigned to the nearest vertebra;
    arches lie lower than their vertebra. A connected part follows the majority of its voxels, unless it is too long for one
    structure. Voxels that belong to no named structure (above T11, below L5-S1) are left out.

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
    tissue_of = {Kind.VERTEBRA: TISSUES.index("vertebra"), Kind.DISC: TISSUES.index("disc")}
    maps = _Maps.of(curve, box, volume.pixel_spacing, _shows(inside, tuple(tissue_of.values())))
    for kind, number in tissue_of.items():
        mask = inside == number
        voxels = np.nonzero(mask)
        index = maps.discs_of(mask, voxels) if kind is Kind.DISC else maps.bones_of(mask, voxels)
        for place, part, own in _each(voxels, index):
            name = curve.names[place]
            if name is None or name == _SACRUM or curve.kinds[place] is not kind:
                continue
            free = (window[part] == 0) | mask[part]
            own = filled(kept(own, 1.0) if kind is Kind.DISC else _without_crumbs(own, _SMALL_ARCH / voxel, maps.front[part[1:]]))
            window[part][own & free] = LABELS[name]
    _drop_traces(window, curve)
    return result


def _shows(tissues: Labels, numbers: tuple[int, ...]) -> Mask:
    """True at pixels, (columns, rows), where any slice has one of the tissues ``numbers``."""
    return np.asarray(np.isin(tissues, numbers).any(0))


@dataclass(frozen=True, eq=False)
class _Maps:
    """The position of each pixel of a plane relative to the curve; arrays of shape (columns, rows).

    :param disc: index in the curve of the nearest disc.
    :param body: index in the curve of the nearest vertebra.
    :param arch: index in the curve of the vertebra whose arch lies at that height.
    :param along: continuous index along the curve.
    :param back: True behind the bodies.
    :param front: True far in front of them.
    """

    disc: npt.NDArray[np.intp]
    body: npt.NDArray[np.intp]
    arch: npt.NDArray[np.intp]
    along: FloatArray
    back: Mask
    front: Mask

    @classmethod
    def of(cls, curve: SpineCurve, box: Box, millimetres: FloatArray, wanted: Mask) -> _Maps:
        """The maps of a box of the stack.

        :param wanted: pixels that are needed, (columns, rows); the others are left at zero.
        """
        columns, rows = (np.arange(item.start, item.stop) * step for item, step in zip(box[1:], millimetres, strict=True))
        chosen = np.nonzero(wanted)
        places = np.stack([columns[chosen[0]], rows[chosen[1]]], 1)
        along, behind = curve.coordinates(places)
        level = curve.level_length
        vertebrae = _places_of(curve, Kind.VERTEBRA)
        # Arches lie at even steps along the curve, like their vertebrae.
        arch = vertebrae[np.clip(np.rint((along - vertebrae[0] - _ARCH) / 2), 0, len(vertebrae) - 1).astype(np.intp)]
        nearest = _nearest(places, curve, Kind.DISC), _nearest(places, curve, Kind.VERTEBRA)
        values = (*nearest, arch, along, behind > _BODY * level, behind < -_FRONT * level)
        maps = []
        for value in values:
            empty = np.zeros(wanted.shape, dtype=value.dtype)
            empty[chosen] = value
            maps.append(empty)
        return cls(*maps)

    def discs_of(self, mask: Mask, voxels: Voxels) -> npt.NDArray[np.intp]:
        """Index in the curve of each voxel's disc; (N,).

        :param voxels: where the mask is True.
        """
        return _parted(voxels, components(mask), self.disc, self.along)

    def bones_of(self, mask: Mask, voxels: Voxels) -> npt.NDArray[np.intp]:
        """Index in the curve of each voxel's vertebra; (N,).

        Pedicles join bodies and arches only in lateral planes, so the two are treated separately, plane by plane.

        :param voxels: where the mask is True.
        """
        result = np.empty(len(voxels[0]), dtype=np.intp)
        back = self.back[voxels[1:]]
        for own, part, index in ((~back, mask & ~self.back, self.body), (back, mask & self.back, self.arch)):
            chosen = tuple(item[own] for item in voxels)
            result[own] = _parted(chosen, components_by_plane(part), index, self.along)
        return result


def _parted(
    voxels: Voxels, parts: npt.NDArray[np.uint32], index: npt.NDArray[np.intp], along: FloatArray
) -> npt.NDArray[np.intp]:
    """Index of each voxel from a map of the plane, by majority vote within each short connected part; (N,)."""
    plane = voxels[1:]
    result: npt.NDArray[np.intp] = as_wholes(parts[voxels], index[plane], along[plane], 2 * _LONGEST)
    return result


def _each(voxels: Voxels, index: npt.NDArray[np.intp]) -> Iterator[tuple[int, Box, Mask]]:
    """Every index that occurs, the bounding box of its voxels, and their mask in that box."""
    order = np.argsort(index.astype(np.int16), kind="stable")
    present, starts = np.unique(index[order], return_index=True)
    for place, start, end in zip(present, starts, np.append(starts, len(order))[1:], strict=True):
        own = order[start:end]
        places = np.stack([item[own] for item in voxels])
        low, high = places.min(1), places.max(1) + 1
        mask = np.zeros(high - low, dtype=np.bool_)
        mask[tuple(places - low[:, None])] = True
        slices, columns, rows = (slice(int(first), int(last)) for first, last in zip(low, high, strict=True))
        yield int(place), (slices, columns, rows), mask


def _places_of(curve: SpineCurve, kind: Kind) -> npt.NDArray[np.intp]:
    return np.array([place for place, item in enumerate(curve.kinds) if item is kind])


def _nearest(places: FloatArray, curve: SpineCurve, kind: Kind) -> npt.NDArray[np.intp]:
    """Index in the curve of the nearest structure of a kind, for each place (N, 2) in millimetres; (N,)."""
    x, y = np.ascontiguousarray(places.T)
    best, result = np.full(len(places), np.inf), np.zeros(len(places), dtype=np.intp)
    for index in _places_of(curve, kind):
        distance = (x - curve.places[index, 0]) ** 2 + (y - curve.places[index, 1]) ** 2
        nearer = distance < best
        best[nearer], result[nearer] = distance[nearer], index
    return result


def _without_crumbs(mask: Mask, least: float, front: Mask) -> Mask:
    """A vertebra without parts that are small or lie far in front of the spine: bowel can look like bone.

    :param least: smallest number of voxels of a part.
    :param front: True far in front of the spine, (columns, rows).
    """
    parts = components(mask)
    sizes = np.bincount(parts.ravel())
    good = sizes >= least
    if len(good) > 1:
        good[1] = True
    good &= np.bincount(parts.ravel(), np.broadcast_to(~front, parts.shape).ravel()) > 0
    good[0] = False
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
