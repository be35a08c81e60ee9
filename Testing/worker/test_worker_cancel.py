"""Cancelling: within a second if the analysis reports progress, by force if it does not."""

from __future__ import annotations

import time

import pytest

from SpinalDiseaseAILib.base.errors import Cancelled


def run_until_progress(client, job_of):
    """Start a job and dispatch until its first progress."""
    heard = []
    job = job_of(lambda *event: heard.append(event))
    while not heard:
        client.dispatch(0.05)
    return job


def test_a_running_job_stops_within_a_second_and_the_worker_stays_warm(client, study_of):
    before = client.probe().wait()
    process = {note.code: note.text for note in client.analyse_and_wait(study_of()).notes}["process"]
    job = run_until_progress(client, lambda heard: client.analyse(study_of("sleep:30"), on_progress=heard))
    asked = time.monotonic()
    job.cancel()
    with pytest.raises(Cancelled):
        job.wait()
    assert time.monotonic() - asked < 1
    assert client.probe().wait() == before
    assert {note.code: note.text for note in client.analyse_and_wait(study_of()).notes}["process"] == process


def test_progress_may_cancel_by_raising(client, study_of):
    def stop(*_event):
        raise Cancelled

    with pytest.raises(Cancelled) as caught:
        client.analyse_and_wait(study_of("sleep:30"), on_progress=stop)
    assert caught.value.exit_status == 130


def test_no_progress_is_reported_after_a_cancellation(client, study_of):
    heard = []
    job = client.analyse(study_of("sleep:30"), on_progress=lambda *event: (heard.append(event), job.cancel()))
    with pytest.raises(Cancelled):
        job.wait()
    assert len(heard) == 1


def test_a_job_that_ignores_its_cancellation_is_killed_and_the_next_one_runs(make_client, study_of):
    client = make_client(cancel_grace=0.3)
    job = run_until_progress(client, lambda heard: client.analyse(study_of("spin:30"), on_progress=heard))
    job.cancel()
    asked = time.monotonic()
    with pytest.raises(Cancelled):
        job.wait()
    assert time.monotonic() - asked < 2
    assert client.analyse_and_wait(study_of()).pipeline == "scripted"


def test_a_result_that_arrives_after_a_cancellation_is_ignored(client, study_of):
    outcome = []
    client.probe().wait()
    job = client.analyse(study_of("spin:0.1"), on_done=outcome.append, on_error=outcome.append)
    client.dispatch()
    time.sleep(0.3)
    job.cancel()
    while client.busy:
        client.dispatch(0.05)
    assert [type(item) for item in outcome] == [Cancelled]


def test_a_job_that_still_waits_is_cancelled_without_stopping_the_running_one(client, study_of):
    running = client.analyse(study_of("sleep:0.2"))
    waiting = client.analyse(study_of("kill"))
    waiting.cancel()
    assert running.wait().pipeline == "scripted"
    with pytest.raises(Cancelled):
        waiting.wait()


def test_an_interrupted_caller_leaves_no_running_job(client, study_of):

    def interrupt(*_event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.analyse_and_wait(study_of("sleep:30"), on_progress=interrupt)
    asked = time.monotonic()
    client.probe().wait()
    assert time.monotonic() - asked < 1


def test_a_job_is_cancelled_at_once_while_the_worker_is_still_loading(make_client, study_of):
    program = "import time; from SpinalDiseaseAILib.worker.server import serve; serve(lambda: time.sleep(30))"
    client = make_client(arguments=("-c", program))
    job = client.analyse(study_of())
    client.dispatch(0.3)
    job.cancel()
    asked = time.monotonic()
    with pytest.raises(Cancelled):
        job.wait()
    assert time.monotonic() - asked < 0.5
