"""Jobs of a client with a healthy worker."""

from __future__ import annotations

import threading
import time

import pytest

from SpinalDiseaseAILib.base.errors import ComputeError, InputError, SchemaError
from SpinalDiseaseAILib.base.options import Options
from SpinalDiseaseAILib.worker.exchange import StudyFiles


def notes_of(report):
    return {note.code: note.text for note in report.notes}


def test_an_analysis_returns_the_report_of_the_voxels_that_were_sent(client, study_of):
    study = study_of(value=7)
    report = client.analyse_and_wait(study)
    assert report.pipeline == "scripted"
    assert report.series == (study.primary.identity(),)
    assert notes_of(report)["sum"] == str(7 * 3 * 8 * 8)


def test_progress_comes_in_order_with_stage_fraction_and_message(client, study_of):
    heard = []
    client.analyse_and_wait(study_of("one two three"), on_progress=lambda *event: heard.append(event))
    assert heard == [("script", 0.0, "one"), ("script", 0.1, "two"), ("script", 0.2, "three")]


def test_a_job_starts_at_once_and_nothing_is_called_until_dispatch(client, study_of):
    done = []
    client.probe().wait()
    before = time.monotonic()
    job = client.analyse(study_of("spin:0.3"), on_done=done.append)
    assert time.monotonic() - before < 0.2
    time.sleep(0.4)
    assert client.busy and not done
    before = time.monotonic()
    assert job.wait() is done[0]
    assert time.monotonic() - before < 0.3


def test_an_error_that_occurs_at_once_is_also_reported_by_dispatch(make_client, study_of, tmp_path):
    errors = []
    client = make_client(python=tmp_path / "no python")
    job = client.analyse(study_of(), on_error=errors.append)
    assert client.busy and not job.finished and not errors
    client.dispatch()
    assert job.finished and errors[0].code == "no-python" and not client.busy


def test_callbacks_run_on_the_thread_that_dispatches(client, study_of):
    threads = set()

    def note(*_event):
        threads.add(threading.get_ident())

    client.analyse(study_of("one"), on_progress=note, on_done=note)
    client.analyse(study_of("input-error"), on_error=note)
    while client.busy:
        client.dispatch(0.05)
    assert threads == {threading.get_ident()}


def test_a_callback_may_start_the_next_job(client, study_of):
    jobs = []
    client.analyse(study_of("one"), on_done=lambda report: jobs.append(client.probe("cpu"))).wait()
    assert jobs[0].wait()["requested"] == "cpu"


def test_an_error_in_a_callback_reaches_the_caller_and_the_client_stays_usable(client, study_of):
    with pytest.raises(ZeroDivisionError):
        client.analyse(study_of(), on_done=lambda report: 1 / 0).wait()
    assert client.analyse_and_wait(study_of()).pipeline == "scripted"


def test_the_second_job_runs_in_the_same_warm_process(client, study_of):
    first, second = (notes_of(client.analyse_and_wait(study_of(value=value))) for value in (1, 2))
    assert first["process"] == second["process"]


def test_jobs_run_one_after_another_in_the_order_they_were_given(client, study_of):
    order = []
    client.analyse(study_of("sleep:0.1"), on_done=lambda report: order.append("first"))
    client.probe(on_done=lambda result: order.append("second"))
    client.analyse(study_of(), on_done=lambda report: order.append("third")).wait()
    assert order == ["first", "second", "third"]


def test_a_regrade_gives_the_changed_structures_at_the_given_points(client, study_of):
    points = {"L4": (1.5, -2.0, 30.0), "L4-L5": (1.0, -1.0, 12.25)}
    report = client.regrade(study_of(), points, ["L4-L5"], Options()).wait()
    assert [(item.name, item.position) for item in report.structures] == [("L4-L5", (1.0, -1.0, 12.25))]


def test_a_point_that_is_not_a_number_is_refused_and_the_client_stays_usable(client, study_of, temporary_folder):
    job = client.regrade(study_of(), {"L4": (float("nan"), 0.0, 0.0)}, ["L4"])
    with pytest.raises(InputError, match="not a number"):
        job.wait()
    assert list(temporary_folder.iterdir()) == [] and not client.busy
    assert client.analyse_and_wait(study_of()).structures == ()


