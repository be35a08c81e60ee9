"""The program as a process: the signals that end it, and the modules it loads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]

ENDS_A_PROGRAM = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Programs started here receive signals, even if the tests run in the background, where some are ignored."""
    ignored = [number for number in ENDS_A_PROGRAM if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.mark.parametrize("number", ENDS_A_PROGRAM, ids=lambda number: number.name)
def test_ctrl_c_and_other_signals_end_an_analysis_with_130_and_leave_nothing_behind(
    number: signal.Signals, small_study: Path, tmp_path: Path
) -> None:
    program = (
        "import sys, time\n"
        "from SpinalDiseaseAILib.cli import analysis\n"
        "class Slow:\n"
        "    def analyse(self, study, options, progress):\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(30)\n"
        "analysis._analyser = Slow\n"
        "from SpinalDiseaseAILib.__main__ import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, "analyze", str(small_study), "-o", str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    start = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == "The analysis was cancelled.\n"
    assert time.monotonic() - start < 5
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_the_program_is_loading_leaves_no_traceback(command: Command, tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
    result = command("models", PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path]))
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_an_ignored_signal_stays_ignored() -> None:
    program = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "from SpinalDiseaseAILib.cli import main\n"
        "main.app = lambda: print(signal.getsignal(signal.SIGTERM) is signal.SIG_IGN)\n"
        "main.main()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True).stdout == b"True\n"


def test_modules_in_the_current_folder_are_not_loaded(
    command: Command, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("typer", "numpy", "pydicom", "torch", "slicer"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(77)")
    monkeypatch.chdir(tmp_path)
    assert command("series", sample).returncode == 0
