"""Differences on Windows: how a process tree is ended, and what exit statuses and errors mean."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from SpinalDiseaseAILib.worker import process
from SpinalDiseaseAILib.worker.failures import error_of_exception, error_of_exit
from SpinalDiseaseAILib.worker.process import WorkerProcess, worker_environment

Calls = list[tuple[list[str], dict[str, object]]]


@pytest.fixture
def sleeper(monkeypatch: pytest.MonkeyPatch) -> WorkerProcess:
    """A process that does not end by itself, with a client that believes it is on Windows."""
    started = WorkerProcess(sys.executable, ("-c", "import time; time.sleep(60)"))
    monkeypatch.setattr(sys, "platform", "win32")
    return started


def test_a_process_tree_is_ended_by_taskkill_without_a_window(sleeper: WorkerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Calls = []
    monkeypatch.setattr(process, "NO_WINDOW", 0x08000000)
    monkeypatch.setattr(subprocess, "run", lambda command, **options: calls.append((command, options)))
    monkeypatch.setenv("SYSTEMROOT", r"D:\Windows")
    sleeper.end()
    ((command, options),) = calls
    assert command[0].startswith(r"D:\Windows") and command[0].endswith("taskkill.exe")
    assert command[1:4] == ["/F", "/T", "/PID"]
    assert options["creationflags"] == 0x08000000
    assert {options[name] for name in ("stdin", "stdout", "stderr")} == {subprocess.DEVNULL}


@pytest.mark.parametrize(
    "failure", [FileNotFoundError("taskkill"), PermissionError("taskkill"), subprocess.TimeoutExpired("taskkill", 5)]
)
def test_a_worker_is_ended_even_if_taskkill_fails(
    sleeper: WorkerProcess, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise failure

    monkeypatch.setattr(subprocess, "run", fail)
    assert sleeper.end() is None
    assert sleeper.ended


def test_a_process_that_cannot_be_ended_does_not_block_the_application(
    sleeper: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object) -> None:
        raise PermissionError("Access is denied")

    monkeypatch.setattr(process, "_LONGEST_END", 0.1)
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: None)
    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "kill", refuse)
        start = time.monotonic()
        sleeper.end()
        assert time.monotonic() - start < 5 and not sleeper.ended
    sleeper.end()
    assert sleeper.ended


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (0xC0000005, "worker-crashed"),
        (0xC00000FD, "worker-crashed"),
        (0xC0000374, "worker-crashed"),
        (0xC0000409, "worker-crashed"),
        (0xC0000017, "worker-killed"),
        (1, "worker-ended"),
    ],
)
def test_exit_statuses_of_windows_are_explained_in_words(status: int, code: str) -> None:
    assert error_of_exit(status, "python", ready=True).code == code


@pytest.mark.parametrize("number", [8, 14, 1450, 1455])
def test_a_paging_file_too_small_for_torch_is_reported_as_lack_of_memory_in_any_language(number: int) -> None:
    error = OSError(f'[WinError {number}] Die Auslagerungsdatei ist zu klein. Error loading "torch\\lib\\cublas64_12.dll"')
    error.winerror = number  # type: ignore[attr-defined]
    assert error_of_exception(error).code == "out-of-memory"


@pytest.mark.parametrize(
    "error",
    [
        OSError(22, 'Error loading "C:\\Python\\Lib\\site-packages\\torch\\lib\\fbgemm.dll" or one of its dependencies.'),
        ImportError("DLL load failed while importing _C: Das angegebene Modul wurde nicht gefunden."),
    ],
)
def test_a_torch_that_lacks_a_windows_library_is_reported_as_broken(error: Exception) -> None:
    assert error_of_exception(error).code == "torch-broken"


def test_operations_that_an_apple_gpu_lacks_run_on_the_cpu_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTORCH_ENABLE_MPS_FALLBACK", raising=False)
    assert worker_environment()["PYTORCH_ENABLE_MPS_FALLBACK"] == "1"
    monkeypatch.setenv("PYTORCH_ENABLE_MPS_FALLBACK", "0")
    assert worker_environment()["PYTORCH_ENABLE_MPS_FALLBACK"] == "0"


def test_a_worker_logs_every_character_even_if_its_caller_prints_in_a_regional_encoding(
    make_client, study_of, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    log: list[str] = []
    make_client(on_log=log.append).analyse_and_wait(study_of("print"))
    assert "a library says something with ä and 脊椎" in log
