"""The choice of one study with its sagittal T2 and T1 from everything that was found, and the reasons in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..base.errors import InputError
from ..base.report import Note
from ..base.study import Role
from .assessing import RANKING, Assessment, assess
from .listing import SeriesEntry
from .refusing import refusal
from .slices import Slice

_FEW_SLICES = 5


@dataclass(frozen=True, eq=False)
class Choice:
    """The series that would be used.

    :param used: the series of each role; at least one.
    :param entries: all series, those used first.
    :param notes: what a reader must know about the choice.
    """

    used: dict[Role, Assessment]
    entries: tuple[SeriesEntry, ...]
    notes: tuple[Note, ...]


def choose(
    slices: Sequence[Slice], *, t2: str = "", t1: str = ""
) -> tuple[Choice | None, tuple[SeriesEntry, ...], InputError | None]:
    """Choose the study and its series.

    :param slices: those of all images of the input; at least one.
    :param t2: UID of the series that the user wants as T2; empty to choose automatically.
    :param t1: UID of the series that the user wants as T1; empty to choose automatically.
    :returns: the choice or None, the entries of all series in either case, and the error that explains why there is no choice.
    """
    wanted = {Role.SAGITTAL_T2: t2, Role.SAGITTAL_T1: t1}
    assessments = _assess_all(slices, wanted)
    try:
        used = _choose_series(assessments, wanted)
    except InputError as error:
        return None, _entries(assessments, {}), error
    choice = Choice(used, _entries(assessments, used), _notes(assessments, used))
    return choice, choice.entries, None


def _assess_all(slices: Sequence[Slice], wanted: dict[Role, str]) -> list[Assessment]:
    series: dict[tuple[str, str, str], list[Slice]] = {}
    for item in slices:
        series.setdefault((item.patient, item.study_uid, item.series_uid), []).append(item)
    roles = {uid: role for role, uid in wanted.items() if uid}
    return [assess(group, roles.get(uid)) for (_, _, uid), group in series.items()]


def _choose_series(assessments: list[Assessment], wanted: dict[Role, str]) -> dict[Role, Assessment]:
    chosen = {role: _wanted(assessments, uid) for role, uid in wanted.items() if uid}
    if len({item.study for item in chosen.values()}) > 1:
        raise InputError(
            "The two series that you chose belong to different studies.",
            "T2 and T1 of one patient visit are needed.",
            "Choose two series of one study.",
            code="different-studies",
        )
    if len({item.uid for item in chosen.values()}) < len(chosen):
        raise InputError("One series is chosen both as T2 and as T1.", remedy="Choose two different series.", code="same-series")
    studies = {item.study for item in chosen.values()} or {item.study for item in assessments if item.role is not None}
    if not studies:
        raise refusal(assessments)
    picks = [_best_of_study([item for item in assessments if item.study == study], chosen) for study in sorted(studies)]
    # A T2 outweighs a T1, and a better T2 a worse one; T1 only decides between equals.
    return max(picks, key=lambda pick: [pick[role].rank if role in pick else () for role in Role])


def _wanted(assessments: list[Assessment], uid: str) -> Assessment:
    for item in assessments:
        if item.uid == uid:
            if item.problem is not None:
                raise refusal([item])
            return item
    raise InputError(
        f"There is no series {uid} in the input.",
        remedy="List the series, and choose one of them by its UID.",
        code="series-not-found",
    )


def _best_of_study(study: list[Assessment], chosen: dict[Role, Assessment]) -> dict[Role, Assessment]:
    used = dict(chosen)
    for role in Role:
        candidates = [item for item in study if item.role is role and item not in used.values()]
        if role is Role.SAGITTAL_T1 and Role.SAGITTAL_T2 in used:
            candidates = [item for item in candidates if _same_frame(item, used[Role.SAGITTAL_T2])]
        if role not in used and candidates:
            used[role] = max(candidates, key=lambda item: (item.rank, item.uid))
    t1, t2 = used.get(Role.SAGITTAL_T1), used.get(Role.SAGITTAL_T2)
    if t1 and t2 and not _same_frame(t1, t2):
        raise InputError(
            "The two series that you chose lie in different frames of reference, so their positions cannot be compared.",
            "T2 and T1 of one examination are needed, without the patient leaving the scanner in between.",
            "Choose the T2 series alone.",
            code="mixed-frames",
        )
    return used


def _same_frame(one: Assessment, other: Assessment) -> bool:
    first, second = one.stack.first, other.stack.first
    return first.placed == second.placed and first.frame_of_reference_uid == second.frame_of_reference_uid


def _entries(assessments: list[Assessment], used: dict[Role, Assessment]) -> tuple[SeriesEntry, ...]:
    entries = [(item, _entry(item, used)) for item in assessments]
    order = list(Role)
    return tuple(
        entry
        for item, entry in sorted(
            entries,
            key=lambda pair: (
                order.index(pair[1].role) if pair[1].role else len(order),
                pair[0].study,
                pair[0].stack.first.series_number,
                pair[0].uid,
            ),
        )
    )


def _entry(item: Assessment, used: dict[Role, Assessment]) -> SeriesEntry:
    role = next((role for role, other in used.items() if other is item), None)
    code, reason = _reason(item, role, used)
    first = item.stack.first
    spacing = None
    if item.stack.affine is not None:
        lengths = (item.stack.affine[:3, :3] ** 2).sum(axis=0) ** 0.5
        spacing = (round(float(lengths[0]), 4), round(float(lengths[1]), 4), round(float(lengths[2]), 4))
    return SeriesEntry(
        uid=item.uid,
        description=first.description or f"series {first.series_number}",
        modality=first.modality,
        orientation="mixed" if item.mixed else item.stack.orientation,
        size=(first.columns, first.rows, len(item.stack.present)),
        spacing=spacing,
        repetition_time=first.acquisition.repetition_time,
        echo_time=first.acquisition.echo_time,
        weighting=item.judgement.weighting.value,
        role=role,
        reason=reason,
        code=code,
    )


def _reason(item: Assessment, role: Role | None, used: dict[Role, Assessment]) -> tuple[str, str]:
    if role is not None:
        count = len(item.stack.present)
        side, depth, height = item.stack.extent
        size = f"{count} slice{'s' * (count > 1)}"
        size += f" of {depth:.0f} × {height:.0f} mm cover {side:.0f} mm" if item.stack.affine is not None else ""
        return "used", f"Used as {role.value}: {item.judgement.because}; {size}."
    if item.problem is not None:
        return item.problem.code, f"Not used: {item.problem.because}."
    if item.role is None or not used:
        return "outranked", "Not used."
    if item.study != next(iter(used.values())).study:
        return "other-study", "Not used: it belongs to another study or patient."
    winner = used.get(item.role)
    if winner is None or (item.role is Role.SAGITTAL_T1 and not _same_frame(item, winner)):
        return "other-frame", "Not used: it lies in another frame of reference than the T2, so positions cannot be compared."
    places = [text for text, mine, its in zip(RANKING, item.rank, winner.rank, strict=True) if its > mine]
    because = places[0] if places and winner.rank > item.rank else "you chose it"
    return "outranked", f"Not used: it is also {item.role.value}, but {winner.name} was preferred: {because}."


def _notes(assessments: list[Assessment], used: dict[Role, Assessment]) -> tuple[Note, ...]:
    first = next(iter(used.values()))
    notes = []
    patients, studies = {item.study[0] for item in assessments}, {item.study for item in assessments}
    if len(studies) > 1:
        count = len(studies) - 1
        owners = f"{len(patients)} patients" if len(patients) > 1 else "one patient"
        text = f"The input holds {len(studies)} studies of {owners}. The one with the series {first.name} was used; "
        text += "the other was left out." if count == 1 else f"the other {count} were left out."
        notes.append(Note("several-patients" if len(patients) > 1 else "several-studies", text, "warning"))
    for role, item in used.items():
        notes.append(Note("series-chosen", f"{item.name}: {_reason(item, role, used)[1]}"))
        notes.extend(item.stack.notes)
        notes.extend(_doubts(role, item))
    if Role.SAGITTAL_T2 not in used:
        notes.append(Note("no-t2", "There is no sagittal T2 series; the sagittal T1 is analyzed alone.", "warning"))
    return tuple(notes)


def _doubts(role: Role, item: Assessment) -> list[Note]:
    count = len(item.stack.present)
    notes = []
    if item.total > count:
        text = "Slices left out because they differ in orientation, size, echo, kind of image or "
        text += f"acquisition: {item.total - count}."
        notes.append(Note("slices-left-out", text, "warning"))
    if item.judgement.weighting.value == "unknown":
        text = f"The weighting of the series is unknown; it is taken as {role.value}."
        notes.append(Note("weighting-unknown", text, "warning"))
    if count == 1:
        text = "There is a single slice: structures that cross its plane are only partly seen, and points have no depth."
        notes.append(Note("single-slice", text, "warning"))
    elif count < _FEW_SLICES:
        notes.append(Note("few-slices", f"The series has only {count} slices.", "warning"))
    return notes
