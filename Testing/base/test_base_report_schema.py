"""The published schema matches the written files, and a program that relies on it can read every report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from SpinalDiseaseAILib.base import json_io
from SpinalDiseaseAILib.base.report import Report

DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs/developer"
SCHEMA = json.loads((DOCUMENTATION / "report.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def as_written(report: Report) -> Any:
    """The document as read from a file."""
    return json.loads(json_io.report_to_json(report))


def test_the_schema_is_a_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_written_report_conforms_to_the_schema(full_report: Report) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(as_written(full_report))] == []


def test_a_workers_answer_with_measurements_of_neighbouring_levels_conforms_too(full_report: Report) -> None:
    disc = next(item for item in full_report.structures if item.measurements)
    document = as_written(replace(full_report, remeasured={disc.name: disc.measurements}))
    assert VALIDATOR.is_valid(document)
    document["remeasured"][disc.name][0]["unit"] = "cm"
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 3),
        (("structures", 0, "name"), "L9"),
        (("structures", 0, "position"), [1, 2]),
        (("structures", 0, "confidence"), 1.5),
        (("structures", 1, "findings", 0, "probabilities"), {"1": 1.0}),
        (("structures", 1, "findings", 0, "predicted"), ["6"]),
        (("structures", 1, "findings", 0, "plausible"), ["6"]),
        (("structures", 1, "findings", 0, "coverage"), 90),
        (("structures", 1, "findings", 0, "unsure"), "no"),
        (("structures", 1, "findings", 0, "name"), "modic"),
        (("structures", 1, "measurements", 0, "value"), 300),
        (("structures", 1, "measurements", 0, "unit"), "cm"),
        (("structures", 1, "measurements", 0, "name"), "lordosis_l1_s1"),
        (("structures", 1, "measurements", 0, "lines", 0), [[1, 2, 3]]),
        (("measurements", 0, "name"), "slip"),
        (("numberings", 0, "shift"), 0.5),
        (("models", 0, "sha256"), "none"),
        (("models", 0, "research_only"), "yes"),
        (("series", 0, "role"), "axial T2"),
        (("series",), []),
        (("notes", 0, "severity"), "fatal"),
        (("seconds", "total"), -1),
        (("patient_name",), "Doe^Jane"),
    ],
)
def test_a_wrong_value_does_not_conform_to_the_schema(full_report: Report, path: tuple[str | int, ...], value: Any) -> None:
    document = as_written(full_report)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert not VALIDATOR.is_valid(document)


def properties(schema: Any) -> set[str]:
    """All property names in a schema, except those of classes, stages and probabilities."""
    found: set[str] = set()
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "properties":
                found |= set(value)
                found |= {name for item, inner in value.items() if item != "probabilities" for name in properties(inner)}
            else:
                found |= properties(value)
    elif isinstance(schema, list):
        for item in schema:
            found |= properties(item)
    return found


def test_the_page_for_readers_describes_every_field() -> None:
    page = (DOCUMENTATION / "report-schema.md").read_text(encoding="utf-8")
    described = {name for cell in re.findall(r"(?m)^\| (`[^|]*`) \|", page) for name in re.findall(r"`(\w+)`", cell)}
    assert properties(SCHEMA) - described == set()
    assert f"Version {json_io.SCHEMA_VERSION}." in page
    for schema in (json_io.REPORT_SCHEMA, json_io.STUDY_SCHEMA):
        assert f'"{schema}"' in page
