"""Masks: which voxels of an image belong to which structure.

Label values are those of VerSe and SPINEPS, for compatibility with other tools: vertebrae T11 18 … L5 24, L6 25, sacrum 26; a
disc has the value of the vertebra above it plus 100; the spinal canal is 61. Sources: Sekuboyina et al., VerSe, Medical Image
Analysis 2021; Möller et al., SPINEPS, European Radiology 2024.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from . import anatomy
from .errors import InputError
from .geometry import Image

Box = tuple[slice, slice, slice]

_VERTEBRAE = ("T11", "T12", "L1", "L2", "L3", "L4", "L5", "L6", "S1")
_FIRST = 18
_PART = 1 << 13
"""Number of voxels that are counted at a time."""

LABELS: dict[str, int] = {
    **{name: _FIRST + index for index, name in enumerate(_VERTEBRAE)},
    # The disc below L5 is L5-L6 if there is an L6, else L5-S1: a spine never has both, and they share the value 124.
    **{
        item.name: 100 + _FIRST + _VERTEBRAE.index(item.name.split("-")[0])
        for item in anatomy.STRUCTURES
        if item.kind is anatomy.Kind.DISC
    },
    anatomy.CANAL.name: 61,
}
"""Structure name to label value."""


@dataclass(frozen=True, eq=False)
class Masks:
    """Labelled voxels and the structure that each label stands for.

    :param image: uint8 labels on the voxel grid of the segmented image, 0 for background.
    :param names: label value to the name of a structure of :mod:`anatomy`; every label of the image has one.
    :param model: name of the model bundle that made them; empty if a person drew them.
    :raises InputError: if the voxels are not uint8, or a label has no structure.
    """

    image: Image
    names: Mapping[int, str]
    model: str = ""

    def __post_init__(self) -> None:
        if self.image.voxels.dtype != np.uint8:
            raise InputError(
                f"The masks have voxels of type {self.image.voxels.dtype}.", "Labels should be of type uint8.", code="masks"
            )
        found = np.flatnonzero(label_counts(self.image.voxels))
        unknown = [int(value) for value in found if value and int(value) not in self.names]
        if unknown:
            raise InputError(
                f"The masks have voxels of the label {', '.join(map(str, unknown))}.",
                "Every label should be named.",
                code="masks",
            )
        for name in self.names.values():
            try:
                anatomy.structure(name)
            except KeyError as error:
                raise InputError(
                    f"The masks name a structure {name!r}.",
                    f"Known are {', '.join(LABELS)}.",
                    code="masks",
                ) from error
        object.__setattr__(self, "names", dict(self.names))

    @property
    def structures(self) -> tuple[anatomy.Structure, ...]:
        """The structures that have a mask, from cranial to caudal, with the canal last."""
        named = set(self.names.values())
        return tuple(item for item in (*anatomy.STRUCTURES, anatomy.CANAL) if item.name in named)

    def label(self, name: str) -> int | None:
        """The label value of a structure, None if it has no mask."""
        return next((value for value, own in self.names.items() if own == name), None)

    def of(self, name: str) -> npt.NDArray[np.bool_]:
        """The voxels of one structure, in the shape of the image; all False if it has no mask."""
        value = self.label(name)
        if value is None:
            return np.zeros(self.image.voxels.shape, dtype=np.bool_)
        mask: npt.NDArray[np.bool_] = self.image.voxels == value
        return mask

    def renamed(self, names: Mapping[str, str]) -> Masks:
        """The same masks under other names, for example after the levels were renumbered.

        :param names: old to new names of levels; a level that is not listed loses its mask. The canal stays.
        """
        table = np.zeros(256, dtype=np.uint8)
        new: dict[int, str] = {}
        for value, old in self.names.items():
            name = old if old == anatomy.CANAL.name else names.get(old)
            if name is not None:
                table[value] = LABELS[name]
                new[LABELS[name]] = name
        return replace(self, image=Image(table[self.image.voxels], self.image.affine), names=new)


def masks_of(image: Image, model: str = "") -> Masks:
    """Masks whose labels follow :data:`LABELS`; the label shared by two discs is taken for L5-S1.

    :param image: uint8 labels.
    :raises InputError: if a label is not in the table.
    """
    table = {value: name for name, value in LABELS.items() if name != "L5-L6"}
    counts = label_counts(image.voxels) if image.voxels.dtype == np.uint8 else np.zeros(256)
    return Masks(image, {value: name for value, name in table.items() if counts[value]}, model)


def label_counts(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """Number of voxels of each label, shape (256,).

    Voxels are counted in parts, in memory order, because counting needs eight times the memory of what is counted. Background,
    which most voxels are, is what remains in the end.

    :param labels: three dimensions.
    """
    counts = np.zeros(256, dtype=np.intp)
    flat = labels.ravel(order="K")
    for start in range(0, flat.size, _PART):
        part = flat[start : start + _PART]
        counts += np.bincount(part[part != 0], minlength=256)
    counts[0] = labels.size - counts.sum()
    return counts


def box_of(mask: npt.NDArray[np.bool_]) -> Box | None:
    """The smallest box that contains a three-dimensional mask; None if the mask is empty."""
    # The whole mask is read only once, to project it along the axis with the longest stride in memory.
    through = int(np.argmax(np.abs(mask.strides)))
    plane = np.asarray(mask.any(through))
    first, second = (axis for axis in range(3) if axis != through)
    box = [slice(None)] * 3
    for number, axis in enumerate((first, second)):
        where = np.flatnonzero(plane.any(1 - number))
        if not len(where):
            return None
        box[axis] = slice(int(where[0]), int(where[-1]) + 1)
    where = np.flatnonzero(mask[tuple(box)].any((first, second)))
    box[through] = slice(int(where[0]), int(where[-1]) + 1)
    return box[0], box[1], box[2]
