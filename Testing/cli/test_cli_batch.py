"""``batch``: what is printed, in which words, and with which exit status."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner

from SpinalDiseaseAILib.base.errors import EXIT_CANCELLED, EXIT_COMPUTE, EXIT_INPUT, EXIT_OUTPUT, ComputeError, InputError
from SpinalDiseaseAILib.batch import running
from SpinalDiseaseAILib.cli import batch, main
from SpinalDiseaseAILib.worker.job import Job
from SpinalDiseaseAILib.writing import FORMATS

Run = Callable[..., Any]


class GivenClient:
    """A worker without networks; ``errors`` are raised for the studies of these numbers."""

    errors: ClassVar[dict[int, BaseException]] = {}
    probed: ClassVar[list[str]] = []

    def __init__(self, analyser: Any) -> None:
        self._analyser = analyser
        self._calls = 0

    def __enter__(self) -> GivenClient:
        return self

    def __exit__(self, *given: object) -> None:
        pass

    def probe(self, device: str) -> Any:
        self.probed.append(device)

        class Probed(Job):  # type: ignore[type-arg]
            def __init__(self) -> None:
                pass

            def wait(self) -> Any:
                if device == "tpu":
                    raise ComputeError("There is no device tpu.", code="no-device")

        return Probed()

    def analyse_and_wait(self, study: Any, options: Any, on_progress: Any) -> Any:
        self._calls += 1
        if error := self.errors.get(self._calls - 1):
            raise error
        return self._analyser.analyse(study, options, on_progress)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, analyser: Any) -> type[GivenClient]:
    monkeypatch.setattr(batch, "WorkerClient", lambda: GivenClient(analyser))
    monkeypatch.setattr(running, "FORMATS", {name: FORMATS[name] for name in ("report.json", "report.tsv")})
    monkeypatch.setattr(GivenClient, "errors", {})
    monkeypatch.setattr(GivenClient, "probed", [])
    return GivenClient


@pytest.fixture
def archive(small_study: Path, tmp_path: Path) -> Path:
    for name in ("Doe Anna", "Doe Berta"):
        (tmp_path / "archive" / name).mkdir(parents=True)
        shutil.copy(small_study, tmp_path / "archive" / name / "t2.nii.gz")
    return tmp_path / "archive"


@pytest.fixture
def run(archive: Path, tmp_path: Path, client: Any) -> Run:
    def invoke(*options: str) -> Any:
        return CliRunner().invoke(main.app, ["batch", str(archive), "-o", str(tmp_path / "out"), *options])

    return invoke


def test_the_summary_counts_studies_and_says_where_the_results_are(run: Run, tmp_path: Path) -> None:
    result = run()
    assert result.exit_code == 0 and result.stderr == ""
    assert "2 studies: 2 analyzed." in result.stdout and "not a medical device" in result.stdout
    assert f"Written to {tmp_path / 'out'}: index.html, manifest.tsv" in result.stdout
    assert "Doe" not in result.output
    assert "2 studies: 2 analyzed; 2 of them by earlier runs." in run().stdout


def test_studies_of_earlier_archives_in_the_same_folder_are_not_counted_again(run: Run, archive: Path, tmp_path: Path) -> None:
    run()
    (tmp_path / "second").mkdir()
    shutil.copy(archive / "Doe Anna" / "t2.nii.gz", tmp_path / "second" / "t2.nii.gz")
    result = CliRunner().invoke(main.app, ["batch", str(tmp_path / "second"), "-o", str(tmp_path / "out")])
    assert "1 study: 1 analyzed." in result.stdout


def test_refused_and_failed_studies_are_named_with_the_reason(run: Run, client: Any) -> None:
    client.errors.update({0: InputError("No spine was found.", code="no-spine"), 1: ComputeError("It was killed.")})
    result = run()
    assert result.exit_code == EXIT_COMPUTE
    assert "refused: No spine was found." in result.stdout and "failed: It was killed." in result.stdout
    assert "2 studies: 1 refused, 1 failed." in result.stdout


def test_an_archive_without_a_usable_study_has_an_exit_status_of_its_own(run: Run, client: Any) -> None:
    client.errors.update({number: InputError("No spine was found.") for number in range(2)})
    assert run().exit_code == EXIT_INPUT


def test_many_refusals_do_not_fill_the_screen(run: Run, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_FEW", 1)
    client.errors.update({number: InputError("No spine was found.") for number in range(2)})
    assert run().stdout.count("No spine") == 1 and "… and 1 more; manifest.tsv names all." in run().stdout


def test_a_dry_run_lists_the_studies_and_writes_nothing(run: Run, tmp_path: Path, client: Any) -> None:
    result = run("--dry-run")
    assert "archive/Doe Anna/t2.nii.gz" in result.stdout and "2 studies, 2 to be analyzed." in result.stdout
    assert not (tmp_path / "out").exists() and client.probed == []
    run()
    listed = json.loads(run("--dry-run", "--json").stdout)
    assert [study["state"] for study in listed["studies"]] == ["analyzed"] * 2


def test_json_holds_the_rows_and_nothing_else_is_printed(run: Run, client: Any) -> None:
    client.errors[1] = InputError("No spine was found.", code="no-spine")
    result = run("--json")
    document = json.loads(result.stdout)
    assert document["counts"] == {"analyzed": 1, "refused": 1, "failed": 0} and document["earlier"] == 0
    assert [study["code"] for study in document["studies"]] == ["", "no-spine"] and result.stderr == ""


def test_a_quiet_run_prints_only_what_failed(run: Run, client: Any) -> None:
    client.errors.update({0: InputError("No spine was found."), 1: ComputeError("It was killed.")})
    result = run("--quiet")
    assert result.stdout == "" and "It was killed." in result.stderr and "No spine" not in result.stderr


def test_a_missing_device_is_told_before_any_study_fails_for_it(run: Run, tmp_path: Path, client: Any) -> None:
    result = run("--device", "tpu")
    assert result.exit_code == EXIT_COMPUTE and result.stderr == "There is no device tpu.\n"
    assert not (tmp_path / "out").exists()


def test_a_run_with_nothing_to_do_needs_no_worker(run: Run, client: Any) -> None:
    run()
    client.probed.clear()
    assert run().exit_code == 0 and client.probed == []


def test_a_stopped_batch_says_how_to_go_on(run: Run, client: Any) -> None:
    client.errors[1] = KeyboardInterrupt()
    result = run()
    assert result.exit_code == EXIT_CANCELLED
    assert result.stderr == "Stopped. The same command goes on with the studies that are left.\nThe analysis was cancelled.\n"
    assert "2 studies: 2 analyzed; 1 of them by earlier runs." in run().stdout


def test_other_settings_are_refused_with_both_values(run: Run) -> None:
    run()
    result = run("--no-segmentation")
    assert result.exit_code == EXIT_OUTPUT and "segmenter: lumbar-mr-segmentation" in result.stderr


def test_a_missing_slicer_core_is_told_if_scenes_are_wanted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(batch, "SceneProcess", lambda: _NoScene())
    assert "No scene.mrb was written: it needs the package slicer-core" in run("--scene").stdout


class _NoScene:
    def __enter__(self) -> _NoScene:
        return self

    def __exit__(self, *given: object) -> None:
        pass

    def write(self, results: object, path: Path) -> None:
        pass


def test_real_studies_are_analysed_by_one_worker(
    sample: Path, tmp_path: Path, command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    archive = tmp_path / "archive"
    shutil.copytree(sample, archive / "one")
    shutil.make_archive(str(archive / "two"), "zip", sample)  # the same study: not analysed twice
    (archive / "three.zip").write_bytes(b"PK\x03\x04 and no more")
    result = command("batch", archive, "-o", tmp_path / "out", "--json")
    assert result.returncode == 0 and result.stderr == "", result.stderr
    document = json.loads(result.stdout)
    assert document["counts"] == {"analyzed": 1, "refused": 1, "failed": 0}
    folder = tmp_path / "out" / next(row["study"] for row in document["studies"] if row["status"] == "analyzed")
    names = {path.name for path in folder.iterdir()}
    assert {"report.html", "overlay.png", "masks.nii.gz", "measurements.tsv"} <= names and "scene.mrb" not in names
