"""A report in one sentence, to paste into another report."""

from __future__ import annotations

from slicer.i18n import tr as _

from ..base import anatomy
from ..base.report import Report
from ..base.wording import short_text


def sentenceOf(report: Report) -> str:
    """One line: abnormal findings by level, normal levels, the reader's corrections, and the models used."""
    abnormal, normal = [], []
    for item in report.structures:
        found = [f"{short_text(result)} {result.confidence:.2f}" for result in item.findings if result.abnormal]
        if found:
            abnormal.append(f"{anatomy.structure(item.name).display}: {', '.join(found)}")
        elif item.findings:
            normal.append(item.name)
    none = _("nothing abnormal found") if normal else _("no level was graded")
    parts = [_("Lumbar spine MR: {findings}.").format(findings="; ".join(abnormal) or none)]
    if abnormal and normal:
        parts.append(_("Nothing abnormal at {levels}.").format(levels=", ".join(normal)))
    if report.corrections:
        parts.append(_("Corrected by a reader."))
    parts.append(_("({software}; probabilities; for research only, not a diagnosis.)").format(software=report.software))
    return " ".join(parts)
