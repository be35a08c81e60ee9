"""Discs, bodies and canal of a study in their own sagittal planes, each computed only once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ...base.anatomy import CANAL, STRUCTURES
from ...base.geometry import Array, FloatArray
from ...base.masks import Masks
from ...base.planes import SagittalVolume
from .bodies import Body, body_of
from .canals import CanalAtDisc, canal_at
from .discs import Disc, disc_of
from .not_measurable import NotMeasurable
from .sagittal_frame import Grains, SagittalFrame
from .signals import fluid_signal, signal_ratio

Shape = TypeVar("Shape")

_SAME = 1e-3  # millimetres: a point that passed through a file or a scene is not bitwise the same
_REACH = 40.0  # assumed millimetres from a body's point to the next disc if that has no point

_ORDER = {item.name: number for number, item in enumerate(STRUCTURES)}


class SegmentedSpine:
    """Shapes and signals to be measured, from masks and key points.

    :param volume: the stack that was segmented.
    :param masks: on the same voxel grid; kept as :attr:`masks`.
    :param points: structure name to its point, RAS millimetres (3,); kept as :attr:`points`, from cranial to caudal.
    :raises ValueError: if the masks have another shape than the stack.
    """

    def __init__(self, volume: SagittalVolume, masks: Masks, points: Mapping[str, FloatArray]) -> None:
        labels = SagittalVolume.of(masks.image)
        if labels.image.voxels.shape != volume.image.voxels.shape:
            raise ValueError(f"The masks have shape {labels.image.voxels.shape}, the image {volume.image.voxels.shape}.")
        self.volume = volume
        self.frame = SagittalFrame.of(volume)
        self.points = {name: np.asarray(points[name], dtype=np.float64) for name in sorted(points, key=_ORDER.__getitem__)}
        self.masks = masks
        self._labels = labels
        self._found: dict[tuple[str, str], object] = {}

    def at(self, points: Mapping[str, FloatArray], volume: SagittalVolume) -> SegmentedSpine:
        """The same masks at other points. Results for structures that are not next to a changed point are reused.

        :param volume: the same stack.
        """
        result = SegmentedSpine(volume, self.masks, points)
        affected = self._affected(result)
        result._found = {key: shape for key, shape in self._found.items() if key[1] not in affected}
        return result

    def moved(self, other: SegmentedSpine) -> set[str]:
        """Structures whose point differs between this spine and another, or that only one of the two has."""
        both = self.points.keys() & other.points.keys()
        return (self.points.keys() ^ other.points.keys()) | {
            name for name in both if np.linalg.norm(self.points[name] - other.points[name]) > _SAME
        }

    def holds(self, name: str) -> bool:
        """True if the point of a structure lies in its own mask."""
        if name not in self.points or self.masks.label(name) is None:
            return False
        voxel = np.rint(self.volume.to_pixel(self.points[name])).astype(int)
        labels = self._labels.image.voxels
        inside = bool((voxel >= 0).all() and (voxel < labels.shape).all())
        return inside and bool(labels[tuple(voxel)] == self.masks.label(name))

    def _affected(self, other: SegmentedSpine) -> set[str]:
        """Structures with a changed point, and their neighbours: points define the spine's direction and the ends of bodies."""
        changed = self.moved(other)
        affected = set(changed)
        for names in (list(self.points), list(other.points)):
            for index, name in enumerate(names):
                if changed & set(names[max(0, index - 1) : index + 2]):
                    affected.add(name)
        return affected

    def slice_of(self, name: str) -> int:
        """The slice on which a structure is measured.

        :raises NotMeasurable: if it has no point.
        """
        if name not in self.points:
            raise NotMeasurable(f"{name} has no point.")
        return self.volume.nearest_slice(self.points[name])

    def disc(self, name: str) -> Disc:
        """A disc.

        :raises NotMeasurable: with the reason.
        """
        return self._once("disc", name, self._disc)

    def body(self, name: str) -> Body:
        """The body of a vertebra.

        :raises NotMeasurable: with the reason.
        """
        return self._once("body", name, self._body)

    def canal(self, name: str) -> CanalAtDisc:
        """The canal at a disc.

        :raises NotMeasurable: with the reason.
        """
        return self._once("canal", name, self._canal)

    def canal_grains(self, index: int) -> Grains:
        """The canal in a slice; may be empty."""
        return self.frame.grains(self._mask(CANAL.name, index), index)

    def pixels(self, name: str) -> Array:
        """Intensities of a structure's own slice; (columns, rows).

        :raises NotMeasurable: if it has no point.
        """
        plane: Array = self.volume.image.voxels[self.slice_of(name)]
        return plane

    def signal_ratio(self, name: str) -> float:
        """Signal of a disc over that of cerebrospinal fluid.

        :raises NotMeasurable: with the reason.
        """
        self.disc(name)
        return signal_ratio(self.pixels(name), self.own_mask(name), self.fluid(name), self.volume.pixel_spacing)

    def fluid(self, name: str) -> float:
        """Signal of cerebrospinal fluid near a disc.

        :raises NotMeasurable: with the reason.
        """
        return self._once("fluid", name, self._fluid)

    def _once(self, kind: str, name: str, make: Callable[[str], Shape]) -> Shape:
        key = kind, name
        if key not in self._found:
            try:
                self._found[key] = make(name)
            except NotMeasurable as error:
                self._found[key] = error
        found = self._found[key]
        if isinstance(found, NotMeasurable):
            raise found
        return found  # type: ignore[return-value]

    def _mask(self, name: str, index: int) -> npt.NDArray[np.bool_]:
        value = self.masks.label(name)
        plane = self._labels.image.voxels[index]
        return np.zeros(plane.shape, dtype=np.bool_) if value is None else np.asarray(plane == value)

    def own_mask(self, name: str) -> npt.NDArray[np.bool_]:
        """The mask of a structure in its own slice; (columns, rows).

        :raises NotMeasurable: if there is none.
        """
        if self.masks.label(name) is None:
            raise NotMeasurable(f"{name} has no mask.")
        mask = self._mask(name, self.slice_of(name))
        if not mask.any():
            raise NotMeasurable(f"The mask of {name} does not reach its own slice.")
        return mask

    def _down(self, name: str) -> FloatArray:
        names = list(self.points)
        index = names.index(name)
        above, below = (
            self.frame.plane_point(self.points[names[i]]) for i in (max(0, index - 1), min(len(names) - 1, index + 1))
        )
        step: FloatArray = below - above
        length = float(np.linalg.norm(step))
        if length < 1e-6:
            raise NotMeasurable(f"{name} has no neighbour from which to tell the direction of the spine.")
        return step / length

    def _disc(self, name: str) -> Disc:
        mask = self.own_mask(name)
        if mask[[0, -1]].any() or mask[:, [0, -1]].any():
            raise NotMeasurable(f"{name} is cut off at the edge of the image.")
        with _named(name):
            return disc_of(self.frame.grains(mask, self.slice_of(name)), self._down(name))

    def _body(self, name: str) -> Body:
        mask = self.own_mask(name)
        if mask[0].any() or mask[:, [0, -1]].any():  # posterior parts may extend beyond the posterior edge
            raise NotMeasurable(f"{name} is cut off at the edge of the image.")
        index = self.slice_of(name)
        centre, down = self.frame.plane_point(self.points[name]), self._down(name)
        reach = [float((self.frame.plane_point(point) - centre) @ down) for point in self.points.values()]
        between = max((r for r in reach if r < 0), default=-_REACH), min((r for r in reach if r > 0), default=_REACH)
        with _named(name):
            return body_of(self.frame.grains(mask, index), centre, down, self.canal_grains(index), between)

    def _canal(self, name: str) -> CanalAtDisc:
        if self.masks.label(CANAL.name) is None:
            raise NotMeasurable("The spinal canal has no mask.")
        disc = self.disc(name)
        return canal_at(disc.axes, disc.depth, self.canal_grains(self.slice_of(name)))

    def _fluid(self, name: str) -> float:
        disc, index, pixels = self.disc(name), self.slice_of(name), self.pixels(name)
        canal = np.nonzero(self._mask(CANAL.name, index))
        places = self.frame.plane_point(self.volume.to_ras(np.stack([np.full(len(canal[0]), index), *canal], -1)))
        distance = np.abs((places - disc.axes.origin) @ self._down(name))
        return fluid_signal(pixels[canal], distance, self.frame.pixel_area, float(pixels.min()))


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Add the name of the structure to reasons raised in a block: they may also become those of other structures."""
    try:
        yield
    except NotMeasurable as error:
        raise NotMeasurable(f"{name} is not measured. {error}") from error
