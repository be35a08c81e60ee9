"""The provenance of a result as node attributes: visible in the Data module, saved in scenes, readable by scripts."""

from __future__ import annotations

from typing import Any

from ..base.report import DISCLAIMER, Report

PREFIX = "SpinalDiseaseAI.Provenance."


def provenanceOf(report: Report) -> dict[str, str]:
    """Attributes: name without prefix to text. They contain no patient name, ID or birth date."""
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
        # Several if levels were regraded by another version.
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
    """Set the attributes of a report on a node, replacing those of an earlier report."""
    wasModifying = node.StartModify()
    for name in node.GetAttributeNames():
        if name.startswith(PREFIX):
            node.RemoveAttribute(name)
    for name, value in provenanceOf(report).items():
        node.SetAttribute(PREFIX + name, value)
    node.EndModify(wasModifying)
