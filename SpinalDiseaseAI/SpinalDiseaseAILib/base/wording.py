"""Short texts and severities of results, the same wherever they are shown."""

from __future__ import annotations

from enum import Enum

from . import anatomy
from .report import FindingResult, StructureResult

NOTHING_ABNORMAL = "nothing abnormal"
NOT_SURE = "not sure"
"""For a finding whose classes are all plausible."""


class Severity(Enum):
    """How strongly a result should draw a reader's eye."""

    NORMAL = "normal"
    BORDERLINE = "borderline"
    ABNORMAL = "abnormal"
    SEVERE = "severe"


def severity(result: FindingResult) -> Severity:
    """Severity of the predicted class.

    In a finding with more than two grades, the last grade is severe and the one just before the first abnormal grade is
    borderline (Pfirrmann 3, for example); in all other cases a class is abnormal or normal.
    """
    info = anatomy.finding(result.name)
    graded = _is_graded(info)
    if result.abnormal:
        return Severity.SEVERE if graded and result.predicted[-1] == info.class_names[-1] else Severity.ABNORMAL
    names = info.class_names
    following = names.index(result.predicted[0]) + 1
    if graded and following < len(names) and info.classes[following].abnormal:
        return Severity.BORDERLINE
    return Severity.NORMAL


def short_text(result: FindingResult) -> str:
    """The predicted class in few words, to be shown next to the structure's name: ``"Pfirrmann 4"``, ``"no narrowing"``."""
    info = anatomy.finding(result.name)
    words = []
    for item in (info.class_of(name) for name in result.predicted):
        noun = info.display.lower().removeprefix(f"{info.kind.value} ")
        if item.name == "present":
            words.append(noun)
        elif item.name == "absent":
            words.append(f"no {noun}")
        elif item.display.endswith(f" {item.name}"):  # "grade 4" of "Pfirrmann grade"
            words.append(f"{info.display.split()[0]} {item.name}")
        elif _is_graded(info):
            words.append(f"{item.display} {noun}")
        else:
            words.append(item.display)
    return ", ".join(words)


def doubt(result: FindingResult) -> str:
    """What else is plausible, in words: ``"or grade 3"``; empty if only the prediction is, or nothing is stated.

    ``"not sure"`` if every class is plausible.
    """
    if result.unsure:
        return NOT_SURE
    info = anatomy.finding(result.name)
    others = [info.class_of(name).display for name in result.plausible if name not in result.predicted]
    return f"or {', '.join(others)}" if others else ""


def headline(structure: StructureResult) -> tuple[FindingResult, ...]:
    """The results named in a summary: grades always, everything else only if abnormal."""
    return tuple(item for item in structure.findings if item.abnormal or _is_graded(anatomy.finding(item.name)))


def summary(structure: StructureResult) -> str:
    """One line about a structure: ``"Pfirrmann 4 (0.72) · narrowing 0.91"``; empty if nothing was assessed there."""
    if not structure.findings:
        return ""
    parts = []
    for item in headline(structure):
        number = f"({item.confidence:.2f})" if _is_graded(anatomy.finding(item.name)) else f"{item.confidence:.2f}"
        parts.append(f"{short_text(item)} {number}{f', {NOT_SURE}' if item.unsure else ''}")
    if not any(item.abnormal for item in structure.findings):
        parts.append(NOTHING_ABNORMAL)
    return " · ".join(parts)


def _is_graded(info: anatomy.Finding) -> bool:
    return info.exclusive and info.ordinal and len(info.classes) > 2
