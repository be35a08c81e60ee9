"""Figures of masks in three dimensions, structure by structure, on stacks whose masks are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..base.anatomy import CANAL, KEY_POINTS, Kind, structure
from ..base.errors import InputError
from ..base.masks import LABELS
from ..models.segmentation_network import TISSUES
from ..steps.instances import named
from ..steps.localization import Localizer
from ..steps.segmentation import Segmenter
from ..steps.spine_curve import SpineCurve
from .intervals import REPEATS, Figure, Indices, bootstrap_figures
from .outlines import Labels, Outlined, UsualSpine
from .surfaces import Likeness, likeness

MEASURED = (*KEY_POINTS, CANAL.name)
"""Structures that are measured if the true masks have them; T12 and above are rarely complete in the image."""

_DIGITS = ("Dice", "IoU", "95 % Hausdorff distance, mm", "mean surface distance, mm")


@dataclass(frozen=True)
class Outline:
    """One structure of a stack.

    :param name: a structure, or the plural of a tissue for all of it in a stack, including levels that have no name.
    """

    patient: str
    name: str
    likeness: Likeness

    @property
    def group(self) -> str:
        """The table row to which it belongs."""
        return structure(self.name).kind.value if self.name in MEASURED else self.name


def segmented(spine: Outlined, localizer: Localizer, segmenter: Segmenter) -> tuple[Labels, Labels]:
    """Labels and tissues that the models find in a stack, end to end; all zero if no spine is found."""
    nothing: Labels = np.zeros(spine.labels.shape, dtype=np.uint8)
    try:
        found = localizer.locate(spine.volume)
    except InputError:
        return nothing, nothing
    points = dict(zip(found.names, found.positions, strict=True))
    curve = SpineCurve.of(spine.volume, points)
    slices = spine.volume.to_pixel(found.positions)[:, 0]
    tissues = segmenter.tissues.label(spine.volume, curve, (float(slices.min()), float(slices.max())))
    return named(tissues, spine.volume, curve), tissues


def usual(spine: Outlined, localizer: Localizer, shape: UsualSpine) -> tuple[Labels, Labels]:
    """The same from a usual spine placed at the localizer's points: the baseline."""
    found = localizer.locate(spine.volume)
    curve = SpineCurve.of(spine.volume, dict(zip(found.names, found.positions, strict=True)))
    tissues = shape.tissues(spine.volume, curve)
    return named(tissues, spine.volume, curve), tissues


def outlines_of(spine: Outlined, labels: Labels, tissues: Labels) -> list[Outline]:
    """Every measured structure that the true masks have, and each tissue as a whole."""
    spacing: tuple[float, float, float] = tuple(spine.volume.image.spacing.tolist())
    result = []
    for name in MEASURED:
        truth = spine.labels == LABELS[name]
        if truth.any():
            result.append(Outline(spine.patient, name, likeness(labels == LABELS[name], truth, spacing)))
    for number, tissue in enumerate(TISSUES[1:3], 1):
        truth = spine.tissues == number
        if truth.any():
            pair = likeness(tissues == number, truth, spacing)
            result.append(Outline(spine.patient, _together(tissue), pair))
    return result


def summary(outlines: Sequence[Outline], *, repeats: int = REPEATS) -> dict[str, dict[str, Figure]]:
    """Kind of structure to its figures: means over structures, with intervals over patients."""
    order = [Kind.DISC.value, Kind.VERTEBRA.value, Kind.CANAL.value, *(_together(name) for name in TISSUES[1:3])]
    return {group: _figures([item for item in outlines if item.group == group], repeats) for group in order}


def level_summary(outlines: Sequence[Outline], *, repeats: int = REPEATS) -> dict[str, dict[str, Figure]]:
    """The same for each structure."""
    return {name: _figures([item for item in outlines if item.name == name], repeats) for name in MEASURED}


def _figures(outlines: Sequence[Outline], repeats: int) -> dict[str, Figure]:
    if not outlines:
        return {}
    values = np.array(
        [[item.likeness.dice, item.likeness.iou, item.likeness.hausdorff_95, item.likeness.surface] for item in outlines]
    )

    def means(drawn: Indices) -> dict[str, float]:
        part = values[drawn]
        known = np.isfinite(part)
        sums = np.where(known, part, 0).sum(0)
        return {
            name: float(total / count) if count else float("nan")
            for name, total, count in zip(_DIGITS, sums, known.sum(0), strict=True)
        }

    return bootstrap_figures([item.patient for item in outlines], means, repeats=repeats)


def _together(tissue: str) -> str:
    plural = {"vertebra": "vertebrae", "disc": "discs"}[tissue]
    return f"all {plural} of a stack as one"
