"""Images pass through a temporary folder, and nothing remains there."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from SpinalDiseaseAILib.base.errors import ComputeError, InputError
from SpinalDiseaseAILib.base.json_io import read_study
from SpinalDiseaseAILib.base.temporary_folders import PREFIX, remove_stale
from SpinalDiseaseAILib.worker.exchange import StudyFiles


def make_old(folder: Path) -> None:
    os.utime(folder, (time.time() - 3600,) * 2)


def test_the_voxels_are_removed_as_soon_as_the_worker_has_read_them(make_client, study_of, temporary_folder):
    client = make_client()
    left = []
    client.analyse(study_of("one sleep:0.3"), on_progress=lambda *event: left.append(list(temporary_folder.rglob("*.*")))).wait()
    assert left[-1] == []  # no files: the folder for the masks of the running job is still empty


@pytest.mark.parametrize("script", ["", "input-error", "kill", "garbage"])
def test_no_files_are_left_however_a_job_ends(make_client, study_of, temporary_folder, script):
    job = make_client().analyse(study_of(script))
    with contextlib.suppress(ComputeError, InputError):
        job.wait()
    assert list(temporary_folder.iterdir()) == []


def test_no_files_are_left_after_a_shutdown_during_a_job(make_client, study_of, temporary_folder):
    program = (
        "import sys, time\n"
        "from SpinalDiseaseAILib.worker.protocol import encode, hello\n"
        "sys.stdout.buffer.write(encode(hello()) + encode({'event': 'ready'}))\n"
        "sys.stdout.flush()\n"
        "time.sleep(60)\n"
    )
    client = make_client(arguments=("-c", program))
    client.analyse(study_of())
    while not list(temporary_folder.iterdir()):
        client.dispatch(0.05)
    client.shutdown()
    assert list(temporary_folder.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Permissions are those of POSIX.")
def test_only_the_user_can_read_the_images(study_of):
    files = StudyFiles(study_of())
    assert stat.S_IMODE(files.path.parent.stat().st_mode) == 0o700
    files.remove()


def test_a_study_read_back_from_its_files_is_the_same(study_of):
    study = study_of("words", value=9)
    files = StudyFiles(study)
    assert read_study(files.path).primary.identity() == study.primary.identity()
    files.remove()


def test_the_folder_of_a_killed_client_is_removed_by_the_next_start(make_client, temporary_folder):
    program = (
        "import os, numpy as np, tempfile\n"
        f"tempfile.tempdir = {str(temporary_folder)!r}\n"
        "from SpinalDiseaseAILib.base.geometry import Image\n"
        "from SpinalDiseaseAILib.base.study import Role, Series, Study\n"
        "from SpinalDiseaseAILib.worker.exchange import StudyFiles\n"
        "files = StudyFiles(Study((Series(Role.SAGITTAL_T2, Image(np.ones((2, 2, 2)), np.eye(4))),)))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "SpinalDiseaseAI")}
    subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    (left,) = temporary_folder.iterdir()
    assert left.name.startswith(PREFIX) and (left / "series-0.npy").exists()
    make_old(left)
    make_client().start()
    assert list(temporary_folder.iterdir()) == []


def test_the_folder_of_a_living_client_is_left_alone(study_of):
    files = StudyFiles(study_of())
    make_old(files.path.parent)
    remove_stale()
    assert files.path.exists()
    files.remove()
    assert not files.path.parent.exists()


def test_a_folder_that_is_just_being_made_is_left_alone(temporary_folder):
    young = temporary_folder / f"{PREFIX}young"
    young.mkdir()
    (young / "in-use").touch()
    remove_stale()
    assert young.exists()


def test_folders_of_other_programs_are_left_alone(temporary_folder):
    other = temporary_folder / "other"
    other.mkdir()
    make_old(other)
    remove_stale()
    assert other.exists()


def test_a_temporary_folder_that_cannot_be_written_is_reported_in_a_sentence(make_client, study_of, tmp_path, monkeypatch):
    client = make_client()
    client.probe().wait()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(ComputeError) as caught:
        client.analyse_and_wait(study_of())
    assert caught.value.code == "temporary-folder" and str(tmp_path / "gone") in caught.value.found
    monkeypatch.undo()
    assert client.analyse_and_wait(study_of()).pipeline == "scripted"


def test_a_computer_without_any_temporary_folder_is_reported_in_a_sentence(make_client, study_of, monkeypatch):
    def nowhere():
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(ComputeError, match="No usable temporary directory") as caught:
        make_client().analyse_and_wait(study_of())
    assert caught.value.code == "temporary-folder"
