"""One analysis from the command line: the files, the messages, and what a failure leaves behind."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from SpinalDiseaseAILib.base.errors import InputError, ModelError, OutputError
from SpinalDiseaseAILib.base.json_io import report_from_json
from SpinalDiseaseAILib.base.options import Options
from SpinalDiseaseAILib.base.report import DISCLAIMER
from SpinalDiseaseAILib.cli import analysis
from SpinalDiseaseAILib.cli.analysis import Analyses, Outcome, Request, run_analysis
from SpinalDiseaseAILib.cli.printing import print_outcome
from SpinalDiseaseAILib.cli.scene_process import SceneProcess
from SpinalDiseaseAILib.writing import SCENE_FILE

WITHOUT_MASKS = {"report.json", "report.tsv", "points.mrk.json", "overlay.png", "report.html"}
"""Files of a report that has neither masks nor measurements."""

SCENE_FLOOR = "SpinalDiseaseAILib.scene"


def scene_modules() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == "slicer" or name.startswith(SCENE_FLOOR)]


def printed(outcome: Outcome) -> str:
    stream = io.StringIO()
    print_outcome(Console(file=stream, width=200), outcome)
    return stream.getvalue()


def test_a_real_study_is_read_analysed_and_written(
    sample: Path, tmp_path: Path, analyser: Analyses, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("slicer")
    seen: list[tuple[str, float]] = []
    monkeypatch.setattr(analysis, "give_back_freed_memory", lambda: seen.append(("memory of the networks given back", 0.9)))
    outcome = run_analysis(
        Request((sample,), tmp_path / "out"), lambda stage, fraction, _: seen.append((stage, fraction)), analyser
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*WITHOUT_MASKS, SCENE_FILE}
    assert report_from_json((tmp_path / "out" / "report.json").read_text(encoding="utf-8")) == outcome.report
    assert [stage for stage, _ in seen] == ["read", "localization", "write", "memory of the networks given back"]
    assert [fraction for _, fraction in seen] == sorted(fraction for _, fraction in seen)


def test_the_options_reach_the_analysis(small_study: Path, tmp_path: Path, analyser: Analyses) -> None:
    options = Options(classifiers=("one", "two"), device="cpu")
    run_analysis(Request((small_study,), tmp_path / "out", options=options), analyser=analyser)
    assert analyser.options == [options]  # type: ignore[attr-defined]


def test_without_slicer_everything_but_the_scene_is_written_and_a_remark_says_so(
    small_study: Path, tmp_path: Path, analyser: Analyses, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None if name == "slicer" else found(name))
    outcome = run_analysis(Request((small_study,), tmp_path / "out"), analyser=analyser)
    assert set(outcome.files) == WITHOUT_MASKS
    assert outcome.remarks == (
        "scene.mrb was not written: it needs the package slicer-core (pip install 'spinal-disease-ai[scene]').",
    )
    assert "Note: scene.mrb was not written" in printed(outcome)


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        ("raise ImportError('libGL.so.1: cannot open shared object file')", "libGL.so.1"),
        ("raise RuntimeError('built for another Python')", "built for another Python"),
        ("class Slicer: pass", "is not that of slicer-core"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed"),
    ],
    ids=["a library is missing", "another error", "another program of that name", "a crash"],
)
def test_if_slicer_libraries_do_not_load_only_the_scene_is_missing(
    package: str, reason: str, small_study: Path, tmp_path: Path, analyser: Analyses, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    (broken / "slicer").mkdir(parents=True)
    (broken / "slicer" / "__init__.py").write_text(package)
    monkeypatch.setenv("PYTHONPATH", str(broken))  # for the process that writes the scene
    monkeypatch.syspath_prepend(str(broken))
    loaded = {name: sys.modules.pop(name) for name in scene_modules()}
    try:
        outcome = run_analysis(Request((small_study,), tmp_path / "out"), analyser=analyser)
    finally:
        for name in scene_modules():
            del sys.modules[name]
        sys.modules.update(loaded)
    assert set(outcome.files) == WITHOUT_MASKS
    (remark,) = outcome.remarks
    assert remark.startswith("scene.mrb was not written") and reason in remark


def test_a_scene_whose_process_dies_is_written_nevertheless(
    small_study: Path, tmp_path: Path, analyser: Analyses, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("slicer")
    started: list[subprocess.Popen[bytes]] = []

    class DyingProcess(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.kill()
            started.append(self)

    monkeypatch.setattr("SpinalDiseaseAILib.cli.scene_process.subprocess.Popen", DyingProcess)
    outcome = run_analysis(Request((small_study,), tmp_path / "out"), analyser=analyser)
    assert started and SCENE_FILE in outcome.files and outcome.remarks == ()


def test_a_scene_that_cannot_be_written_ends_in_one_sentence(small_study: Path, tmp_path: Path) -> None:
    pytest.importorskip("slicer")
    program = (
        "import sys; from pathlib import Path\n"
        "from conftest import GivenAnalyser\n"
        "from SpinalDiseaseAILib.reading import open_study\n"
        "from SpinalDiseaseAILib.cli.scene_process import SceneProcess\n"
        "from SpinalDiseaseAILib.writing import Results\n"
        "study = open_study([Path(sys.argv[1])])\n"
        "with SceneProcess() as scene:\n"
        "    try: scene.write(Results(GivenAnalyser().analyse(study), study), Path(sys.argv[2]) / 'removed' / 'scene.mrb')\n"
        "    except Exception as error: print(type(error).__name__, error)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(small_study), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.stdout, result.stderr) == (
        "OutputError scene.mrb cannot be written. Check whether the disk is full.\n",
        "",
    )


def test_no_process_is_left_after_an_analysis_that_fails(
    small_study: Path, tmp_path: Path, failing_analyser: Callable[[BaseException], Analyses]
) -> None:
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(ModelError):
        run_analysis(Request((small_study,), tmp_path / "out"), analyser=failing_analyser(ModelError("The model is missing.")))
    assert set(psutil.Process().children(recursive=True)) == before


def test_an_analysis_that_fails_does_not_wait_for_the_process_that_would_have_written_the_scene(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("slicer")
    started: list[subprocess.Popen[bytes]] = []

    class LoadingProcess(subprocess.Popen[bytes]):
        """Spends a long time loading Slicer's libraries, without reading anything."""

        def __init__(self, arguments: list[str], **options: Any) -> None:
            super().__init__([arguments[0], "-c", "import time; time.sleep(20)"], **options)
            started.append(self)

    monkeypatch.setattr("SpinalDiseaseAILib.cli.scene_process.subprocess.Popen", LoadingProcess)
    start = time.monotonic()
    with SceneProcess():
        pass
    assert time.monotonic() - start < 10 and started[0].returncode is not None


