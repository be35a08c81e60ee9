"""An analysis whose device fails, or whose torch was built for another NumPy."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from SpinalDiseaseAILib.base.options import Options
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.pipelines import model_store
from SpinalDiseaseAILib.pipelines.analyser import Analyser
from SpinalDiseaseAILib.steps.device import Device, choose_device
from SpinalDiseaseAILib.steps.localization import ChainLocalizer

FAILING = Device(torch.device("meta"), "mps")
"""Stands in for a device that lacks an operation: reading values from it raises NotImplementedError."""


def without_masks(options: Options) -> Options:
    return replace(options, segmenter="", weigher="", grader="")


@pytest.fixture
def on_failing_device(monkeypatch: pytest.MonkeyPatch) -> Options:
    """The defaults without masks, on a device that passed the trial but fails in an analysis."""
    monkeypatch.setattr(model_store, "choose_device", lambda name: FAILING if name == "mps" else choose_device(name))
    return without_masks(Options(device="mps"))


def positions(report: Report) -> list[tuple[str, tuple[float, ...]]]:
    return [(item.name, item.position) for item in report.structures]


def test_a_device_that_lacks_an_operation_is_replaced_by_the_cpu_and_the_report_says_why(
    sample: Study, report: Report, on_failing_device: Options
) -> None:
    analyser = Analyser()
    found = analyser.analyse(sample, on_failing_device)
    (note,) = [item for item in found.notes if item.code == "device"]
    assert note.severity == "warning" and "mps cannot run the models (" in note.text and "the processor is used" in note.text
    assert positions(found) == positions(report) and found.device == "cpu"


def test_a_device_that_failed_is_not_tried_again(
    sample: Study, report: Report, on_failing_device: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyser = Analyser()
    points = {item.name: item.position for item in report.structures}
    analyser.regrade(sample, points, ("L4-L5",), on_failing_device)
    monkeypatch.setattr(model_store, "load_network", lambda *arguments: pytest.fail("a model was loaded again"))
    again = analyser.regrade(sample, points, ("L4-L5",), on_failing_device)
    assert [item.code for item in again.notes].count("device") == 1
    assert "processor" in str(analyser.probe("mps")["fallback"])


@pytest.mark.parametrize("message", ["MPS backend out of memory (MPS allocated: 1 GB)", "CUDA out of memory. Tried to allocate"])
def test_a_device_that_runs_out_of_memory_is_replaced_only_for_this_study(
    sample: Study, on_failing_device: Options, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    locate = ChainLocalizer.locate

    def short(self: ChainLocalizer, *arguments: object, **options: object) -> object:
        if self.device.type == "meta":
            raise RuntimeError(message)
        return locate(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ChainLocalizer, "locate", short)
    freed: list[bool] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: freed.append(True))
    analyser = Analyser()
    found = analyser.analyse(sample, on_failing_device)
    assert freed, "other programs get the memory back that is not used any more"
    assert [item.text for item in found.notes if item.code == "device"] == [
        "The graphics card had too little free memory; the processor was used."
    ]
    assert analyser.probe("mps")["fallback"] == ""


def test_an_error_on_the_cpu_is_not_hidden(sample: Study, cpu: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **options: object) -> object:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(ChainLocalizer, "locate", broken)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        Analyser().analyse(sample, cpu)


def test_an_analysis_does_not_need_the_bridge_between_torch_and_numpy(
    sample: Study, report: Report, cpu: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*arguments: object) -> None:
        raise RuntimeError("Numpy is not available")

    monkeypatch.setattr(torch, "from_numpy", unavailable)
    monkeypatch.setattr(torch.Tensor, "numpy", unavailable)
    monkeypatch.setattr(torch.Tensor, "__array__", unavailable)
    found = Analyser().analyse(sample, cpu)
    assert found.structures == report.structures and found.masks is not None
