"""SPIDER's T2-SPACE planes as stacks with masks: every slice of a patient, including lateral ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from .records import Pixels, plain_files, read_grey, split_of
from .spider import CANAL_MASK, DISC_MASK, VERTEBRA_MASK, read_spacing

SLICE_STEP = 1.0
"""Millimetres between neighbouring slices: SpacingBetweenSlices of every such series in ``overview.csv``.

This is not the slice thickness, which is 0.9 mm."""

TISSUE_OF_MASK = {VERTEBRA_MASK: 1, DISC_MASK: 2, CANAL_MASK: 3}
"""Grey value in the masks to tissue number; 0 is background."""


@dataclass(frozen=True, eq=False)
class SpaceStack:
    """Neighbouring sagittal slices of a patient.

    :param pixels: 8-bit grey values, shape (slices, rows, columns), anterior to the left, head up.
    :param tissues: 0 background, 1 vertebra, 2 disc, 3 canal; same shape.
    :param spacing: millimetres (width of a column, height of a row); slices are :data:`SLICE_STEP` apart.
    """

    patient: str
    pixels: Pixels
    tissues: Pixels
    spacing: tuple[float, float]

    @property
    def split(self) -> str:
        """The split of the stack's patient."""
        return split_of("spider", self.patient)


def read_space_stacks(data: Path, splits: tuple[str, ...]) -> tuple[SpaceStack, ...]:
    """The stacks of some splits from :func:`each_space_stack`, all in memory."""
    return tuple(each_space_stack(data, splits))


def space_files(data: Path) -> list[Path]:
    """Every file from which stacks are read: pictures, masks and the table of spacings."""
    folder = data / "spider"
    return [*sorted((folder / "t2_space").rglob("*.png")), folder / "overview.csv"]


def each_space_stack(data: Path, splits: tuple[str, ...]) -> Iterator[SpaceStack]:
    """Yield the stacks of some splits.

    :param data: folder of the data sets.
    :raises InputError: if there are none, a file is missing or damaged, or a stack has gaps.
    """
    folder = data / "spider"
    series: dict[str, dict[int, Path]] = {}
    for path in sorted((folder / "t2_space" / "images").glob("*_slice*.png")):
        name, number = path.stem.rsplit("_slice", 1)
        series.setdefault(name, {})[int(number)] = path
    wanted = {name: slices for name, slices in series.items() if split_of("spider", name.split("_", 1)[0]) in splits}
    if not wanted:
        raise InputError(
            f"There are no T2-SPACE slices of {' and '.join(splits)} patients in {folder}.",
            "A folder t2_space/ with images/ and masks/ is needed there.",
            "Pass the folder of the data sets with --data.",
            code="dataset",
        )
    with plain_files(folder):
        spacing = read_spacing(folder)
    for name, slices in wanted.items():
        yield _stack(name, slices, spacing)


def tissues_of(mask: Pixels) -> Pixels:
    """Tissue numbers from the grey values of a mask."""
    table = np.zeros(256, dtype=np.uint8)
    for grey, tissue in TISSUE_OF_MASK.items():
        table[grey] = tissue
    result: Pixels = table[mask]
    return result


def _stack(name: str, slices: dict[int, Path], spacing: dict[str, tuple[float, float]]) -> SpaceStack:
    numbers = sorted(slices)
    if numbers != list(range(numbers[0], numbers[-1] + 1)):
        raise InputError(
            f"Slices are missing between slice {numbers[0]} and slice {numbers[-1]} of the series {name}.",
            remedy="Convert the data set again.",
            code="dataset",
        )
    if name not in spacing:
        raise InputError(f"overview.csv has no PixelSpacing of the series {name}.", code="dataset")
    masks = [slices[number].parents[1] / "masks" / slices[number].name for number in numbers]
    absent = [mask.name for mask in masks if not mask.is_file()]
    if absent:
        raise InputError(f"There is no mask {absent[0]}.", "Every T2-SPACE slice needs one.", code="dataset")
    return SpaceStack(
        name.split("_", 1)[0],
        np.stack([read_grey(slices[number]) for number in numbers]),
        np.stack([tissues_of(read_grey(mask)) for mask in masks]),
        spacing[name],
    )
