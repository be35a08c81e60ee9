"""The sample study, end to end: what is found, where, and what the report says about the analysis."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from views_of_spine import KEY_POINTS_OF_MASKS, positions

from SpinalDiseaseAILib.base import json_io
from SpinalDiseaseAILib.base.anatomy import KEY_POINTS, Kind, finding, structure
from SpinalDiseaseAILib.base.options import Options
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Role, Study
from SpinalDiseaseAILib.models.bundle import read_bundle
from SpinalDiseaseAILib.pipelines.analyser import Analyser


def test_every_key_point_is_found_within_six_millimetres_of_the_mask(report: Report) -> None:
    found = positions(report)
    assert tuple(found) == KEY_POINTS
    errors = {name: np.hypot(*(found[name][1:] - place)) for name, place in KEY_POINTS_OF_MASKS.items()}
    assert max(errors.values()) < 6, errors


def test_structures_lie_in_the_slices_of_the_spinal_canal(report: Report) -> None:
    # The middle of the canal's mask at L5 and L5-S1, where the stack contains its full width: -0.3 and -1.9 mm.
    assert all(abs(place[0]) < 4 for place in positions(report).values())


def test_the_numbering_is_certain_and_the_probabilities_sum_to_one(report: Report) -> None:
    assert report.numberings[0].shift == 0 and report.numberings[0].probability > 0.8
    assert {item.shift for item in report.numberings} == {0, 1, -1, None}
    assert all(
        item.probability > 0.01 for item in report.numberings if item.shift
    )  # no network can rule out a transitional vertebra
    assert sum(item.probability for item in report.numberings) == pytest.approx(1)
    probabilities = [item.probability for item in report.numberings]
    assert probabilities == sorted(probabilities, reverse=True)


def test_every_disc_has_each_finding_of_the_models_and_no_vertebra_has_one(report: Report) -> None:
    names = {*read_bundle("lumbar-mr-degeneration").findings, "degeneration"}
    for item in report.structures:
        expected = names if structure(item.name).kind is Kind.DISC else set()
        assert {result.name for result in item.findings} == expected
        assert len(item.findings) == len(expected)


def test_probabilities_of_a_finding_sum_to_one(report: Report) -> None:
    for item in report.structures:
        for result in item.findings:
            assert tuple(result.probabilities) == finding(result.name).class_names
            assert sum(result.probabilities.values()) == pytest.approx(1)


def test_a_finding_names_the_model_that_gave_its_final_result(report: Report) -> None:
    weighed = read_bundle("lumbar-mr-disc-findings").findings
    assert weighed
    for item in report.structures:
        for result in item.findings:
            own = "lumbar-mr-disc-findings" if result.name in weighed else "lumbar-mr-degeneration"
            assert result.model == ("lumbar-mr-disc-grade" if result.name == "degeneration" else own)


def test_the_spine_is_measured_in_plausible_sizes(report: Report) -> None:
    limits = {
        "disc_height_middle": (3, 15),
        "disc_signal_ratio": (0.02, 1),
        "canal_diameter": (7, 20),
        "body_height_middle": (17, 32),
        "wedge_ratio": (0.75, 1.35),
        "lordosis_l1_s1": (20, 80),
    }
    taken = [item for part in report.structures for item in part.measurements] + list(report.measurements)
    for name, (low, high) in limits.items():
        values = [item.value for item in taken if item.name == name and item.value is not None]
        assert values and all(low < value < high for value in values), name


def test_most_grades_are_within_one_of_the_radiologists(report: Report) -> None:
    read = {"T12-L1": 3, "L1-L2": 2, "L2-L3": 4, "L3-L4": 4, "L4-L5": 3, "L5-S1": 4}
    for name, grade in read.items():
        result = report.structure(name).finding("pfirrmann")
        assert abs(int(result.predicted[0]) - grade) <= 1, name


def test_the_report_names_models_input_device_and_times(report: Report, sample: Study) -> None:
    names = [model.name for model in report.models]
    graders = ["lumbar-mr-degeneration", "lumbar-mr-disc-findings", "lumbar-mr-disc-grade"]
    assert names == ["lumbar-mr-localizer", "lumbar-mr-segmentation", *graders]
    for model in report.models:
        assert model.sha256 == hashlib.sha256(read_bundle(model.name).weights.read_bytes()).hexdigest()
        assert not model.research_only
    assert report.series == tuple(series.identity() for series in sample.series)
    assert report.study_uid == sample.uid and report.device == "cpu"
    assert {"models", "localization", "segmentation", "classification", "total"} <= set(report.seconds)
    assert sum(value for key, value in report.seconds.items() if key != "total") <= report.seconds["total"] + 0.01
    assert report.created.endswith("+00:00") and report.software.startswith("SpinalDiseaseAI ")


def test_notes_from_reading_are_kept(report: Report, sample: Study) -> None:
    assert set(sample.notes) <= set(report.notes)


def test_a_clear_study_gives_no_warning(report: Report) -> None:
    assert [note for note in report.notes if note.severity == "warning"] == []


def test_the_report_survives_json(report: Report) -> None:
    assert json_io.report_from_json(json_io.report_to_json(report)) == report


def test_a_second_analysis_gives_the_same_report(report: Report, sample: Study, analyser: Analyser, cpu: Options) -> None:
    again = analyser.analyse(sample, cpu)
    assert again.structures == report.structures and again.numberings == report.numberings


def test_the_input_is_not_changed(sample: Study, analyser: Analyser, cpu: Options, report: Report) -> None:
    assert sample.series[0].identity() == report.series[0]


def test_a_series_in_the_role_of_t1_gives_the_same_points_and_is_graded_as_t1(
    report: Report, sample: Study, analyser: Analyser, cpu: Options
) -> None:
    alone = Study((replace(sample.primary, role=Role.SAGITTAL_T1),), sample.uid)
    other = analyser.analyse(alone, cpu)
    assert [item.position for item in other.structures] == [item.position for item in report.structures]
    assert [item.findings for item in other.structures] != [item.findings for item in report.structures]
    assert [item.role for item in other.series] == ["sagittal T1"]
