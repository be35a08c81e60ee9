"""The rows of the panel's table: the text for each level, and whether it is abnormal or uncertain."""

from __future__ import annotations

from dataclasses import dataclass

from slicer.i18n import tr as _

from ..base import anatomy
from ..base.report import FindingResult, Report, StructureResult
from ..base.wording import Severity, severity, short_text

_RANK = {Severity.NORMAL: 0, Severity.BORDERLINE: 1, Severity.ABNORMAL: 2, Severity.SEVERE: 3}


@dataclass(frozen=True)
class LevelRow:
    """One level in the table.

    :param worst: the finding that a reader should see first, in words; empty if nothing was assessed here.
    :param probability: probability of ``worst``, 0 … 1; None if nothing was assessed here.
    :param suspicion: highest probability of an abnormal class among the findings, 0 … 1.
    :param unsure: True if ``worst`` is less probable than the threshold, or the images are inconclusive.
    :param manual: True if a person placed the point.
    """

    level: str
    kind: str
    worst: str
    probability: float | None
    suspicion: float
    unsure: bool
    manual: bool


def levelRows(report: Report, unsureBelow: float) -> list[LevelRow]:
    """Every level of a report, from cranial to caudal.

    :param unsureBelow: probabilities below this are marked “not sure”.
    """
    return [_row(item, unsureBelow) for item in report.structures]


def abnormalProbability(result: FindingResult) -> float:
    """Probability that a finding is abnormal: the sum over its abnormal classes, or the highest if they are not exclusive."""
    info = anatomy.finding(result.name)
    values = [value for name, value in result.probabilities.items() if info.class_of(name).abnormal]
    return min(1.0, sum(values)) if info.exclusive else max(values, default=0.0)


def findingText(result: FindingResult, unsureBelow: float) -> str:
    """A finding as text for a cell: the predicted class, its probability, and a question mark if it is not sure."""
    mark = " ?" if _isUnsure(result, unsureBelow) else ""
    return f"{short_text(result)} ({result.confidence:.2f}){mark}"


def detailText(item: StructureResult) -> str:
    """Everything about a level, line by line: the confidence of its point, each finding, each successful measurement."""
    point = _("Point placed by a reader") if item.manual else _("Probability that the point is correct: {value:.2f}")
    lines = [point.format(value=item.confidence)]
    lines += [f"{anatomy.finding(result.name).display}: {findingText(result, 0.0)}" for result in item.findings]
    lines += [f"{taken.quantity.display}: {taken.text}" for taken in item.measurements if taken.value is not None]
    return "\n".join(lines)


def kindText(kind: anatomy.Kind) -> str:
    """The kind of a structure as text."""
    return str(_("disc") if kind is anatomy.Kind.DISC else _("vertebra"))


def _row(item: StructureResult, unsureBelow: float) -> LevelRow:
    kind = kindText(anatomy.structure(item.name).kind)
    if not item.findings:
        return LevelRow(item.name, kind, "", None, 0.0, False, item.manual)
    suspicion = max(map(abnormalProbability, item.findings))
    abnormal = [result for result in item.findings if result.abnormal]
    if not abnormal:
        normal = 1 - suspicion
        unsure = normal < unsureBelow or any(result.unsure for result in item.findings)
        return LevelRow(item.name, kind, str(_("nothing abnormal")), normal, suspicion, unsure, item.manual)
    worst = max(abnormal, key=lambda result: (_RANK[severity(result)], result.confidence))
    unsure = _isUnsure(worst, unsureBelow)
    return LevelRow(item.name, kind, short_text(worst), worst.confidence, suspicion, unsure, item.manual)


def _isUnsure(result: FindingResult, unsureBelow: float) -> bool:
    return result.unsure or result.confidence < unsureBelow
