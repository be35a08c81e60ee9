"""A worker that dies, cannot start, sends nonsense or hangs: each has a sentence, and the next job gets a new worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from SpinalDiseaseAILib import __version__
from SpinalDiseaseAILib.base.errors import Cancelled, ComputeError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="The stand-ins are shell scripts and signals.")


@pytest.fixture
def python_that(tmp_path):
    """Makes an executable that replaces Python."""

    def make(body: str) -> str:
        path = tmp_path / "python stand-in"
        path.write_text("#!/bin/sh\n" + textwrap.dedent(body))
        path.chmod(0o755)
        return str(path)

    return make


def error_of(client, study):
    with pytest.raises(ComputeError) as caught:
        client.analyse_and_wait(study)
    return caught.value


def eventually(condition, seconds=5.0):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("script", "code", "sentence"),
    [
        ("kill", "worker-killed", "The analysis process was killed, usually because the computer ran out of memory."),
        ("exit:137", "worker-killed", "The analysis process was killed, usually because the computer ran out of memory."),
        ("abort", "worker-crashed", "The analysis process crashed."),
        ("exit:3", "worker-ended", "The analysis process ended unexpectedly (exit status 3)."),
        ("garbage", "worker-protocol", "The analysis process sent a message that is not understood."),
    ],
)
def test_a_death_is_reported_in_a_sentence_and_the_next_job_gets_a_new_worker(make_client, study_of, script, code, sentence):
    client = make_client()
    error = error_of(client, study_of(script))
    assert (error.code, error.found) == (code, sentence)
    assert error.remedy
    assert client.analyse_and_wait(study_of()).pipeline == "scripted"


def test_the_jobs_behind_a_job_that_killed_the_worker_still_run(make_client, study_of):
    client = make_client()
    deadly, behind = client.analyse(study_of("kill")), client.analyse(study_of())
    assert behind.wait().pipeline == "scripted"
    with pytest.raises(ComputeError):
        deadly.wait()


def test_the_voxels_are_sent_again_to_a_new_worker(make_client, study_of):
    client = make_client()
    study = study_of(value=3)
    process = {note.code: note.text for note in client.analyse_and_wait(study).notes}["process"]
    error_of(client, study_of("kill"))
    notes = {note.code: note.text for note in client.regrade(study, {"L4": (0, 0, 0)}, ["L4"]).wait().notes}
    assert notes["process"] != process and notes["sum"] == str(3 * 3 * 8 * 8)


def test_a_worker_that_died_while_idle_is_replaced_without_an_error(make_client, study_of):
    client = make_client()
    study = study_of(value=3)
    process = int({note.code: note.text for note in client.analyse_and_wait(study).notes}["process"])
    os.kill(process, signal.SIGKILL)
    assert eventually(lambda: not is_running(process))
    time.sleep(0.2)  # its threads end one after another, and only then is its end noticed
    notes = {note.code: note.text for note in client.regrade(study, {"L4": (0, 0, 0)}, ["L4"]).wait().notes}
    assert int(notes["process"]) != process and notes["sum"] == str(3 * 3 * 8 * 8)


def test_a_python_that_does_not_exist_is_named(make_client, study_of, tmp_path):
    error = error_of(make_client(python=tmp_path / "no python"), study_of())
    assert error.code == "no-python" and str(tmp_path / "no python") in error.found


def test_a_python_that_does_not_exist_is_reported_by_start_too(make_client, tmp_path):
    with pytest.raises(ComputeError, match="cannot be started"):
        make_client(python=tmp_path / "no python").start()


def test_an_executable_that_is_not_python_is_named(make_client, study_of):
    error = error_of(make_client(python="/bin/true"), study_of())
    assert error.code == "wrong-python"
    assert error.found == "/bin/true could not start the analysis process (exit status 0)."


def test_the_reason_why_a_python_could_not_start_is_reported(make_client, study_of, python_that):
    python = python_that("echo 'No module named SpinalDiseaseAILib' >&2; exit 1")
    assert error_of(make_client(python=python), study_of()).found.endswith("(exit status 1): No module named SpinalDiseaseAILib.")


def test_a_python_without_torch_is_reported_before_anything_runs(make_client, study_of, python_that):
    python = python_that(f'exec "{sys.executable}" -S "$@"')  # -S leaves out the installed packages
    client = make_client(python=python, arguments=("-m", "SpinalDiseaseAILib.worker"))
    error = error_of(client, study_of())
    assert error.code == "no-torch"
    assert error.found == f"PyTorch is not installed in {python}." and "pip install torch" in error.remedy


def test_a_python_that_is_too_old_is_reported_with_its_version(make_client, study_of, python_that):
    python = python_that(
        """
        echo '{"event": "hello", "protocol": 1, "software": "0.0", "python": "3.9.13", "missing": []}'
        """
    )
    error = error_of(make_client(python=python), study_of())
    assert error.code == "wrong-python" and error.found == f"{python} is Python 3.9.13."
    assert error.expected == "Python 3.11 or later is needed."


@pytest.mark.parametrize(("protocol", "software"), [(99, __version__), (1, "0.0.0")])
def test_a_worker_of_another_version_is_refused(make_client, study_of, python_that, protocol, software):
    python = python_that(
        f"""
        echo '{{"event": "hello", "protocol": {protocol}, "software": "{software}", "python": "3.12.10", "missing": []}}'
        sleep 60
        """
    )
    error = error_of(make_client(python=python), study_of())
    assert error.code == "worker-version" and "Restart" in error.remedy


def test_a_launcher_may_print_before_the_worker_speaks(make_client, study_of, python_that):
    python = python_that(f'echo "Welcome to the launcher"; exec "{sys.executable}" "$@"')
    log = []
    assert make_client(python=python, on_log=log.append).analyse_and_wait(study_of()).pipeline == "scripted"
    assert log[0] == "Welcome to the launcher"


def test_a_program_that_prints_without_end_is_abandoned(make_client, study_of, python_that):
    assert error_of(make_client(python=python_that("exec yes")), study_of()).code == "worker-protocol"


def test_a_worker_that_hangs_at_its_start_is_abandoned_after_the_time_limit(make_client, study_of, python_that):
    error = error_of(make_client(python=python_that("exec sleep 60"), start_limit=0.3), study_of())
    assert error.code == "worker-silent" and error.found == "The analysis process did not answer within 0.3 seconds."


def test_a_worker_ends_when_its_launcher_is_killed(make_client, study_of, python_that):
    python = python_that(f'"{sys.executable}" "$@"; exit $?')
    client = make_client(python=python)
    worker = int({note.code: note.text for note in client.analyse_and_wait(study_of()).notes}["process"])
    launcher = psutil.Process(worker).parent()
    job = client.analyse(study_of("sleep:30"))
    client.dispatch(0.1)
    launcher.kill()
    with pytest.raises(ComputeError) as caught:
        job.wait(10)
    assert caught.value.code == "worker-killed"
    assert eventually(lambda: not is_running(worker))


def test_shutdown_ends_the_worker_and_what_it_started(make_client, study_of, tmp_path):
    client = make_client()
    pid_file = tmp_path / "child"
    job = client.analyse(study_of(f"child:{pid_file}"))
    while not (pid_file.exists() and pid_file.read_text()):
        client.dispatch(0.05)
    child = int(pid_file.read_text())
    assert is_running(child)
    client.shutdown()
    assert eventually(lambda: not is_running(child))
    with pytest.raises(Cancelled):
        job.wait()


def test_no_callback_runs_after_shutdown(make_client, study_of):
    outcome = []
    client = make_client()
    client.analyse(study_of("sleep:30"), on_done=outcome.append, on_error=outcome.append)
    client.dispatch(0.3)
    client.shutdown()
    client.dispatch(0.1)
    assert not client.busy and not outcome


def test_a_client_can_be_used_again_after_shutdown(make_client, study_of):
    client = make_client()
    client.analyse_and_wait(study_of())
    client.shutdown()
    assert client.analyse_and_wait(study_of()).pipeline == "scripted"


def test_a_worker_whose_client_was_killed_ends_by_itself(tmp_path):
    pid_file = tmp_path / "worker"
    program = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
import numpy as np
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.study import Role, Series, Study
from SpinalDiseaseAILib.worker.client import WorkerClient
from conftest import SCRIPTED_WORKER
def study(script):
    return Study((Series(Role.SAGITTAL_T2, Image(np.ones((2, 2, 2)), np.eye(4)), description=script),))
client = WorkerClient(arguments=(SCRIPTED_WORKER,))
report = client.analyse_and_wait(study(""))
job = client.analyse(study("spin:60"))
client.dispatch(0.2)
Path({str(pid_file)!r}).write_text(dict((note.code, note.text) for note in report.notes)["process"])
time.sleep(60)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "SpinalDiseaseAI")}
    client = subprocess.Popen([sys.executable, "-c", program], env=environment)
    try:
        assert eventually(lambda: pid_file.exists() and pid_file.read_text() != "", 20)
        worker = int(pid_file.read_text())
        assert is_running(worker)
    finally:
        client.kill()
        client.wait()
    assert eventually(lambda: not is_running(worker))
