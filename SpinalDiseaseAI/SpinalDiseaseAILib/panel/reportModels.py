"""The models that made a report, so that a regraded level uses the same ones as the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..base.errors import ModelError
from ..base.options import DEFAULT_CLASSIFIER
from ..base.report import Report
from ..models.bundle import read_bundle

_TASKS = {"segmenter": "segmentation", "weigher": "disc findings", "grader": "disc grade"}
"""Analysis option to the task of its model."""


def outdatedLevels(report: Report) -> list[str]:
    """Levels that a reader placed and that should be regraded after an analysis.

    Either they were graded by a different model than the others, or the study was segmented again, so that they must be measured
    and named in the new masks at the reader's points.
    """
    current = {result.model for item in report.structures if not item.manual for result in item.findings}
    placed = [item for item in report.structures if item.manual]
    graded = {item.name for item in placed if current and not {result.model for result in item.findings} <= current}
    return [item.name for item in placed if report.measured or item.name in graded]


def modelsOf(report: Report, folder: str = "") -> dict[str, Any]:
    """Fields of :class:`base.options.Options` that name the models of a report; empty for a task without a model.

    :param folder: folder of the bundles; empty for the product's own. A model that is not there is left out.
    """
    place = Path(folder) if folder else None
    names = [model.name for model in report.models]
    names += [result.model for item in report.structures for result in item.findings]
    tasks = {name: _task(name, place) for name in dict.fromkeys(names)}
    chosen = {
        option: next((model.name for model in report.models if tasks[model.name] == task), "") for option, task in _TASKS.items()
    }
    return {"classifiers": _classifiers(report, tasks), **chosen}


def _classifiers(report: Report, tasks: dict[str, str]) -> tuple[str, ...]:
    """The models that graded a report, determined from levels that no reader placed if possible; otherwise the default.

    A model whose findings were all weighed has no findings of its own; it is found among the models of the report.

    :param tasks: task of every model that the report names.
    """
    unplaced = tuple(item for item in report.structures if not item.manual)
    shown = {result.model for item in report.structures for result in item.findings}
    silent = [model.name for model in report.models if model.name not in shown]
    for structures in (unplaced, report.structures):
        named = [result.model for item in structures for result in item.findings]
        found = tuple(name for name in dict.fromkeys([*named, *silent]) if tasks[name] == "classification")
        if found:
            return found
    return (DEFAULT_CLASSIFIER,)


def _task(name: str, folder: Path | None) -> str:
    """The task of a model; empty if it is no longer installed."""
    try:
        return read_bundle(name, folder).task
    except ModelError:
        return ""
