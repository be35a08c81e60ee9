"""Where a result came from, as node attributes: seen in the Data module, kept in saved scenes, read by scripts."""

from __future__ import annotations

from typing import Any

from ..base.report import DISCLAIMER, Report

PREFIX = "SpinalDiseaseAI.Provenance."


def provenanceOf(report: Report) -> dict[str, str]:
    """Attributes, name without prefix to text. They hold no name, number or date of birth of a patient."""
    values = {
        "Software": report.software,
        "Created": report.created,
        "Pipeline": report.pipeline,
        "Device": report.device,
        "StudyInstanceUID": report.study_uid,
        "ResearchOnly": "yes" if report.research_only else "no",
        "Notice": DISCLAIMER,
    }
    for name in dict.fromkeys(model.name for model in report.models):
        # More than one where levels were graded again by another version.
        versions = [model for model in report.models if model.name == name]
        values[f"Model.{name}.Version"] = ", ".join(model.version for model in versions)
        values[f"Model.{name}.SHA256"] = ", ".join(model.sha256 for model in versions)
        values[f"Model.{name}.Licence"] = ", ".join(model.licence for model in versions)
    for series in report.series:
        name = series.role.title().replace(" ", "")
        values[f"Series.{name}.SeriesInstanceUID"] = series.uid
        values[f"Series.{name}.SHA256"] = series.sha256
    return {name: value for name, value in values.items() if value}


def setProvenance(node: Any, report: Report) -> None:
    """Give a node the attributes of a report, and take away those of the report before it."""
    wasModifying = node.StartModify()
    for name in node.GetAttributeNames():
        if name.startswith(PREFIX):
            node.RemoveAttribute(name)
    for name, value in provenanceOf(report).items():
        node.SetAttribute(PREFIX + name, value)
    node.EndModify(wasModifying)
