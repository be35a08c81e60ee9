"""The protocol: lines, events and errors, also for other programs that talk to the worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from SpinalDiseaseAILib.base import errors
from SpinalDiseaseAILib.worker import protocol
from SpinalDiseaseAILib.worker.failures import error_of_exception, error_of_exit
from SpinalDiseaseAILib.worker.process import worker_environment

LIBRARY = Path(__file__).parents[2] / "SpinalDiseaseAI"
SCRIPTED_WORKER = Path(__file__).with_name("scripted_worker.py")


@pytest.fixture
def worker():
    """The scripted worker, for conversations without a client."""
    command = [sys.executable, str(SCRIPTED_WORKER)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=worker_environment()) as process:
        yield process
        process.stdin.close()
        process.wait(10)


def say(worker, *lines: bytes) -> None:
    worker.stdin.write(b"".join(lines))
    worker.stdin.flush()


def hear(worker) -> dict[str, object]:
    return protocol.decode_event(worker.stdout.readline())


def hear_ready(worker) -> None:
    assert [hear(worker)["event"] for _ in range(2)] == ["hello", "ready"]


def test_the_first_event_states_the_versions_of_protocol_product_and_python(worker):
    assert hear(worker) == protocol.hello()


def test_the_worker_ends_on_request(worker):
    say(worker, protocol.encode({"type": "shutdown"}))
    assert worker.wait(10) == 0


def test_the_worker_ends_when_its_input_ends(worker):
    hear_ready(worker)
    worker.stdin.close()
    assert worker.wait(10) == 0
    assert worker.stdout.read() == b""


def test_lines_that_are_not_messages_are_skipped(worker):
    hear_ready(worker)
    say(
        worker,
        b"\xff nonsense\n",
        b"[1, 2]\n",
        b'{"no": "type"}\n',
        b"[" * 100_000 + b"\n",
        protocol.encode({"type": "probe", "job": "1", "device": "cpu"}),
    )
    assert hear(worker)["event"] == "done"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "dance", "job": "1"}, "unknown-job"),
        ({"type": "analyse", "job": "1", "options": {"colour": "red"}, "study": {"key": "a"}}, "options"),
        ({"type": "regrade", "job": "1", "options": {}, "study": {"key": "a"}, "points": {}, "changed": []}, "study-unknown"),
        ({"type": "analyse", "job": "1", "options": {}, "study": {"key": "a", "path": "/nowhere/study.json"}}, "schema"),
        ({"type": "analyse", "job": "1"}, "unexpected"),
    ],
)
def test_a_job_that_cannot_be_run_is_answered_with_an_error(worker, message, code):
    hear_ready(worker)
    say(worker, protocol.encode(message))
    answer = hear(worker)
    assert (answer["event"], answer["job"], answer["error"]["code"]) == ("error", "1", code)


def test_a_message_survives_the_wire_with_any_alphabet():
    message = {"type": "analyse", "text": "脊椎 é \u2028 \n", "numbers": [0.1, -1e300]}
    line = protocol.encode(message)
    assert line.count(b"\n") == 1 and protocol.decode(line) == message


@pytest.mark.parametrize("line", [b"", b"{}", b"[]\n", b"{\n", b"[" * 100_000 + b"\n", b"\xff\xfe\n", b"null\n"])
def test_a_truncated_or_foreign_line_is_refused(line):
    with pytest.raises(ValueError):
        protocol.decode(line)


@pytest.mark.parametrize(
    "event",
    [
        {"event": "dance", "job": "1"},
        {"event": "progress", "job": "1", "stage": "s", "fraction": "half", "message": ""},
        {"event": "done", "job": "1"},
        {"event": "error", "job": "1", "error": "bad"},
        {"event": "hello", "protocol": 1},
    ],
)
def test_an_event_with_missing_or_wrong_fields_is_refused(event):
    with pytest.raises(ValueError):
        protocol.decode_event(protocol.encode(event))


@pytest.mark.parametrize("name", ["InputError", "SchemaError", "ModelError", "ComputeError", "SpinalDiseaseAIError"])
def test_an_error_keeps_its_class_and_sentences(name):
    error = getattr(errors, name)("Found.", "Expected.", "Remedy.", code="a-code")
    again = protocol.error_from_dict(json.loads(json.dumps(protocol.error_to_dict(error))))
    assert type(again) is type(error)
    assert (again.found, again.expected, again.remedy, again.code) == ("Found.", "Expected.", "Remedy.", "a-code")


def test_a_cancellation_keeps_its_class():
    assert isinstance(protocol.error_from_dict(protocol.error_to_dict(errors.Cancelled())), errors.Cancelled)


@pytest.mark.parametrize(
    ("exception", "code"),
    [
        (MemoryError(), "out-of-memory"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"), "out-of-memory"),
        (ImportError("_SimpleITK.abi3.so: failed to map segment from shared object"), "out-of-memory"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"), "gpu-out-of-memory"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "no-torch"),
        (ModuleNotFoundError("No module named 'safetensors.numpy'", name="safetensors.numpy"), "missing-package"),
        (OSError("[WinError 126] Error loading C:\\torch\\lib\\c10.dll or one of its dependencies."), "torch-broken"),
        (KeyError("x"), "unexpected"),
    ],
)
def test_each_known_exception_has_its_own_sentence(exception, code):
    error = error_of_exception(exception)
    assert error.code == code and error.found.endswith(".") and error.remedy.endswith(".")


def test_the_message_of_an_unknown_exception_is_not_shown():
    assert "secret" not in str(error_of_exception(ValueError("secret")))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (-9, "worker-killed"),
        (137, "worker-killed"),
        (0xC0000017, "worker-killed"),
        (-11, "worker-crashed"),
        (139, "worker-crashed"),
        (0xC0000005, "worker-crashed"),
        (0, "worker-ended"),
        (1, "worker-ended"),
        (-15, "worker-ended"),
        (None, "worker-ended"),
    ],
)
def test_each_way_of_ending_has_its_own_sentence(status, code):
    assert error_of_exit(status, "python", ready=True).code == code


def test_the_callers_environment_is_kept_and_the_library_is_found(monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/slicer/lib/Python")
    monkeypatch.setenv("PYTHONPATH", "/slicer/modules")
    environment = worker_environment({"EXTRA": "1"})
    assert (environment["PYTHONHOME"], environment["EXTRA"]) == ("/slicer/lib/Python", "1")
    assert environment["PYTHONPATH"] == os.pathsep.join([str(LIBRARY), "/slicer/modules"])
    assert (environment["PYTHONUTF8"], environment["PYTHONUNBUFFERED"]) == ("1", "1")


def test_the_client_imports_neither_torch_nor_pydicom_nor_qt():
    program = (
        "import sys, SpinalDiseaseAILib.worker.client\n"
        "print(sorted({'torch', 'pydicom', 'monai', 'safetensors', 'qt', 'slicer', 'vtk'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY)}
    result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
