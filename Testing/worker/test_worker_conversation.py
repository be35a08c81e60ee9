"""Programs that use the protocol directly, and leave something out of a job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from SpinalDiseaseAILib.base.json_io import write_study
from SpinalDiseaseAILib.base.masks import LABELS

LIBRARY = Path(__file__).parents[2] / "SpinalDiseaseAI"
SCRIPTED_WORKER = Path(__file__).with_name("scripted_worker.py")


@pytest.fixture
def study(study_of, tmp_path) -> dict[str, str]:
    """The entry of a job for a study whose analysis gives masks."""
    folder = tmp_path / "study"
    folder.mkdir()
    return {"key": "k", "path": str(write_study(study_of("masks", value=3), folder))}


def answers(*messages: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The worker's answer to each job."""
    lines = "".join(json.dumps(message) + "\n" for message in (*messages, {"type": "wait"}))
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY)}
    worker = subprocess.Popen([sys.executable, SCRIPTED_WORKER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with worker:
        worker.stdin.write(lines.encode())
        worker.stdin.flush()
        found: dict[str, dict[str, Any]] = {}
        while len(found) < len(messages):
            event = json.loads(worker.stdout.readline())
            if event["event"] in ("done", "error"):
                found[event["job"]] = event
        worker.stdin.close()
    return found


def test_without_a_folder_the_report_is_returned_without_masks(study, tmp_path):
    job = {"type": "analyse", "study": study, "options": {}}
    found = answers({**job, "job": "plain"}, {**job, "job": "masks", "folder": str(tmp_path)})
    assert found["plain"]["event"] == "done" and "masks" not in found["plain"]
    assert found["plain"]["result"]["schema"] == "spinal-disease-ai/report"
    assert found["masks"]["masks"]["names"] == {str(LABELS["L4-L5"]): "L4-L5"}
    assert (tmp_path / found["masks"]["masks"]["file"]).is_file()


def test_a_study_that_the_worker_was_not_given_is_refused_and_the_next_job_runs(study):
    job, other = {"type": "analyse", "options": {}}, {"key": "other"}
    found = answers({**job, "job": "1", "study": other}, {**job, "job": "2", "study": study}, {**job, "job": "3", "study": other})
    for refused in ("1", "3"):  # also if it holds another study
        assert (found[refused]["event"], found[refused]["error"]["code"]) == ("error", "study-unknown")
    assert found["2"]["event"] == "done"


def test_integer_coordinates_are_accepted(study):
    job = {"type": "regrade", "job": "1", "study": study, "options": {}, "changed": ["L4"]}
    result = answers({**job, "points": {"L4": [1, 2, 3]}})["1"]["result"]
    assert result["structures"][0]["position"] == [1.0, 2.0, 3.0]


def test_the_folder_of_masks_is_removed_at_the_end_of_the_job_and_not_by_garbage_collection(
    make_client, study_of, temporary_folder
):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        assert make_client().analyse(study_of("masks", value=3)).wait().masks is not None
        assert list(temporary_folder.iterdir()) == []
    assert [str(item.message) for item in told if "mplicitly cleaning up" in str(item.message)] == []
