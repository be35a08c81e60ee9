"""``predictions.json``: runs to and from JSON. Its schema is in ``docs/developer/evaluation.md``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

from .. import __version__
from ..base.anatomy import finding, structure
from ..base.documents import read_json
from ..base.errors import SchemaError
from ..base.report import ModelProvenance
from .predictions import GRADING, LOCALIZATION, Assessment, Case, FoundPoint, Place, Run

PREDICTIONS_FILE = "predictions.json"
SCHEMA = "spinal-disease-ai/predictions"
VERSION = 1

_DECIMALS = 6
_LEAST_ROWS = 1e-3  # probabilities of mutually exclusive classes sum to 1 except for rounding


def predictions_document(runs: Sequence[Run], data: Path | None = None, command: str = "") -> dict[str, Any]:
    """Runs as JSON values.

    :param data: folder of the data sets; paths of images are written relative to it. Without it, only their names are written.
    :param command: command line that made the runs.
    """
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "software": f"SpinalDiseaseAI {__version__}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "runs": [_run_document(run, data) for run in runs],
    }


def write_predictions(path: Path, runs: Sequence[Run], data: Path | None = None, command: str = "") -> None:
    """Write runs to a file, see :func:`predictions_document`."""
    document = predictions_document(runs, data, command)
    path.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_predictions(path: Path, data: Path | None = None) -> tuple[Run, ...]:
    """The runs in a file, or in the ``predictions.json`` of a folder.

    :param data: folder to which the paths of images are relative; figures do not need the images.
    :raises InputError: if the file is too long.
    :raises SchemaError: if it cannot be read, is a different document, or a field is missing or wrong.
    """
    file = path / PREDICTIONS_FILE if path.is_dir() else path
    try:
        document = read_json(file)
    except (OSError, ValueError) as error:
        raise SchemaError(
            f"{file} cannot be read as JSON.", "A predictions.json is needed.", "Make it with evaluate -o FOLDER."
        ) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA or document.get("version") != VERSION:
        raise SchemaError(
            f"{file} holds no predictions of this version.",
            f'"schema" should be "{SCHEMA}" and "version" {VERSION}.',
            "Make it again with evaluate -o FOLDER.",
        )
    try:
        return tuple(_run(item, data or Path()) for item in document["runs"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SchemaError(
            f"The predictions in {file} cannot be read: {error!r}.", remedy="Make the file again with evaluate -o FOLDER."
        ) from error


def _run_document(run: Run, data: Path | None) -> dict[str, Any]:
    return {
        "title": run.title,
        "task": run.task,
        "dataset": run.dataset,
        "splits": list(run.splits),
        "models": [asdict(model) for model in run.models],
        "calibrated": run.calibrated,
        "cases": [_case_document(case, data) for case in run.cases],
    }


def _case_document(case: Case, data: Path | None) -> dict[str, Any]:
    inside = data is not None and case.image.is_relative_to(data)
    return {
        "patient": case.patient,
        "series": case.series,
        "image": case.image.relative_to(data).as_posix() if data is not None and inside else case.image.name,
        "size": list(case.size),
        "spacing": _place(case.spacing),
        "numbering": round(case.numbering, _DECIMALS),
        "points": {
            name: {
                "truth": _place(item.truth),
                "predicted": _place(item.predicted),
                "confidence": round(item.confidence, _DECIMALS),
            }
            for name, item in case.points.items()
        },
        "findings": {
            name: {
                key: {
                    "truth": list(item.truth),
                    "probabilities": {label: round(value, 9) for label, value in item.probabilities.items()},
                    "plausible": list(item.plausible),
                }
                for key, item in items.items()
            }
            for name, items in case.findings.items()
        },
    }


def _place(place: Place | None) -> list[float] | None:
    return None if place is None else [round(float(value), _DECIMALS) for value in place]


def _run(item: dict[str, Any], data: Path) -> Run:
    if item["task"] not in (LOCALIZATION, GRADING):
        raise ValueError(f"{item['task']} is no task")
    return Run(
        str(item["title"]),
        item["task"],
        str(item["dataset"]),
        tuple(map(str, item["splits"])),
        tuple(ModelProvenance(**model) for model in item["models"]),
        tuple(_case(case, data) for case in item["cases"]),
        bool(item["calibrated"]),
    )


def _case(item: dict[str, Any], data: Path) -> Case:
    columns, rows = item["size"]
    return Case(
        str(item["patient"]),
        str(item["series"]),
        data / str(item["image"]),
        (int(columns), int(rows)),
        _pair(item["spacing"]),
        {
            structure(name).name: FoundPoint(_pair(point["truth"]), _pair(point["predicted"]), float(point["confidence"]))
            for name, point in item["points"].items()
        },
        {
            structure(name).name: {key: _assessment(key, entry) for key, entry in items.items()}
            for name, items in item["findings"].items()
        },
        float(item["numbering"]),
    )


def _pair(values: Any) -> Place | None:
    if values is None:
        return None
    first, second = values
    if not (isfinite(first) and isfinite(second)):
        raise ValueError(f"{values} is no place")
    return float(first), float(second)


def _assessment(name: str, entry: dict[str, Any]) -> Assessment:
    info = finding(name)
    assessed = bool(entry["probabilities"])
    values = {key: float(entry["probabilities"][key]) for key in info.class_names} if assessed else {}
    total = sum(values.values()) if assessed else 1.0
    if not all(0 <= value <= 1 for value in values.values()) or (info.exclusive and abs(total - 1) > _LEAST_ROWS):
        raise ValueError(f"the probabilities of {name} are {values}")
    if not {*entry["truth"], *entry["plausible"]} <= set(info.class_names):
        raise ValueError(f"{name} has no such classes: {entry['truth']}, {entry['plausible']}")
    return Assessment(tuple(entry["truth"]), values, tuple(entry["plausible"]))
