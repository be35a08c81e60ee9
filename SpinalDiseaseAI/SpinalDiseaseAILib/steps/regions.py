"""Regions of interest: a square around each key point, sized and rotated by its neighbours, sampled from every contrast.

As in the Spinal Disease 2020 system, the region of a structure is laid out from the neighbouring key points, so it follows the
size of the patient and needs no spacing. Unlike there, it is rotated with the lordosis, unless the layout says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..base.anatomy import KEY_POINTS
from ..base.geometry import FloatArray
from ..base.planes import SagittalVolume, plane_affine
from ..base.resampling import resample_plane
from .intensity import GreyScale

CONTRASTS = ("T2", "T1")
"""Contrasts that a network can use, in the order of its channels."""

NEIGHBOUR_SLICES = 3.5
"""Distance in millimetres, to each side, at which a structure is also sampled beyond its own slice."""

_BEYOND = 8.0  # millimetres beyond the outermost slice up to which a structure counts as seen


LAYOUT_OPTIONS = ("region_pixels", "region_levels", "region_turned", "region_own", "contrasts")
"""Options of a bundle, and keys of a configuration, that define a :class:`RegionLayout`; all but the first have a default."""


@dataclass(frozen=True)
class RegionLayout:
    """How a network sees the regions of structures.

    :param side: side in pixels, at most 512.
    :param levels: side in levels; a level is the distance from a disc to the next disc, or a vertebra to the next.
    :param turned: True if a region is aligned with its neighbours, False if it is upright in the image.
    :param own: weight of the distance between its own neighbours in its size, in 0 … 1; the rest is that of the whole spine.
    :param contrasts: channels of the network, from :data:`CONTRASTS`.
    :raises ValueError: if a value is out of its range.
    :raises TypeError: if ``turned`` is not a bool.
    """

    side: int
    levels: float = 1.9
    turned: bool = True
    own: float = 0.5
    contrasts: tuple[str, ...] = CONTRASTS

    def __post_init__(self) -> None:
        if not 1 <= self.side <= 512 or not 0 < self.levels <= 10 or not 0 <= self.own <= 1:
            raise ValueError(f"no regions of {self.side} pixels, {self.levels} levels, {self.own} by their own neighbours")
        if self.contrasts not in (CONTRASTS, *((contrast,) for contrast in CONTRASTS)):
            raise ValueError(f"contrasts are {', '.join(self.contrasts)}, not of {', '.join(CONTRASTS)}")
        if not isinstance(self.turned, bool):
            raise TypeError(f"regions are turned or not, and not {self.turned!r}")

    @classmethod
    def of_options(cls, options: dict[str, Any]) -> RegionLayout:
        """The layout in the options of a bundle, or in a configuration.

        :raises ValueError, TypeError, KeyError: if they cannot be read.
        """
        pixels, *others = LAYOUT_OPTIONS
        names = ("levels", "turned", "own", "contrasts")
        given = {name: options[key] for name, key in zip(names, others, strict=True) if key in options}
        return cls(int(options[pixels]), **{**given, "contrasts": tuple(given.get("contrasts", CONTRASTS))})


@dataclass(frozen=True)
class Region:
    """A square in a sagittal plane.

    :param name: the structure.
    :param affine: 4×4 matrix from (column, row, millimetres out of the plane) of the region to RAS millimetres.
    :param side: side in pixels; (0, 0) is the centre of the pixel in the anterior superior corner.
    """

    name: str
    affine: FloatArray
    side: int


def regions_of(
    points: dict[str, FloatArray], volume: SagittalVolume, names: tuple[str, ...], layout: RegionLayout
) -> list[Region]:
    """The regions of structures.

    :param points: all known key points, RAS millimetres (3,).
    :param volume: defines the directions of the sagittal plane.
    :param names: structures, each among ``points`` and with a neighbour there.
    :returns: one region per name, in order.
    :raises ValueError: if a structure has no neighbour, so that size and direction cannot be determined.
    """
    axes = volume.image.affine[:3, 1:3] / volume.pixel_spacing  # (3, 2): unit vectors of column and row
    flat = {name: np.asarray(point) @ axes for name, point in points.items()}
    known = [index for index, name in enumerate(KEY_POINTS) if name in flat]
    steps = [np.linalg.norm(flat[KEY_POINTS[i + 1]] - flat[KEY_POINTS[i]]) for i in known if i + 1 in known]
    if not steps:
        raise ValueError("No two neighbouring key points are known.")
    usual = 2 * float(np.median(steps))
    side = layout.side
    result = []
    for name in names:
        down, length = _direction(flat, name)
        # The whole spine contributes to the size, which limits the effect of a single misplaced point.
        size = layout.levels * (layout.own * length + (1 - layout.own) * usual)
        if not layout.turned:
            down = np.array([0.0, 1.0])
        right = np.array([down[1], -down[0]])  # towards posterior
        column_step = axes @ right * size / side
        row_step = axes @ down * size / side
        origin = np.asarray(points[name]) - (column_step + row_step) * (side - 1) / 2
        result.append(Region(name, plane_affine(origin, column_step, row_step), side))
    return result


def _direction(flat: dict[str, FloatArray], name: str) -> tuple[FloatArray, float]:
    """Unit vector down the spine at a structure, and the length of a level there."""
    index = KEY_POINTS.index(name)
    upper = flat.get(KEY_POINTS[index - 1]) if index > 0 else None
    lower = flat.get(KEY_POINTS[index + 1]) if index + 1 < len(KEY_POINTS) else None
    if upper is not None and lower is not None:
        step = lower - upper
    elif upper is not None:
        step = 2 * (flat[name] - upper)
    elif lower is not None:
        step = 2 * (lower - flat[name])
    else:
        raise ValueError(f"{name} has no neighbouring key point.")
    length = float(np.linalg.norm(step))
    if length < 1e-6:
        raise ValueError(f"The neighbours of {name} lie at the same place.")
    return step / length, length


def sample(region: Region, volume: SagittalVolume, scale: GreyScale, offset: float = 0.0) -> npt.NDArray[np.float32]:
    """Grey values of a region, from the nearest slice of a volume.

    :param volume: any sagittal stack in the same patient space, not necessarily the one on which the region was laid out.
    :param scale: grey scale of the volume.
    :param offset: millimetres along the region's normal, for neighbouring slices.
    :returns: (side, side); all zero, which means "absent", if the region lies outside the stack.
    """
    middle = np.array([(region.side - 1) / 2, (region.side - 1) / 2, offset])
    centre = region.affine[:3, :3] @ middle + region.affine[:3, 3]
    if _is_beside(centre, volume):
        return np.zeros((region.side, region.side), dtype=np.float32)
    index = volume.nearest_slice(centre)
    matrix = np.linalg.inv(volume.image.affine) @ region.affine
    in_plane = np.column_stack([matrix[1:3, 0], matrix[1:3, 1], matrix[1:3, 3] + matrix[1:3, 2] * offset])
    pixels = resample_plane(volume.pixels(index), in_plane, (region.side, region.side))
    return scale.apply(pixels)


def shows(volume: SagittalVolume, point: FloatArray) -> bool:
    """True if a point, RAS millimetres, lies within the planes of a volume and not far outside its stack."""
    place = volume.to_pixel(point)[1:]
    size = np.array(volume.image.voxels.shape[1:])
    return bool(((place >= -0.5) & (place <= size - 0.5)).all()) and not _is_beside(point, volume)


def _is_beside(point: FloatArray, volume: SagittalVolume) -> bool:
    index = float(volume.to_pixel(point)[0])
    beyond = abs(index - np.clip(index, 0, volume.slice_count - 1)) * volume.slice_spacing
    return bool(beyond > _BEYOND) and volume.slice_count > 1


def grey_scale(volume: SagittalVolume) -> GreyScale:
    """The grey scale of a volume, from the middle third of its slices, where the spine is."""
    first = volume.slice_count // 3
    return GreyScale.of(volume.image.voxels[first : max(first + 1, volume.slice_count - first)])
