from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from SpinalDiseaseAILib.base.anatomy import FINDINGS, STRUCTURES
from SpinalDiseaseAILib.base.errors import SchemaError
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.json_io import (
    read_study,
    report_from_dict,
    report_from_json,
    report_to_dict,
    report_to_json,
    write_study,
)
from SpinalDiseaseAILib.base.quantities import QUANTITIES, Measurement
from SpinalDiseaseAILib.base.report import FindingResult, Note, Report, StructureResult
from SpinalDiseaseAILib.base.study import Role, Series, Study


def study_of(voxels: np.ndarray) -> Study:
    """A study with one T2 series in an oblique frame, and with all its texts."""
    affine = np.array([[-4.4, 0.1, 0, 1 / 3], [0.01, -0.5, 0.02, -2e-17], [0, 0.1, -0.6, 1e9], [0, 0, 0, 1]])
    series = Series(Role.SAGITTAL_T2, Image(voxels, affine), "1.2.3", "T2 sagittal “é”", "1.2.9", spacing_known=False)
    return Study((series,), "1.2", (Note("gap", "a slice is missing", "warning"),))


def test_a_report_goes_to_json_and_back_without_loss(full_report: Report) -> None:
    assert report_from_json(report_to_json(full_report)) == full_report


numbers = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def structures(draw: st.DrawFn) -> StructureResult:
    findings = tuple(
        FindingResult(item.name, {name: draw(st.floats(0, 1)) for name in item.class_names}, draw(st.text(max_size=8)))
        for item in draw(st.lists(st.sampled_from(FINDINGS), max_size=2, unique=True))
    )
    position = draw(st.tuples(numbers, numbers, numbers))
    measurements = tuple(
        Measurement(item.name, draw(st.none() | numbers), draw(st.text(max_size=8)), ((position, position),))
        for item in draw(st.lists(st.sampled_from(QUANTITIES), max_size=2, unique=True))
    )
    name, confidence, manual = draw(st.sampled_from(STRUCTURES)).name, draw(st.floats(0, 1)), draw(st.booleans())
    return StructureResult(name, position, confidence, findings, manual, measurements)


@settings(max_examples=60)
@given(st.lists(structures(), max_size=3), st.text(max_size=20), st.dictionaries(st.text(max_size=5), numbers, max_size=3))
def test_any_report_goes_to_json_and_back_without_loss(
    found: list[StructureResult], text: str, seconds: dict[str, float]
) -> None:
    report = Report("lumbar-mr", tuple(found), (), (), (), notes=(Note("x", text),), seconds=seconds, device=text)
    assert report_from_json(report_to_json(report)) == report


def test_a_report_names_its_schema_and_version(full_report: Report) -> None:
    document = report_to_dict(full_report)
    assert (document["schema"], document["version"]) == ("spinal-disease-ai/report", 2)


def test_derived_values_are_written_for_readers_and_ignored_when_read_back(full_report: Report) -> None:
    document = json.loads(report_to_json(full_report))
    entry = document["structures"][1]["findings"][0]
    assert entry["predicted"] == ["4"] and entry["confidence"] == 0.6
    entry["predicted"] = ["1"]
    assert report_from_dict(document) == full_report


def test_a_report_of_version_1_is_read_without_the_fields_that_it_lacks(full_report: Report) -> None:
    document = json.loads(report_to_json(full_report))
    document["version"] = 1
    for item in document["structures"]:
        for entry in item["findings"]:
            for key in ("plausible", "coverage", "unsure"):
                del entry[key]
        del item["measurements"]
    del document["measurements"]
    (first, *_) = report_from_dict(document).structures[1].findings
    assert (first.plausible, first.coverage, first.unsure) == ((), 0.0, False)
    assert report_from_dict(document).structures[1].measurements == report_from_dict(document).measurements == ()


