"""Predictions on disk and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from SpinalDiseaseAILib.base.errors import SchemaError
from SpinalDiseaseAILib.base.report import ModelProvenance
from SpinalDiseaseAILib.evaluation.prediction_file import PREDICTIONS_FILE, read_predictions, write_predictions
from SpinalDiseaseAILib.evaluation.predictions import (
    GRADING,
    LOCALIZATION,
    Assessment,
    Case,
    FoundPoint,
    Run,
    collect,
    mean_level,
)

MODEL = ModelProvenance("model", "1.0.0", "ab" * 32, "CC-BY-4.0")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    findings = {
        "L4-L5": {"narrowing": Assessment(("present",), {"absent": 0.25, "present": 0.75}, ("present",))},
        "L5-S1": {"narrowing": Assessment(("absent",), {})},
    }
    points = {"L4-L5": FoundPoint((10.5, 20.25), (11.0, 21.0), 0.9), "L5-S1": FoundPoint((12.0, 40.0), None, 0.0)}
    case = Case("7", "7_t2", tmp_path / "data/spider/7_t2.png", (96, 140), (2.25, 2.0), points, findings, 0.97)
    bare = Case("8", "8_t2", tmp_path / "elsewhere/8_t2.png", (96, 140), None)
    return Run("Grades", GRADING, "spider", ("report",), (MODEL,), (case, bare), calibrated=False)


def test_runs_go_to_a_file_and_back_without_loss(run: Run, tmp_path: Path) -> None:
    write_predictions(tmp_path / PREDICTIONS_FILE, [run, replace(run, title="Others")], tmp_path / "data", "evaluate --data data")
    first, second = read_predictions(tmp_path, tmp_path / "data")
    assert (first.title, second.title) == ("Grades", "Others")
    assert first.cases[0] == run.cases[0]
    assert replace(first, cases=()) == replace(run, cases=())


def test_paths_in_the_file_are_relative_to_the_data_and_only_names_elsewhere(run: Run, tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.json", [run], tmp_path / "data")
    text = (tmp_path / "p.json").read_text(encoding="utf-8")
    assert [case["image"] for case in json.loads(text)["runs"][0]["cases"]] == ["spider/7_t2.png", "8_t2.png"]
    assert str(tmp_path) not in text


def test_runs_of_one_title_and_data_set_are_of_one_kind(run: Run) -> None:
    assert run.key == replace(run, models=(), splits=("tune",)).key
    assert run.key != replace(run, dataset="tianchi2020").key and run.key != replace(run, title="Grades, end to end").key
    points = replace(run, task=LOCALIZATION, title="Tianchi T2, held aside")
    assert points.key == replace(points, title="Tianchi T2, every study").key != replace(points, title="SPIDER T2").key


def test_structures_that_were_not_assessed_are_not_graded(run: Run) -> None:
    item = collect(run.cases, run.findings)["narrowing"]
    assert item.structures == ("L4-L5",) and item.series == ("7_t2",) and run.findings == ("narrowing",)


def test_a_level_is_the_distance_from_a_structure_to_the_next_of_its_kind(run: Run) -> None:
    assert run.cases[0].level_pixels == pytest.approx(((12 - 10.5) ** 2 + (40 - 20.25) ** 2) ** 0.5)
    assert mean_level({}) != mean_level({}), "no two points: not a number"


@pytest.mark.parametrize(
    ("change", "because"),
    [
        (lambda item: item.update(schema="other"), "no predictions of this version"),
        (lambda item: item.update(version=99), "no predictions of this version"),
        (lambda item: item["runs"][0].update(task="dreaming"), "dreaming is no task"),
        (lambda item: item["runs"][0].pop("cases"), "cases"),
        (lambda item: item["runs"][0]["cases"][0].update(size=[1]), "cannot be read"),
        (lambda item: item["runs"][0]["cases"][0]["points"].update(L9={}), "L9"),
        (lambda item: item["runs"][0]["cases"][0]["findings"]["L4-L5"].update(scoliosis={}), "scoliosis"),
        (lambda item: assessment(item).update(truth=["severe"]), "no such classes"),
        (lambda item: assessment(item)["probabilities"].update(present=0.1), "probabilities of narrowing"),
        (lambda item: several(item, 1.01), "probabilities of disc_disease"),
        (lambda item: several(item, -0.01), "probabilities of disc_disease"),
    ],
)
def test_another_or_broken_document_is_refused_with_a_sentence(run: Run, tmp_path: Path, change: Any, because: str) -> None:
    write_predictions(tmp_path / "p.json", [run])
    document = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
    change(document)
    (tmp_path / "p.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(SchemaError, match=because):
        read_predictions(tmp_path / "p.json")


def assessment(document: Any) -> Any:
    return document["runs"][0]["cases"][0]["findings"]["L4-L5"]["narrowing"]


def several(document: Any, probability: float) -> None:
    """Add a finding whose classes do not exclude each other: their probabilities need not sum to 1."""
    values = {"v1": 0.5, "v2": 0.5, "v3": 0.5, "v4": 0.5, "v5": probability}
    entry = {"truth": ["v2"], "probabilities": values, "plausible": []}
    document["runs"][0]["cases"][0]["findings"]["L4-L5"]["disc_disease"] = entry


def test_a_file_that_is_missing_or_not_json_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="cannot be read as JSON"):
        read_predictions(tmp_path)
    (tmp_path / PREDICTIONS_FILE).write_text("{", encoding="utf-8")
    with pytest.raises(SchemaError, match="evaluate -o FOLDER"):
        read_predictions(tmp_path)
