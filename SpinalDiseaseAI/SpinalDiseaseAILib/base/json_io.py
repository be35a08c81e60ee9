"""Lossless conversion of Report and Study to and from JSON. The schema is in ``docs/developer/report-schema.md``.

A report is one document. A study is a document with one ``.npy`` file per series: voxels never pass through JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from . import anatomy
from .corrections import Correction
from .documents import check_length, read_json
from .errors import InputError, SchemaError
from .geometry import Array, Image, c_ordered_copy
from .quantities import Line, Measurement, quantity
from .report import FindingResult, ModelProvenance, Note, Numbering, Report, SeriesIdentity, StructureResult
from .study import Role, Series, Study

REPORT_SCHEMA = "spinal-disease-ai/report"
STUDY_SCHEMA = "spinal-disease-ai/study"
SCHEMA_VERSION = 2
READABLE_VERSIONS = (1, 2)
"""Version 2 only adds fields to version 1."""


def report_to_dict(report: Report) -> dict[str, Any]:
    """A report as JSON values, with its schema name and version."""
    document = {"schema": REPORT_SCHEMA, "version": SCHEMA_VERSION, **asdict(replace(report, masks=None))}
    del document["masks"]  # voxels never pass through JSON
    for item, structure in zip(document["structures"], report.structures, strict=True):
        for entry, finding in zip(item["findings"], structure.findings, strict=True):
            # Derived values for readers of the file; ignored when it is read back.
            entry["predicted"] = list(finding.predicted)
            entry["confidence"] = finding.confidence
            entry["unsure"] = finding.unsure
        _add_units(item["measurements"])
    _add_units(document["measurements"])
    for entries in document["remeasured"].values():
        _add_units(entries)
    if not report.remeasured:
        del document["remeasured"]  # always empty in files, which hold reports of whole studies
    return document


def report_from_dict(document: Any) -> Report:
    """The report in a document made by :func:`report_to_dict`.

    :raises SchemaError: if the document is something else or has a newer version, or a field is missing or wrong.
    """
    _check_header(document, REPORT_SCHEMA)
    try:
        return Report(
            pipeline=str(document["pipeline"]),
            structures=tuple(_structure(item) for item in document["structures"]),
            numberings=tuple(Numbering(**item) for item in document["numberings"]),
            models=tuple(ModelProvenance(**item) for item in document["models"]),
            series=tuple(SeriesIdentity(**{**item, "spacing": _point(item["spacing"])}) for item in document["series"]),
            study_uid=str(document["study_uid"]),
            device=str(document["device"]),
            seconds={str(key): float(value) for key, value in document["seconds"].items()},
            notes=tuple(Note(**item) for item in document["notes"]),
            created=str(document["created"]),
            software=str(document["software"]),
            measurements=_measurements(document.get("measurements", ())),
            corrections=tuple(Correction(**item) for item in document.get("corrections", ())),
            remeasured={_name(key): _measurements(items) for key, items in document.get("remeasured", {}).items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SchemaError(f"The report cannot be read: {error!r}.", "A report written by this product is needed.") from error


def report_to_json(report: Report) -> str:
    """A report as indented JSON text."""
    return json.dumps(report_to_dict(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def report_from_json(text: str) -> Report:
    """The report in a JSON text.

    :raises InputError: if the text is too long.
    :raises SchemaError: if it is not JSON or not a report.
    """
    check_length("The report", len(text))
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"The report is not JSON: {error}.", "A report written by this product is needed.") from error
    return report_from_dict(document)


def write_study(study: Study, folder: Path) -> Path:
    """Write ``study.json`` and ``series-<n>.npy`` into an existing folder.

    :returns: path of ``study.json``.
    """
    series = []
    for number, item in enumerate(study.series):
        name = f"series-{number}.npy"
        voxels = item.image.voxels
        np.save(folder / name, voxels if voxels.flags.c_contiguous else c_ordered_copy(voxels), allow_pickle=False)
        series.append(
            {
                "role": item.role.value,
                "voxels": name,
                "affine": item.image.affine.tolist(),
                "uid": item.uid,
                "description": item.description,
                "frame_of_reference_uid": item.frame_of_reference_uid,
                "spacing_known": item.spacing_known,
            }
        )
    document = {
        "schema": STUDY_SCHEMA,
        "version": SCHEMA_VERSION,
        "uid": study.uid,
        "notes": [asdict(note) for note in study.notes],
        "series": series,
    }
    path = folder / "study.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    return path


def read_study(path: Path) -> Study:
    """The study in a ``study.json``, with its voxels read into memory.

    :raises SchemaError: if the document or a voxel file is missing or wrong.
    """
    try:
        document = read_json(path)
        _check_header(document, STUDY_SCHEMA)
        series = tuple(
            Series(
                role=Role(item["role"]),
                # Only the last part of the path is used: a document cannot point outside its folder.
                image=Image(_voxels(path.parent / Path(item["voxels"]).name), np.array(item["affine"])),
                uid=str(item["uid"]),
                description=str(item["description"]),
                frame_of_reference_uid=str(item["frame_of_reference_uid"]),
                spacing_known=bool(item["spacing_known"]),
            )
            for item in document["series"]
        )
        return Study(series, str(document["uid"]), tuple(Note(**item) for item in document["notes"]))
    except InputError:
        raise
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise SchemaError(f"The study cannot be read: {error!r}.", "A study written by this product is needed.") from error


def _voxels(path: Path) -> Array:
    # numpy.load would also accept archives and pickles.
    with path.open("rb") as file:
        voxels: Array = np.lib.format.read_array(file, allow_pickle=False)
    return voxels


def _refuse_constant(name: str) -> float:
    # Python's parser accepts NaN and Infinity, which are neither JSON nor allowed in a report.
    raise ValueError(f"{name} is not a number")


def _check_header(document: Any, schema: str) -> None:
    if not isinstance(document, dict) or document.get("schema") != schema:
        raise SchemaError(f"The document is not a {schema.split('/')[1]} of this product.", f'"schema" should be "{schema}".')
    if document.get("version") not in READABLE_VERSIONS:
        raise SchemaError(
            f"The document has version {document.get('version')!r}.",
            f"Versions {' and '.join(map(str, READABLE_VERSIONS))} can be read.",
            "Update SpinalDiseaseAI to read it.",
        )


def _structure(item: dict[str, Any]) -> StructureResult:
    return StructureResult(
        name=_name(item["name"]),
        position=_point(item["position"]),
        confidence=float(item["confidence"]),
        findings=tuple(_finding(entry) for entry in item["findings"]),
        manual=bool(item["manual"]),
        measurements=_measurements(item.get("measurements", ())),
    )


def _name(name: str) -> str:
    return anatomy.structure(name).name


def _finding(entry: dict[str, Any]) -> FindingResult:
    wanted = anatomy.finding(entry["name"]).class_names
    values = entry["probabilities"]
    if set(values) != set(wanted):
        raise ValueError(f"{entry['name']} has the classes {sorted(values)}, not {sorted(wanted)}")
    plausible = entry.get("plausible", [])
    if not isinstance(plausible, list | tuple) or not set(plausible) <= set(wanted):
        raise ValueError(f"{entry['name']} has the plausible classes {plausible}, which are not among {sorted(wanted)}")
    return FindingResult(
        entry["name"],
        {key: float(values[key]) for key in wanted},
        str(entry["model"]),
        tuple(key for key in wanted if key in plausible),
        float(entry.get("coverage", 0.0)),
    )


def _add_units(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        entry["unit"] = quantity(entry["name"]).unit  # for readers of the file; ignored when it is read back


def _measurements(entries: Iterable[dict[str, Any]]) -> tuple[Measurement, ...]:
    return tuple(_measurement(entry) for entry in entries)


def _measurement(entry: dict[str, Any]) -> Measurement:
    name = quantity(entry["name"]).name
    value = None if entry["value"] is None else float(entry["value"])
    return Measurement(name, value, str(entry["reason"]), tuple(_line(item) for item in entry["lines"]))


def _line(ends: Any) -> Line:
    start, end = ends
    return _point(start), _point(end)


def _point(values: Any) -> tuple[float, float, float]:
    x, y, z = values
    return float(x), float(y), float(z)
