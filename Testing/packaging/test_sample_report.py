"""The report on the packaged sample is as promised in the documentation."""

from __future__ import annotations

import json

import jsonschema
import package_lists
import pydicom
import pytest

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.json_io import report_from_json, report_to_json
from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.base.options import Options
from SpinalDiseaseAILib.base.report import Report


@pytest.fixture(scope="module")
def report() -> Report:
    from SpinalDiseaseAILib.pipelines.analyser import Analyser
    from SpinalDiseaseAILib.reading import open_study

    return Analyser().analyse(open_study([sample_folder()]), Options(device="cpu"))


def test_it_conforms_to_the_published_schema(report: Report) -> None:
    schema = json.loads((package_lists.ROOT / "docs/developer/report.schema.json").read_text(encoding="utf-8"))
    errors = jsonschema.Draft202012Validator(schema).iter_errors(json.loads(report_to_json(report)))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_it_converts_to_json_and_back_without_loss(report: Report) -> None:
    assert report_from_json(report_to_json(report)) == report


def test_it_names_the_eleven_structures_from_cranial_to_caudal(report: Report) -> None:
    assert tuple(item.name for item in report.structures) == KEY_POINTS
    heights = [item.position[2] for item in report.structures]
    assert heights == sorted(heights, reverse=True)


def test_every_disc_is_graded_and_says_by_which_model(report: Report) -> None:
    models = {model.name for model in report.models}
    for item in report.structures:
        if "-" in item.name:
            assert item.findings and {result.model for result in item.findings} <= models


def test_it_can_be_traced_to_its_input_and_time(report: Report) -> None:
    header = pydicom.dcmread(next(sample_folder().rglob("*.dcm")), stop_before_pixels=True)
    (series,) = report.series
    assert (report.study_uid, series.uid) == (header.StudyInstanceUID, header.SeriesInstanceUID)
    assert report.seconds["total"] >= report.seconds["localization"] > 0
    assert report.created and report.software and report.device.startswith("cpu")


def test_nothing_in_it_names_the_patient(report: Report) -> None:
    header = pydicom.dcmread(next(sample_folder().rglob("*.dcm")), stop_before_pixels=True)
    text = report_to_json(report)
    assert str(header.PatientName) not in text and f'"{header.PatientID}"' not in text
