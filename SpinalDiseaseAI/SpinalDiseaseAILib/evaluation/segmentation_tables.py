"""The tables of a segmentation model: on thin slices, on thick slices, and by level."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..base.anatomy import Kind
from ..base.errors import InputError
from ..datasets.space_stacks import SLICE_STEP, read_space_stacks
from ..steps.instances import named
from ..steps.localization import Localizer
from ..steps.segmentation import Segmenter
from .intervals import DETAIL_REPEATS, Figure
from .outlines import Outlined, UsualSpine, outlined
from .segmentation import Outline, level_summary, outlines_of, segmented, summary, usual
from .tables import Row, Table

THICK = 4
"""Number of T2-SPACE slices that are averaged to one slice of ordinary thickness."""

BASELINE = "a usual spine drawn at the same points"
_NAMED = (Kind.DISC.value, Kind.VERTEBRA.value)
"""Kinds whose structures are matched by name: if the localizer numbers a spine one level off, all of them are missed."""


def segmentation_tables(
    data: Path, split: str, models: tuple[str, str], localizer: Localizer, segmenter: Segmenter, *, patients: int = 0
) -> Iterator[Table]:
    """The tables of a segmenter, end to end: at the points found by a localizer.

    :param data: folder of the data sets.
    :param models: names of the segmenter and of the localizer.
    :param patients: maximum number of patients; 0 for all.
    :raises InputError: if there are no stacks of the split whose masks show every key point.
    """
    shape = UsualSpine.of(_spines(data, "train", 1, 0))
    for thickness in (1, THICK):
        spines = _spines(data, split, thickness, patients)
        found: list[Outline] = []
        trivial: list[Outline] = []
        at_own_points: list[Outline] = []
        for spine in spines:
            labels, tissues = segmented(spine, localizer, segmenter)
            found += outlines_of(spine, labels, tissues)
            at_own_points += outlines_of(spine, named(tissues, spine.volume, spine.curve), tissues)
            trivial += outlines_of(spine, *usual(spine, localizer, shape))
        millimetres = f"{thickness * SLICE_STEP:g} mm"
        title = f"Masks in three dimensions, T2-SPACE slices of {millimetres}"
        way = "" if thickness == 1 else f", each the mean of {thickness} neighbours"
        words = f"spider_space, {split} patients: {len(spines)} stacks of {len(spines)} patients{way}; points by {models[1]}"
        rows = _rows(summary(found), summary(trivial, repeats=0))
        for kind, figures in summary(at_own_points).items():
            if kind in _NAMED:
                rows += [Row(f"{kind}, named by the masks' own points: {name}", figure) for name, figure in figures.items()]
        yield Table(title, models[:1], words, BASELINE, rows)
        levels = _rows(level_summary(found, repeats=DETAIL_REPEATS), level_summary(trivial, repeats=0))
        yield Table(f"{title}, by structure", models[:1], words, BASELINE, levels, detail=True)


def _spines(data: Path, split: str, thickness: int, patients: int) -> list[Outlined]:
    stacks = read_space_stacks(data, (split,))
    stacks = stacks[:patients] if patients else stacks
    found = [spine for stack in stacks if (spine := outlined(stack, thickness)) is not None]
    if not found:
        raise InputError(
            f"No T2-SPACE stack of {split} patients shows every key point.", "Figures of masks need some.", code="dataset"
        )
    return found


def _rows(found: dict[str, dict[str, Figure]], trivial: dict[str, dict[str, Figure]]) -> list[Row]:
    return [
        Row(f"{group}: {name}", figure, trivial[group][name].value)
        for group, figures in found.items()
        for name, figure in figures.items()
    ]
