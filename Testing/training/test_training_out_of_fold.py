"""Folds: every patient is predicted once, by a network that never saw the patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.datasets.collection import read_dataset
from SpinalDiseaseAILib.datasets.records import fold_of, without_fold
from SpinalDiseaseAILib.evaluation.prediction_file import read_predictions
from SpinalDiseaseAILib.training.cli import app
from SpinalDiseaseAILib.training.out_of_fold import out_of_fold_run
from SpinalDiseaseAILib.training.regions import train_regions


@pytest.fixture(scope="module")
def fold_config(regions_config: dict[str, Any]) -> dict[str, Any]:
    """A configuration of two folds that trains quickly."""
    return regions_config | {"splits": ["train", "tune", "report"], "folds": 2, "steps": 2}


@pytest.fixture(scope="module")
def folds(fold_config: dict[str, Any], data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One run per fold."""
    folder = tmp_path_factory.mktemp("runs")
    runs = [folder / f"fold-{fold}" for fold in range(2)]
    for fold, run in enumerate(runs):
        train_regions(fold_config | {"left_out": fold}, data, run)
    return runs


def test_a_fold_has_whole_patients_and_is_the_same_in_all_their_data_sets(data: Path) -> None:
    splits = ("train", "tune", "report")
    records = [*read_dataset("spider", data, splits), *read_dataset("spider_space", data, splits)]
    kept = [without_fold(records, {"folds": 2, "left_out": fold}) for fold in range(2)]
    patients = [{(item.dataset, item.patient) for item in part} for part in kept]
    assert patients[0] and patients[1] and not patients[0] & patients[1]
    assert sum(map(len, kept)) == len(records)


def test_without_a_left_out_fold_every_patient_trains(data: Path) -> None:
    records = read_dataset("spider", data, ("train", "tune", "report"))
    assert without_fold(records, {"folds": 2}) == records


def test_folds_do_not_follow_the_splits() -> None:
    folds = [fold_of("spider", str(patient), 5) for patient in range(1000)]
    assert all(150 < folds.count(fold) < 250 for fold in range(5))


def test_every_patient_is_predicted_once_by_the_run_that_left_the_patient_out(folds: list[Path], data: Path) -> None:
    run = out_of_fold_run(folds, data)
    graded = [
        item for item in read_dataset("spider", data, run.splits) if item.contrast == "T2" and item.findings and item.points
    ]
    assert sorted(case.series for case in run.cases) == sorted(item.series for item in graded)
    assert not run.calibrated
    alone = out_of_fold_run(folds[:1], data)
    assert {fold_of("spider", case.patient, 2) for case in alone.cases} == {0}
    assert [case.findings for case in run.cases[: len(alone.cases)]] == [case.findings for case in alone.cases]


def test_runs_that_left_out_the_same_fold_are_averaged(folds: list[Path], data: Path) -> None:
    once, twice = out_of_fold_run(folds[:1], data), out_of_fold_run([folds[0], folds[0]], data)
    assert [case.series for case in twice.cases] == [case.series for case in once.cases]
    for name, key in (("pfirrmann", "4"), ("narrowing", "present")):
        found, expected = (
            [
                items[name].probabilities[key]
                for case in run.cases
                for items in case.findings.values()
                if items[name].probabilities
            ]
            for run in (twice, once)
        )
        assert found == pytest.approx(expected, abs=1e-5) and expected


def test_folds_with_different_members_are_refused(folds: list[Path], data: Path) -> None:
    with pytest.raises(InputError, match="fold 0 has 2, fold 1 has 1"):
        out_of_fold_run([folds[0], folds[0], folds[1]], data)


def test_a_run_that_left_out_no_patients_is_refused(fold_config: dict[str, Any], data: Path, tmp_path: Path) -> None:
    train_regions(fold_config, data, tmp_path)
    with pytest.raises(InputError, match="left no fold out"):
        out_of_fold_run([tmp_path], data)


def test_the_command_writes_predictions_that_can_be_read(folds: list[Path], data: Path, tmp_path: Path) -> None:
    target = tmp_path / "out-of-fold.json"
    result = CliRunner().invoke(app, ["predict", *map(str, folds), "--data", str(data), "-o", str(target)])
    assert result.exit_code == 0, result.output
    (run,) = read_predictions(target, data)
    assert {case.series for case in run.cases} == {case.series for case in out_of_fold_run(folds, data).cases}
    assert not run.calibrated
    assert "Pfirrmann grade: balanced accuracy" in result.output, "figures are printed"


def test_a_fold_that_the_configuration_does_not_have_is_refused(data: Path, tmp_path: Path) -> None:
    command = ["fit", "degeneration", "--data", str(data), "--run", str(tmp_path), "--left-out", "99"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2 and "folds" in result.output
