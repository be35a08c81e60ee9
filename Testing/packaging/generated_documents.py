"""Documents that are generated from the library's own tables, so that there is no second list.

Run as a program, it regenerates them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "SpinalDiseaseAI"))

from SpinalDiseaseAILib.base import anatomy, concepts, corrections, json_io, quantities  # noqa: E402

SCHEMA_URL = "https://raw.githubusercontent.com/SpinalDiseaseAI/SlicerSpinalDiseaseAI/main/docs/developer/report.schema.json"


def codes_document() -> str:
    """The table of coded concepts as Markdown."""
    lines = [
        "# Codes",
        "",
        "Structures and classes are coded with SNOMED CT (`SCT`), as DICOM PS3.16 lists them, and, where DICOM has no code,",
        f"with `{anatomy.PRIVATE_SCHEME}`, a private scheme. Codes of the private scheme never change their meaning and are",
        "never reused.",
        "`make package-lists` writes this page from `base/anatomy.py` and `base/concepts.py`.",
        "",
        "## Structures",
        "",
        "| name | value | scheme | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for structure in anatomy.STRUCTURES:
        code = structure.code
        cells = (code.value, code.scheme, code.meaning) if code else ("none", "", "written as text only")
        lines.append(f"| {structure.name} | {' | '.join(cells)} |")
    lines += [
        "",
        "S1 has the code of the sacrum, the closest that DICOM offers.",
        "",
        "## Classes of findings",
        "",
        "| finding | class | shown as | value | scheme | meaning | defined by |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for finding in anatomy.FINDINGS:
        for item in finding.classes:
            code = item.code
            cells = (item.name, item.display, code.value, code.scheme, code.meaning, finding.reference)
            lines.append(f"| {finding.display} | {' | '.join(cells)} |")
    lines += [
        "",
        "## Concepts of the DICOM structured report",
        "",
        "The value of a finding is the code of its class above. Classes that can hold together are concepts of their own,",
        "each present or absent. Units are UCUM codes.",
        "",
        "| concept | value | scheme | meaning | unit |",
        "| --- | --- | --- | --- | --- |",
    ]
    coded = [(f"kind: {kind.value}", code, "") for kind, code in concepts.KIND_CODES.items()]
    coded += [(f"finding: {name}", code, "") for name, code in concepts.FINDING_CODES.items()]
    coded += [(f"class: {name}, {item}", code, "") for (name, item), code in concepts.CLASS_CONCEPTS.items()]
    coded += [(f"measurement: {name}", code, quantities.quantity(name).unit) for name, code in concepts.QUANTITY_CODES.items()]
    coded.append(("confidence of a point", concepts.POINT_PROBABILITY, "1"))
    coded.append(("each plausible value of an evaluation", concepts.PLAUSIBLE_VALUE, ""))
    coded.append(("coverage of the plausible values", concepts.PLAUSIBLE_RATE, "1"))
    coded.append(("certainty of a guess", concepts.CERTAINTY, ""))
    coded.append(("value of that certainty", concepts.INDETERMINATE, ""))
    for name, code, unit in coded:
        lines.append(f"| {name} | {code.value} | {code.scheme} | {code.meaning} | {unit} |")
    lines += [
        "",
        "The probability of an evaluation has the concept 122157 (`DCM`, Probability); its modifier repeats the evaluation.",
        "Plausible values, their coverage and the certainty are properties (`HAS PROPERTIES`) of the evaluation that they are "
        "about.",
    ]
    return "\n".join(lines) + "\n"


def record(properties: dict[str, Any]) -> dict[str, Any]:
    """Schema of an object with exactly these properties."""
    return {"type": "object", "additionalProperties": False, "required": list(properties), "properties": properties}


def report_schema() -> dict[str, Any]:
    """JSON Schema of a report."""
    text = {"type": "string"}
    probability = {"type": "number", "minimum": 0, "maximum": 1}
    sha256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    point = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
    findings = [
        record(
            {
                "name": {"const": item.name},
                "probabilities": record(dict.fromkeys(item.class_names, probability)),
                "model": text,
                "predicted": {"type": "array", "items": {"enum": list(item.class_names)}, "minItems": 1, "uniqueItems": True},
                "confidence": probability,
                "plausible": {"type": "array", "items": {"enum": list(item.class_names)}, "uniqueItems": True},
                "coverage": probability,
                "unsure": {"type": "boolean"},
            }
        )
        for item in anatomy.FINDINGS
    ]
    line = {"type": "array", "items": point, "minItems": 2, "maxItems": 2}

    def measurements(*places: quantities.Place) -> dict[str, Any]:
        items = [
            record(
                {
                    "name": {"const": item.name},
                    "value": {"type": ["number", "null"], "minimum": item.possible[0], "maximum": item.possible[1]},
                    "reason": text,
                    "lines": {"type": "array", "items": line},
                    "unit": {"const": item.unit},
                }
            )
            for place in places
            for item in quantities.quantities_of(place)
        ]
        return {"type": "array", "items": {"oneOf": items}}

    structure = record(
        {
            "name": {"enum": [item.name for item in anatomy.STRUCTURES]},
            "position": {"description": "Centre, RAS millimetres.", **point},
            "confidence": probability,
            "findings": {"type": "array", "items": {"oneOf": findings}},
            "manual": {"description": "True if a person placed or moved the point.", "type": "boolean"},
            "measurements": measurements(quantities.Place.DISC, quantities.Place.VERTEBRA),
        }
    )
    numbering = record({"shift": {"type": ["integer", "null"]}, "probability": probability, "description": text})
    model = record({"name": text, "version": text, "sha256": sha256, "licence": text, "research_only": {"type": "boolean"}})
    series = record(
        {
            "role": {"enum": ["sagittal T2", "sagittal T1"]},
            "uid": text,
            "sha256": sha256,
            "spacing": {"description": "Millimetres along the voxel axes.", **point},
            "frame_of_reference_uid": text,
        }
    )
    correction = record(
        {
            "kind": {"enum": list(corrections.KINDS)},
            "structure": {"description": "Empty where the whole numbering was moved.", **text},
            "author": text,
            "created": {"type": "string", "format": "date-time"},
            "shift": {"description": "Levels that every name was moved down.", "type": "integer"},
        }
    )
    note = record({"code": text, "text": text, "severity": {"enum": ["info", "warning"]}})
    report = record(
        {
            "schema": {"const": json_io.REPORT_SCHEMA},
            "version": {"const": json_io.SCHEMA_VERSION},
            "pipeline": text,
            "structures": {"type": "array", "items": structure},
            "numberings": {"type": "array", "items": numbering},
            "models": {"type": "array", "items": model},
            "series": {"type": "array", "items": series, "minItems": 1},
            "study_uid": text,
            "device": text,
            "seconds": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
            "notes": {"type": "array", "items": note},
            "created": {"type": "string", "format": "date-time"},
            "software": text,
            "measurements": measurements(quantities.Place.SPINE),
            "corrections": {"type": "array", "items": correction},
        }
    )
    # Only in a worker's answer when corrected levels are regraded.
    report["properties"]["remeasured"] = {
        "description": "Measurements of structures next to the corrected ones, by name.",
        "type": "object",
        "propertyNames": {"enum": [item.name for item in anatomy.STRUCTURES]},
        "additionalProperties": {"$ref": "#/properties/structures/items/properties/measurements"},
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_URL, "title": "SpinalDiseaseAI report"}
    return {**head, **report}


DOCUMENTS = {
    "docs/developer/codes.md": codes_document,
    "docs/developer/report.schema.json": lambda: json.dumps(report_schema(), indent=1, ensure_ascii=False) + "\n",
}
"""Path from the root to the function that returns its text."""

if __name__ == "__main__":
    for name, text_of in DOCUMENTS.items():
        (ROOT / name).write_text(text_of(), encoding="utf-8", newline="\n")
