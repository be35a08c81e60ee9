"""Corrections of a report by a reader: every function takes a report and returns a new one, with the correction recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from . import anatomy
from .corrections import ADDED, MOVED, READER, REMOVED, RENUMBERED, Correction
from .numbering import NOTE_CODE, renumbered_masks, renumbered_report, under_other_names
from .quantities import Measurement, Place, out_of_date
from .report import Note, Report, StructureResult

_TRANSITIONAL = tuple(item.name for item in anatomy.STRUCTURES if "L6" in item.name)
_USUAL = tuple(item.name for item in anatomy.STRUCTURES if item.name not in _TRANSITIONAL)
_BELOW_L5 = _USUAL.index("L5") + 1
_CRANIAL_TO_CAUDAL = (*_USUAL[:_BELOW_L5], *_TRANSITIONAL, *_USUAL[_BELOW_L5:])

_ENDS_OF_LORDOSIS = ("L1", "L5", "L5-S1")

NOT_MEASURED_AGAIN = Note(
    "not-measured-again",
    "The masks of the analysis are no longer in memory: corrected levels were regraded without masks and not remeasured. "
    "Analyze the study again to measure them at their corrected points.",
    "warning",
)


def now() -> str:
    """The current time in UTC, in the format used in reports."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def with_point(report: Report, item: StructureResult, created: str, author: str = READER) -> Report:
    """A report with a structure at a person's point, graded there; the analysis found it elsewhere or not at all."""
    known = report.structure(item.name) is not None
    before = _of(report, item.name)
    # A point that was added and then moved is still one that the analysis did not find.
    kind = MOVED if known and not (before and before.kind == ADDED) else ADDED
    structures = [other for other in report.structures if other.name != item.name] + [item]
    return _recorded(replace(report, structures=_in_order(structures)), Correction(kind, item.name, author, created))


def with_graded(report: Report, graded: Report, created: str) -> Report:
    """A report updated with levels that were graded and measured again at points placed by a person.

    Without masks to measure on, the measurements of these levels lose their values, and their reasons say what to do.

    :param graded: report of these levels only, under the names given by the analysis; a level without a name in the current
        numbering is left out.
    """
    shift, measured = shift_of(report), report.measured
    graded_names = []
    for item in graded.structures:
        name = _name_in(item.name, shift)
        if not name:
            continue
        graded_names.append(name)
        values = _of_levels(item.measurements, shift)
        if measured and not values:
            values = out_of_date(Place(anatomy.structure(name).kind.value))
        before, earlier = report.structure(name), _of(report, name)
        # A point that stays where a reader had put it is not a new correction.
        same = earlier is not None and before is not None and before.position == item.position
        when = earlier.created if same and earlier is not None else created
        report = with_point(report, replace(item, name=name, measurements=values), when)
    beside = ((report.structure(_name_in(name, shift)), values) for name, values in graded.remeasured.items())
    report = report.with_structures(
        tuple(replace(item, measurements=_of_levels(values, shift)) for item, values in beside if item is not None)
    )
    spine = report.measurements
    if shift == 0 and graded.measurements:
        spine = graded.measurements
    elif shift == 0 and spine and not graded.measured and set(graded_names) & set(_ENDS_OF_LORDOSIS):
        spine = out_of_date(Place.SPINE)
    notes = tuple(note for note in report.notes if note != NOT_MEASURED_AGAIN or not graded.measured)
    if measured and NOT_MEASURED_AGAIN in graded.notes and NOT_MEASURED_AGAIN not in notes:
        notes = (*notes, NOT_MEASURED_AGAIN)
    # A different version of a model of the analysis is listed as well.
    models = (*report.models, *(model for model in graded.models if model not in report.models))
    masks = report.masks if graded.masks is None else renumbered_masks(graded.masks, shift)
    return replace(report, measurements=spine, notes=notes, models=models, masks=masks)


def without_point(report: Report, name: str, created: str, author: str = READER) -> Report:
    """A report without a structure whose point is wrong and has no replacement."""
    structures = tuple(item for item in report.structures if item.name != name)
    return _recorded(replace(report, structures=structures), Correction(REMOVED, name, author, created))


def with_other_numbering(report: Report, shift: int, created: str, author: str = READER) -> tuple[Report, dict[str, str]]:
    """A report with every name shifted by whole levels, and a map from old to new names.

    :param shift: levels; +1 moves every name one level down (L4 becomes L5).
    :raises InputError: if no structure would keep a name.
    """
    moved, names = renumbered_report(report, shift)
    total = shift_of(report) + shift
    notes = tuple(note for note in moved.notes if total or note.code != NOTE_CODE)
    corrections = tuple(
        replace(item, structure=_moved_name(item.structure, shift)) for item in report.corrections if item.kind != RENUMBERED
    )
    if total:
        corrections = (*corrections, Correction(RENUMBERED, "", author, created, total))
    return replace(moved, corrections=corrections, notes=notes), names


def shift_of(report: Report) -> int:
    """Number of levels by which a reader moved the names down relative to the analysis."""
    return sum(item.shift for item in report.corrections)


def carried_over(report: Report, earlier: Report) -> Report:
    """A new report on the same images with the corrections of an earlier one."""
    result, shift = report, shift_of(earlier)
    for item in earlier.corrections:
        if item.kind == RENUMBERED:
            result, _ = with_other_numbering(result, shift, item.created, item.author)
    for item in earlier.corrections:
        point = earlier.structure(item.structure)
        if item.kind == REMOVED:
            result = without_point(result, item.structure, item.created, item.author)
        elif item.kind in (MOVED, ADDED) and point is not None:
            result = with_point(result, point, item.created, item.author)
    return result


def _recorded(report: Report, correction: Correction) -> Report:
    others = tuple(item for item in report.corrections if item.structure != correction.structure)
    return replace(report, corrections=(*others, correction))


def _of(report: Report, structure: str) -> Correction | None:
    return next((item for item in report.corrections if item.structure == structure), None)


def _in_order(structures: list[StructureResult]) -> tuple[StructureResult, ...]:
    return tuple(sorted(structures, key=lambda item: _CRANIAL_TO_CAUDAL.index(item.name)))


def _moved_name(name: str, shift: int) -> str:
    return _name_in(name, shift) or name


def _name_in(name: str, shift: int) -> str:
    """The name of a structure in another numbering; empty if it has none."""
    return anatomy.renumbered(name, shift) if shift else name


def _of_levels(measurements: tuple[Measurement, ...], shift: int) -> tuple[Measurement, ...]:
    return under_other_names(measurements) if shift else measurements
