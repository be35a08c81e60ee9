"""A report with a reader's corrections: every function takes a report and gives another one, with the correction recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from . import anatomy
from .corrections import ADDED, MOVED, READER, REMOVED, RENUMBERED, Correction
from .numbering import NOTE_CODE, renumbered_report
from .report import Report, StructureResult

_TRANSITIONAL = tuple(item.name for item in anatomy.STRUCTURES if "L6" in item.name)
_USUAL = tuple(item.name for item in anatomy.STRUCTURES if item.name not in _TRANSITIONAL)
_BELOW_L5 = _USUAL.index("L5") + 1
_CRANIAL_TO_CAUDAL = (*_USUAL[:_BELOW_L5], *_TRANSITIONAL, *_USUAL[_BELOW_L5:])


def now() -> str:
    """The time in UTC, as reports state it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def with_point(report: Report, item: StructureResult, created: str, author: str = READER) -> Report:
    """A report in which a person's point stands, graded, for a structure that was found elsewhere or not at all."""
    known = report.structure(item.name) is not None
    before = _of(report, item.name)
    # A point that was placed and then moved still is one that the analysis did not find.
    kind = MOVED if known and not (before and before.kind == ADDED) else ADDED
    structures = [other for other in report.structures if other.name != item.name] + [item]
    return _recorded(replace(report, structures=_in_order(structures)), Correction(kind, item.name, author, created))


def without_point(report: Report, name: str, created: str, author: str = READER) -> Report:
    """A report in which a structure is left out, because its point is wrong and there is none to put in its place."""
    structures = tuple(item for item in report.structures if item.name != name)
    return _recorded(replace(report, structures=structures), Correction(REMOVED, name, author, created))


def with_other_numbering(report: Report, shift: int, created: str, author: str = READER) -> tuple[Report, dict[str, str]]:
    """A report with every name moved by whole levels, and which structure got which name.

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
    """Levels that a reader moved the names down against those of the analysis."""
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
    try:
        return anatomy.renumbered((name,), shift)[0] if name else name
    except (KeyError, ValueError):
        return name
