"""The commands, as typed by a user."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from SpinalDiseaseAILib import __version__
from SpinalDiseaseAILib.base.errors import Cancelled, ComputeError, InputError, ModelError, OutputError
from SpinalDiseaseAILib.base.json_io import report_from_dict
from SpinalDiseaseAILib.base.report import Note
from SpinalDiseaseAILib.cli import analysis
from SpinalDiseaseAILib.cli.failures import TRACEBACK_VARIABLE
from SpinalDiseaseAILib.cli.main import app
from SpinalDiseaseAILib.reading import SeriesEntry, SeriesListing

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, analyser: analysis.Analyses) -> analysis.Analyses:
    monkeypatch.setattr(analysis, "_analyser", lambda: analyser)
    return analyser


def test_the_version_is_that_of_the_library(command: Command) -> None:
    result = command("--version")
    assert (result.returncode, result.stdout) == (0, f"SpinalDiseaseAI {__version__}\n")


@pytest.mark.parametrize("name", ["analyze", "demo", "series", "models"])
def test_the_help_of_each_command_has_an_example(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0
    assert f"spinal-disease-ai {name} " in result.stdout


def test_the_help_tells_a_script_what_each_exit_status_means() -> None:
    text = " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())
    for status in (2, InputError.exit_status, ModelError.exit_status, ComputeError.exit_status, OutputError.exit_status):
        assert f" {status} " in text.partition("Exit status:")[2]
    assert f"{Cancelled.exit_status} cancelled" in text


def test_help_and_models_load_neither_torch_nor_slicer() -> None:
    program = (
        "import sys; from SpinalDiseaseAILib.cli.main import app\n"
        "try: app(sys.argv[1:])\n"
        "finally: print(sorted({'torch', 'slicer', 'jinja2', 'PIL.Image'} & set(sys.modules)), file=sys.stderr)"
    )
    for arguments in (["analyze", "--help"], ["models"]):
        result = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.stderr.splitlines()[-1] == "[]"


def test_series_says_what_would_be_used_and_why_without_control_characters(command: Command, sample: Path) -> None:
    result = command("series", sample)
    assert result.returncode == 0
    assert result.stdout.startswith("Sagittal T2")
    assert "Used as sagittal T2" in result.stdout
    assert "\x1b" not in result.stdout + result.stderr


def test_series_as_json_is_one_document(command: Command, sample: Path) -> None:
    document = json.loads(command("series", sample, "--json").stdout)
    assert document["problem"] is None
    assert [entry["role"] for entry in document["series"]] == ["sagittal T2"]


def test_an_empty_folder_ends_with_a_sentence_and_the_status_of_unusable_images(command: Command, tmp_path: Path) -> None:
    result = command("analyze", tmp_path, "-o", tmp_path / "out")
    assert result.returncode == 3
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_series_that_cannot_be_used_are_listed_before_the_problem_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SeriesEntry("1.2", "ax", "MR", "axial", (256, 256, 9), None, 3000.0, 90.0, "T2", None, "It is axial.", "axial")
    problem = InputError("No series is sagittal.", "A sagittal one is needed.", code="no-sagittal-series")
    notes = Note("left-out", "ax: It is axial.", "warning"), Note("other", "One file is no image.", "warning")
    monkeypatch.setattr("SpinalDiseaseAILib.cli.series.listing_of", lambda paths: SeriesListing((entry,), notes, problem))
    result = CliRunner().invoke(app, ["series", "study"])
    assert result.exit_code == 3
    assert result.stdout.splitlines()[:3] == [
        'Left out  "ax"',
        "    MR axial T2, 9 slices of 256 x 256, TR 3000 ms, TE 90 ms",
        "    It is axial.",
    ]
    assert result.stdout.splitlines()[4:] == ["Warning: One file is no image."], "no reason is said twice"
    assert result.stderr == "No series is sagittal. A sagittal one is needed.\n"
    document = json.loads(CliRunner().invoke(app, ["series", "study", "--json"]).stdout)
    assert document["series"][0]["role"] is None
    assert document["problem"]["code"] == "no-sagittal-series"


def test_an_error_is_also_json_for_a_program_that_asked_for_json(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["analyze", str(tmp_path), "-o", str(tmp_path / "out"), "--json"])
    assert result.exit_code == 3
    assert set(json.loads(result.stdout)["error"]) == {"code", "found", "expected", "remedy"}


@pytest.mark.parametrize("arguments", [["analyze"], ["analyze", "x"], ["no-such-command"], ["series", "--nonsense"]])
def test_wrong_usage_has_the_status_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize(
    "arguments", [["analyze", "", "-o", "out"], ["analyze", "x", "-o", ""], ["series", ""], ["demo", "-o", ""]]
)
def test_an_empty_path_is_not_mistaken_for_the_current_folder(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2 and "path is empty" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelError("The weights were changed."), 4),
        (ComputeError("There is no such device."), 5),
        (Cancelled(), 130),
        (KeyboardInterrupt(), 130),
        (MemoryError(), 5),
        (ZeroDivisionError("division by zero"), 5),
    ],
)
def test_each_kind_of_failure_has_its_status_and_no_traceback(
    error: BaseException,
    status: int,
    small_study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing_analyser: Callable[[BaseException], analysis.Analyses],
) -> None:
    monkeypatch.delenv(TRACEBACK_VARIABLE, raising=False)
    monkeypatch.setattr(analysis, "_analyser", lambda: failing_analyser(error))
    result = CliRunner().invoke(app, ["analyze", str(small_study), "-o", str(tmp_path / "out")])
    assert result.exit_code == status
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_lack_of_memory_for_the_networks_is_not_an_unexpected_failure(
    small_study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing_analyser: Callable[[BaseException], analysis.Analyses],
) -> None:
    error = RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried")
    monkeypatch.setattr(analysis, "_analyser", lambda: failing_analyser(error))
    result = CliRunner().invoke(app, ["analyze", str(small_study), "-o", str(tmp_path / "out"), "--json"])
    assert json.loads(result.stdout)["error"]["code"] == "out-of-memory"
    assert "ran out of memory" in result.stderr and "report" not in result.stderr


def test_results_that_cannot_be_written_have_the_status_6(small_study: Path, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("other")
    result = CliRunner().invoke(app, ["analyze", str(small_study), "-o", str(tmp_path)])
    assert result.exit_code == 6
    assert "--overwrite" in result.stderr


def test_analyze_as_json_prints_only_the_report_and_the_files(
    given: analysis.Analyses, small_study: Path, tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, ["analyze", str(small_study), "-o", str(tmp_path / "out"), "--json"])
    document = json.loads(result.stdout)
    assert report_from_dict(document["report"]).structure("L5-S1") is not None
    assert Path(document["files"]["report.html"]).is_file()
    assert document["seconds"] > 0
    assert document["remarks"] == []


def test_a_program_is_told_why_a_file_is_missing(
    given: analysis.Analyses, small_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None if name == "slicer" else found(name))
    document = json.loads(CliRunner().invoke(app, ["analyze", str(small_study), "-o", str(tmp_path / "out"), "--json"]).stdout)
    assert "scene.mrb" not in document["files"]
    (remark,) = document["remarks"]
    assert remark.startswith("scene.mrb was not written")


def test_quiet_prints_nothing(given: analysis.Analyses, small_study: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["analyze", str(small_study), "-o", str(tmp_path / "out"), "--quiet"])
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_bundles_localizer_device_and_series_are_passed_on(given: analysis.Analyses, small_study: Path, tmp_path: Path) -> None:
    arguments = ["--bundle", "a", "--bundle", "b", "--localizer", "c", "--device", "cpu", "-q"]
    result = CliRunner().invoke(app, ["analyze", str(small_study), "-o", str(tmp_path / "out"), *arguments])
    assert result.exit_code == 0
    (options,) = given.options  # type: ignore[attr-defined]
    assert (options.classifiers, options.localizer, options.device) == (("a", "b"), "c", "cpu")
    unknown = CliRunner().invoke(app, ["analyze", str(small_study), "-o", str(tmp_path / "out"), "--t2", "1.2.3"])
    assert unknown.exit_code == 3


def test_demo_analyses_the_sample_and_can_be_run_again(given: analysis.Analyses, tmp_path: Path) -> None:
    for _ in range(2):
        result = CliRunner().invoke(app, ["demo", "-o", str(tmp_path / "demo"), "--device", "cpu"])
        assert result.exit_code == 0
        assert "L4-L5" in result.stdout
        assert str(tmp_path / "demo") in result.stdout
        assert "\x1b" not in result.stdout
    assert [options.device for options in given.options] == ["cpu", "cpu"]  # type: ignore[attr-defined]


def test_models_lists_each_bundle_with_its_licence_and_marks_research_only_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"weights")
    bundles = [bundle(weights, "limited", research_only=True), bundle(weights, "open", research_only=False)]
    monkeypatch.setattr("SpinalDiseaseAILib.models.bundle.list_bundles", lambda: bundles)
    text = CliRunner().invoke(app, ["models"]).stdout
    assert "limited 0.1.0  localization  research only" in text
    assert "open 0.1.0  localization\n" in text
    assert "licence CC BY 4.0" in text
    entries = json.loads(CliRunner().invoke(app, ["models", "--json"]).stdout)
    found = [(entry["name"], entry["research_only"], entry["bytes"]) for entry in entries]
    assert found == [("limited", True, 7), ("open", False, 7)]


def test_models_from_a_folder_that_does_not_exist_has_the_status_of_a_model_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPINAL_DISEASE_AI_MODELS", "/no/such/folder")
    result = CliRunner().invoke(app, ["models"])
    assert result.exit_code == 4
    assert "/no/such/folder" in result.stderr


def test_progress_is_drawn_on_a_terminal(small_study: Path, tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from conftest import GivenAnalyser\n"
        "from SpinalDiseaseAILib.cli import analysis\n"
        "analysis._analyser = GivenAnalyser\n"
        "from SpinalDiseaseAILib.cli.main import app; app(sys.argv[2:])"
    )
    pty = pytest.importorskip("pty")
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(Path(__file__).parent), "analyze", str(small_study), "-o", str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=end,
    )
    os.close(end)
    seen = b""
    try:
        while part := os.read(terminal, 4096):
            seen += part
    except OSError:  # the other side of a pseudo-terminal was closed
        pass
    output, _ = process.communicate(timeout=60)
    os.close(terminal)
    assert process.returncode == 0
    assert "Reading the images" in seen.decode()
    assert "Writing the results" in seen.decode()
    assert b"\x1b" not in output


def bundle(weights: Path, name: str, *, research_only: bool) -> SimpleNamespace:
    return SimpleNamespace(
        name=name,
        version="0.1.0",
        task="localization",
        title="A title",
        description="A description",
        licence="CC BY 4.0",
        research_only=research_only,
        weights=weights,
        sha256="ab" * 32,
    )