def test_a_failed_analysis_leaves_no_folder(
    small_study: Path, tmp_path: Path, failing_analyser: Callable[[BaseException], Analyses]
) -> None:
    with pytest.raises(ModelError):
        run_analysis(Request((small_study,), tmp_path / "out"), analyser=failing_analyser(ModelError("The model is missing.")))
    assert list(tmp_path.iterdir()) == []


def test_an_unsuitable_folder_is_refused_before_anything_is_read(tmp_path: Path, analyser: Analyses) -> None:
    (tmp_path / "report.tsv").write_text("other")
    with pytest.raises(OutputError):
        run_analysis(Request((tmp_path / "no such study",), tmp_path), analyser=analyser)


def test_an_unusable_input_is_refused_before_the_analysis(tmp_path: Path, analyser: Analyses) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError):
        run_analysis(Request((tmp_path / "empty",), tmp_path / "out"), analyser=analyser)
    assert analyser.options == []  # type: ignore[attr-defined]
    assert not (tmp_path / "out").exists()


def test_the_printed_result_has_a_line_per_level_and_everything_a_reader_needs(
    small_study: Path, tmp_path: Path, analyser: Analyses
) -> None:
    outcome = run_analysis(Request((small_study,), tmp_path / "out"), analyser=analyser)
    lines = [line.rstrip() for line in printed(outcome).splitlines()]
    assert "L1-L2   Pfirrmann 4 (0.72) · narrowing 0.91" in lines
    assert sum("Pfirrmann" in line for line in lines) == 6
    assert "Numbering: lowest mobile disc is L5-S1 (0.90) · or one level higher (0.10)" in lines
    assert "Warning: One slice is missing." in lines
    assert any(line.startswith(f"Written to {tmp_path / 'out'}: report.json, report.tsv") for line in lines)
    assert any(line.endswith("s on cpu · given 1.0") for line in lines)
    assert lines[-1] == DISCLAIMER
