"""The worker with the product's own analyser, models and sample study."""

from __future__ import annotations

import time

import pytest

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.errors import Cancelled
from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.base.options import Options
from SpinalDiseaseAILib.worker.client import WorkerClient


@pytest.fixture(scope="module")
def sample():
    from SpinalDiseaseAILib.reading import open_study

    return open_study([sample_folder()])


@pytest.fixture(scope="module")
def client():
    with WorkerClient(environment={"OMP_NUM_THREADS": "1"}) as running:
        yield running


def test_the_sample_is_analysed_regraded_and_cancelled_on_one_worker(client, sample):
    options = Options(device="cpu")
    stages = []
    report = client.analyse_and_wait(sample, options, on_progress=lambda *event: stages.append(event))
    assert {item.name for item in report.structures} >= set(KEY_POINTS)
    fractions = [fraction for _, fraction, _ in stages]
    assert fractions and fractions == sorted(fractions)

    points = {item.name: item.position for item in report.structures if item.name in KEY_POINTS}
    x, y, z = points["L4-L5"]
    points["L4-L5"] = (x, y + 2.0, z)
    again = client.regrade(sample, points, ["L4-L5"], options).wait()
    regraded = again.structure("L4-L5")
    assert regraded.measurement("disc_area").value and again.remeasured["L4"] and again.measurements
    assert regraded.manual and regraded.position == pytest.approx(points["L4-L5"]) and regraded.findings

    job = client.analyse(sample, options, on_progress=lambda *event: job.cancel())
    asked = time.monotonic()
    with pytest.raises(Cancelled):
        job.wait()
    assert time.monotonic() - asked < 5


def test_the_cpu_is_probed(client):
    result = client.probe("cpu").wait()
    assert result["requested"] == "cpu" and str(result["device"]).startswith("cpu")