def test_the_order_of_classes_in_a_file_does_not_matter(full_report: Report) -> None:
    document = report_to_dict(full_report)
    entry = document["structures"][1]["findings"][0]
    entry["probabilities"] = dict(reversed(entry["probabilities"].items()))
    restored = report_from_dict(document).structures[1].findings[0]
    assert list(restored.probabilities) == ["1", "2", "3", "4", "5"]


def set_at(document: Any, path: tuple[str | int, ...], value: Any) -> None:
    """Set one value inside nested lists and dictionaries; ``...`` removes it."""
    for key in path[:-1]:
        document = document[key]
    if value is ...:
        del document[path[-1]]
    else:
        document[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(((key,), ...) for key in ("pipeline", "structures", "numberings", "models", "series", "notes", "seconds", "created")),
        (("structures",), None),
        (("structures", 0, "name"), "L9"),
        (("structures", 0, "position"), [1.0, 2.0]),
        (("structures", 0, "position"), [1.0, "left", 2.0]),
        (("structures", 0, "confidence"), "high"),
        (("structures", 1, "findings", 0, "name"), "scoliosis"),
        (("structures", 1, "measurements", 0, "name"), "waist"),
        (("structures", 1, "measurements", 0, "value"), "8 mm"),
        (("structures", 1, "measurements", 0, "lines"), [[1, 2, 3]]),
        (("measurements", 0, "value"), ...),
        (("structures", 1, "findings", 0, "plausible"), ["6"]),
        (("structures", 1, "findings", 0, "plausible"), "4"),
        (("structures", 1, "findings", 0, "coverage"), "high"),
        (("structures", 1, "findings", 0, "probabilities", "5"), ...),
        (("structures", 1, "findings", 0, "probabilities", "6"), 0.0),
        (("structures", 1, "findings", 0, "probabilities"), [0.2] * 5),
        (("models", 0, "sha256"), ...),
        (("models", 0, "colour"), "red"),
        (("series", 0, "spacing"), 4.4),
        (("notes", 0), "a text"),
        (("seconds",), [1.0]),
    ],
)
def test_a_report_with_a_missing_or_wrong_field_is_refused(full_report: Report, path: tuple[str | int, ...], value: Any) -> None:
    document = json.loads(report_to_json(full_report))
    set_at(document, path, value)
    with pytest.raises(SchemaError, match="cannot be read"):
        report_from_dict(document)


@pytest.mark.parametrize("text", ["", "{", "report", '{"seconds": {"total": NaN}}', "[1, Infinity]"])
def test_a_text_that_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(SchemaError, match="The report is not JSON"):
        report_from_json(text)


@pytest.mark.parametrize("document", [[], None, 3, {}, {"schema": "spinal-disease-ai/study", "version": 1}])
def test_another_document_is_refused(document: Any) -> None:
    with pytest.raises(SchemaError, match="is not a report of this product"):
        report_from_dict(document)


@pytest.mark.parametrize("version", [0, 3, "1", None])
def test_another_version_is_refused_and_an_update_advised(full_report: Report, version: Any) -> None:
    with pytest.raises(SchemaError, match="Versions 1 and 2 can be read. Update"):
        report_from_dict({**report_to_dict(full_report), "version": version})


def test_a_number_that_json_cannot_hold_is_not_written(full_report: Report) -> None:
    broken = full_report.with_structures((StructureResult("L4", (0.0, float("nan"), 0.0), 0.5),))
    with pytest.raises(ValueError, match="not JSON compliant"):
        report_to_json(broken)


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", ">i2", "float32", "float64"])
def test_a_study_goes_to_a_folder_and_back_without_loss(tmp_path: Path, kind: str) -> None:
    study = study_of(np.arange(24).reshape(4, 3, 2).astype(kind).T)
    restored = read_study(write_study(study, tmp_path))
    (was,), (now,) = study.series, restored.series
    assert (restored.uid, restored.notes) == (study.uid, study.notes)
    assert now.image.voxels.dtype == was.image.voxels.dtype
    assert np.array_equal(now.image.voxels, was.image.voxels)
    assert np.array_equal(now.image.affine, was.image.affine)
    assert now.identity() == was.identity()
    texts = ("role", "uid", "description", "frame_of_reference_uid", "spacing_known")
    assert [getattr(now, name) for name in texts] == [getattr(was, name) for name in texts]


