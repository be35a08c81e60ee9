"""Renumbering: a report with its levels named one or more levels higher or lower."""

from __future__ import annotations

from dataclasses import replace

from . import anatomy
from .errors import InputError
from .masks import Masks
from .quantities import OUT_OF_DATE, Measurement
from .report import Note, Numbering, Report

NOTE_CODE = "renumbered"

OTHER_LEVELS = "It was not measured with the levels numbered this way."
"""Reason of a measurement that was not taken at the levels that now have these names."""


def description_of(shift: int | None) -> str:
    """A numbering described to a reader, relative to the names in the report.

    :param shift: levels by which every name moves down; None if the levels cannot be numbered.
    """
    if shift is None:
        return "cannot number: no sacrum in view"
    if shift == 0:
        return "as reported"
    count = "one level" if abs(shift) == 1 else f"{abs(shift)} levels"
    called, is_ = ("L4", "L5") if shift > 0 else ("L5", "L4")
    example = f": {called} would be {is_}" if abs(shift) == 1 else ""
    return f"every structure is {count} {'lower' if shift > 0 else 'higher'}{example}"


def renumbered_report(report: Report, shift: int) -> tuple[Report, dict[str, str]]:
    """A report with other names at the same positions, and a map from old to new names.

    Structures that would move beyond T11 or S1, and a sixth lumbar vertebra with its discs, have no name in the new
    numbering; they are left out, and a note says so.

    :param shift: levels; +1 moves every name one level down (L4 becomes L5).
    :returns: the report, and the old to new names of the structures that stay.
    :raises InputError: if no structure would keep a name.
    """
    names = {item.name: name for item in report.structures if (name := anatomy.renumbered(item.name, shift))}
    if not names:
        raise InputError(f"Moving the numbering by {shift} levels leaves no structure with a name.", code="renumber")
    structures = tuple(
        replace(item, name=names[item.name], measurements=under_other_names(item.measurements))
        for item in report.structures
        if item.name in names
    )
    lost = [item.name for item in report.structures if item.name not in names]
    text = f"The numbering was moved by {shift:+d} level{'s' if abs(shift) > 1 else ''} by the user."
    if lost:
        text += f" {', '.join(lost)} had no name in the new numbering and {'was' if len(lost) == 1 else 'were'} left out."
    numberings = tuple(
        Numbering(moved, item.probability, description_of(moved))
        for item in report.numberings
        for moved in (None if item.shift is None else item.shift - shift,)
    )
    notes = (*report.notes, Note(NOTE_CODE, text))
    spine = tuple(replace(item, value=None, lines=(), reason=OTHER_LEVELS) for item in report.measurements)
    masks = None if report.masks is None else renumbered_masks(report.masks, shift)
    return replace(report, structures=structures, numberings=numberings, notes=notes, masks=masks, measurements=spine), names


def under_other_names(measurements: tuple[Measurement, ...]) -> tuple[Measurement, ...]:
    """Measurements of a renamed level: reasons for missing values are replaced, as they may mention a level by its old name."""
    kept = ("", OUT_OF_DATE)
    return tuple(item if item.reason in kept else replace(item, reason=OTHER_LEVELS) for item in measurements)


def renumbered_masks(masks: Masks, shift: int) -> Masks:
    """Masks under the names of another numbering, including levels that are not key points, such as T12.

    :param shift: levels; +1 moves every name one level down. A level without a name in the new numbering loses its mask.
    """
    if shift == 0:
        return masks
    return masks.renamed({item.name: name for item in masks.structures if (name := anatomy.renumbered(item.name, shift))})