def test_a_regrade_does_not_send_the_voxels_again(client, study_of, temporary_folder, monkeypatch):
    client.analyse_and_wait(study_of())
    monkeypatch.setattr("SpinalDiseaseAILib.worker.job_queue.StudyFiles", None)  # any use of it fails
    report = client.regrade(study_of(), {"L4": (0, 0, 0)}, ["L4"]).wait()
    assert notes_of(report)["same-study"] == "True"


def test_voxels_that_were_changed_in_place_are_sent_again(client, study_of):
    study = study_of(value=1)
    client.analyse_and_wait(study)
    study.primary.image.voxels[:] = 5
    assert notes_of(client.regrade(study, {"L4": (0, 0, 0)}, ["L4"]).wait())["sum"] == str(5 * 3 * 8 * 8)


def test_the_voxels_are_sent_again_after_a_study_that_could_not_be_read(client, study_of, monkeypatch):
    class DamagedFiles(StudyFiles):
        def __init__(self, study):
            super().__init__(study)
            self.path.with_name("series-0.npy").unlink()

    study = study_of(value=4)
    client.analyse_and_wait(study)
    with monkeypatch.context() as patch:
        patch.setattr("SpinalDiseaseAILib.worker.job_queue.StudyFiles", DamagedFiles)
        with pytest.raises(SchemaError):
            client.analyse_and_wait(study_of(value=5))
    assert notes_of(client.regrade(study, {"L4": (0, 0, 0)}, ["L4"]).wait())["sum"] == str(4 * 3 * 8 * 8)


def test_a_probe_returns_what_the_analyser_says(client):
    assert client.probe("cuda").wait() == {
        "requested": "cuda",
        "device": "cpu",
        "description": "scripted",
        "fallback": "",
    }


def test_output_of_libraries_goes_to_the_log_and_not_into_the_protocol(make_client, study_of):
    log = []
    make_client(on_log=log.append).analyse_and_wait(study_of("print"))
    assert log[-3:] == ["a library says something with ä and 脊椎", "a compiled library says something", "a child says something"]


def test_a_library_that_reads_standard_input_gets_nothing_of_the_protocol(make_client, study_of):
    assert make_client().analyse(study_of("read-input")).wait(10).pipeline == "scripted"


def test_the_worker_speaks_utf8_in_any_locale(make_client, study_of):
    heard = []
    client = make_client(environment={"LC_ALL": "C", "LANG": "C"})
    report = client.analyse_and_wait(study_of("腰椎-é"), on_progress=lambda *event: heard.append(event[2]))
    assert heard == ["腰椎-é"] and notes_of(report)["utf8"] == "1"


def test_an_error_for_the_user_comes_back_as_the_same_class_with_every_sentence(client, study_of):
    with pytest.raises(InputError) as caught:
        client.analyse_and_wait(study_of("input-error"))
    error = caught.value
    assert (error.found, error.expected) == ("There is no sagittal series.", "One is needed.")
    assert (error.remedy, error.code, error.exit_status) == ("Choose another study.", "no-sagittal-series", 3)


@pytest.mark.parametrize(
    ("script", "code", "sentence"),
    [
        ("memory", "out-of-memory", "The computer ran out of memory."),
        ("cuda", "gpu-out-of-memory", "The GPU ran out of memory."),
        ("bug", "unexpected", "The analysis failed unexpectedly (ZeroDivisionError)."),
    ],
)
def test_an_exception_becomes_a_sentence_and_the_worker_keeps_running(client, study_of, script, code, sentence):
    with pytest.raises(ComputeError) as caught:
        client.analyse_and_wait(study_of(script))
    assert (caught.value.code, caught.value.found) == (code, sentence)
    assert caught.value.remedy
    assert client.analyse_and_wait(study_of()).pipeline == "scripted"


def test_the_traceback_of_an_unexpected_exception_is_in_the_log(make_client, study_of):
    log = []
    client = make_client(on_log=log.append)
    with pytest.raises(ComputeError):
        client.analyse_and_wait(study_of("bug"))
    client.dispatch(0.2)
    assert any("Traceback" in line for line in log) and "ZeroDivisionError" in log[-1]


def test_a_job_continues_after_waiting_for_it_has_timed_out(client, study_of):
    job = client.analyse(study_of("sleep:0.3"))
    with pytest.raises(TimeoutError):
        job.wait(0.1)
    assert job.wait(10).pipeline == "scripted"