def test_a_folder_with_spaces_and_letters_of_any_alphabet_is_written_to(tmp_path: Path) -> None:
    folder = tmp_path / "étude – 脊椎"
    folder.mkdir()
    assert read_study(write_study(study_of(np.zeros((1, 2, 3), np.uint8)), folder)).uid == "1.2"


def test_voxels_never_pass_through_json(tmp_path: Path) -> None:
    small, large = (write_study(study_of(np.full((n, n, n), 7, np.int16)), tmp_path).stat().st_size for n in (2, 40))
    assert small == large


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("series", 0, "role"), "axial T2"),
        (("series", 0, "role"), ...),
        (("series", 0, "voxels"), "series-1.npy"),
        (("series", 0, "voxels"), ""),
        (("series", 0, "affine"), [[1, 0], [0, 1]]),
        (("series", 0, "affine"), "identity"),
        (("series",), []),
        (("series",), 3),
        (("notes", 0), {"text": "a"}),
        (("uid",), ...),
        (("version",), 3),
        (("schema",), "spinal-disease-ai/report"),
    ],
)
def test_a_study_with_a_missing_or_wrong_field_is_refused(tmp_path: Path, path: tuple[str | int, ...], value: Any) -> None:
    file = write_study(study_of(np.zeros((1, 2, 3), np.uint8)), tmp_path)
    document = json.loads(file.read_text(encoding="utf-8"))
    set_at(document, path, value)
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(Exception) as error:
        read_study(file)
    assert type(error.value).__name__ in {"SchemaError", "InputError"}


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"no numpy file", b"PK\x03\x04"])
def test_a_broken_voxel_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = write_study(study_of(np.zeros((1, 2, 3), np.uint8)), tmp_path)
    (tmp_path / "series-0.npy").write_bytes(content)
    with pytest.raises(SchemaError, match="The study cannot be read"):
        read_study(file)


def test_a_truncated_voxel_file_is_refused(tmp_path: Path) -> None:
    file = write_study(study_of(np.zeros((1, 20, 30), np.uint8)), tmp_path)
    voxels = tmp_path / "series-0.npy"
    voxels.write_bytes(voxels.read_bytes()[:-7])
    with pytest.raises(SchemaError, match="The study cannot be read"):
        read_study(file)


def test_a_voxel_file_that_holds_program_objects_is_refused(tmp_path: Path) -> None:
    file = write_study(study_of(np.zeros((1, 2, 3), np.uint8)), tmp_path)
    np.save(tmp_path / "series-0.npy", np.array([[[print]]], dtype=object), allow_pickle=True)
    with pytest.raises(SchemaError, match="The study cannot be read"):
        read_study(file)


def test_a_document_cannot_point_outside_its_folder(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    file = write_study(study_of(np.zeros((1, 2, 3), np.uint8)), inside)
    (inside / "series-0.npy").rename(tmp_path / "series-0.npy")
    file.write_text(file.read_text(encoding="utf-8").replace("series-0.npy", "../series-0.npy"), encoding="utf-8")
    with pytest.raises(SchemaError, match="The study cannot be read"):
        read_study(file)


def test_a_study_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="The study cannot be read"):
        read_study(tmp_path / "study.json")


def test_a_too_deeply_nested_text_is_refused(tmp_path: Path) -> None:
    deep = "[" * 200_000
    with pytest.raises(SchemaError):
        report_from_json(deep)
    (tmp_path / "study.json").write_text(deep)
    with pytest.raises(SchemaError):
        read_study(tmp_path / "study.json")
