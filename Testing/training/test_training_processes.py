"""Training in several processes, started by torchrun; and killed runs, which resume to the same result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import training_process
from safetensors.torch import load_file

from SpinalDiseaseAILib.base.errors import ComputeError, InputError
from SpinalDiseaseAILib.training import loop, processes
from SpinalDiseaseAILib.training.hardware import Hardware
from SpinalDiseaseAILib.training.loop import Loop
from SpinalDiseaseAILib.training.processes import hardware_of_process

LIBRARY = Path(__file__).parents[2] / "SpinalDiseaseAI"


def start(*command: object, **variables: object) -> subprocess.CompletedProcess[str]:
    """Run a Python command to its end."""
    environment = os.environ | {"PYTHONPATH": str(LIBRARY), "OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}
    environment |= {name: str(value) for name, value in variables.items()}
    arguments = [sys.executable, *map(str, command)]
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120, check=False)


def torchrun(*command: object, restarts: int = 0, **variables: object) -> subprocess.CompletedProcess[str]:
    """Run a command in two processes of one training."""
    options = ("--standalone", "--nproc-per-node", 2, "--max-restarts", restarts)
    return start("-m", "torch.distributed.run", *options, *command, **variables)


def folder_of(config: dict[str, Any], data: Path, folder: Path) -> Path:
    """A folder for the training of a network with batch norm and dropout."""
    folder.mkdir()
    (folder / "data").symlink_to(data)
    (folder / "config.json").write_text(json.dumps(config | {"batch": 4, "steps": 6}), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def whole(regions_config: dict[str, Any], data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted training in two processes."""
    folder = folder_of(regions_config, data, tmp_path_factory.mktemp("two") / "whole")
    done = torchrun(training_process.__file__, "regions", folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_two_processes_give_the_gradient_of_the_whole_batch(whole: Path) -> None:
    for step in range(2):
        network = training_process.two_heads()
        first, second = network(torch.cat([training_process.part_of(0), training_process.part_of(1)]))
        (first.square().mean() + (second[6:].square().mean() / 2 if step == 0 else 0)).backward()
        found = load_file(whole / f"gradients-{step}.safetensors")
        for name, value in network.named_parameters():
            if value.grad is not None:
                assert torch.allclose(found[name], value.grad, atol=1e-6), name


def test_of_two_processes_the_first_has_the_configurations_seed_and_writes_for_both(whole: Path) -> None:
    seeds = json.loads((whole / "seeds.json").read_text(encoding="utf-8"))
    assert seeds[0] == 3 and len(set(seeds)) == 2
    assert [(entry["step"], entry["processes"]) for entry in log_of(whole)] == [(0, 2)]
    assert {path.name for path in (whole / "run").iterdir()} == {
        "config.json",
        "checkpoint.pt",
        "log.jsonl",
        "weights.safetensors",
    }


def test_a_training_in_two_processes_resumes_to_the_same_weights_after_one_is_killed(
    whole: Path, regions_config: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    killed = folder_of(regions_config, data, tmp_path / "killed")
    done = torchrun(training_process.__file__, "regions", killed, restarts=1, KILL_RANK=1, KILL_STEP=5)
    assert done.returncode == 0 and "exitcode: -9" in done.stderr, done.stderr
    assert [entry["step"] for entry in log_of(killed)] == [0, 4]
    first, second = (load_file(folder / "run" / "weights.safetensors") for folder in (whole, killed))
    assert first.keys() == second.keys() and all(torch.equal(value, second[key]) for key, value in first.items())


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_killed_run_in_fp16_resumes_with_its_loss_scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_STEPS", 2)
    hardware = Hardware(precision="fp16")
    expected = load_file(
        Loop(training_process.small_network(), training_process.SMALL, tmp_path / "whole", hardware).fit(
            training_process.small_losses
        )
    )
    done = start(training_process.__file__, "fp16", tmp_path, KILL_RANK=0, KILL_STEP=5)
    assert done.returncode == -signal.SIGKILL
    again = Loop(training_process.small_network(), training_process.SMALL, tmp_path / "run", hardware)
    assert again.step == 4 and again.scaler.state_dict()["_growth_tracker"] > 0
    found = load_file(again.fit(training_process.small_losses))
    assert all(torch.equal(found[key], value) for key, value in expected.items())


def test_a_refusal_by_all_processes_is_reported_once(regions_config: dict[str, Any], data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(regions_config | {"batch": 3}), encoding="utf-8")
    arguments = ("train", "fit", tmp_path / "mine.json", "--data", data, "--run", tmp_path / "run", "--device", "cpu")
    done = torchrun("-m", "--", "SpinalDiseaseAILib", *arguments, "--threads", 1)
    assert done.returncode != 0
    assert done.stderr.count("A batch of 3 does not divide over 2 processes.") == 1
    assert "failed unexpectedly" not in done.stderr


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The store shared by the processes of a training, for a process that believes it is one of several."""
    result = torch.distributed.HashStore()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "0")
    monkeypatch.setattr(processes, "rendezvous", lambda way: iter([(result, 0, 1)]))
    monkeypatch.setattr(processes, "_SILENCE", 0.0)
    yield result
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize("said", ["Connection closed by peer [127.0.0.1]:1", "recv: Connection reset by peer"])
def test_a_process_that_lost_another_says_so_and_what_to_do(store: Any, said: str) -> None:
    with pytest.raises(ComputeError, match="Start the same command again") as caught, hardware_of_process("cpu"):
        raise RuntimeError(said)
    assert caught.value.code == "process-lost"


def test_a_process_keeps_its_own_reason(store: Any) -> None:
    with pytest.raises(InputError, match="The file is gone"), hardware_of_process("cpu"):
        raise InputError("The file is gone.")


def test_a_process_that_fails_after_another_is_silent(store: Any) -> None:
    torch.distributed.PrefixStore("attempt 0", store).add("failed", 1)
    with pytest.raises(SystemExit) as caught, hardware_of_process("cpu"):
        raise RuntimeError("Connection closed by peer")
    assert caught.value.code == 5


@pytest.mark.parametrize("asked", ["auto", "cpu"])
def test_one_process_on_the_processor_computes_in_fp32(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with hardware_of_process(asked) as hardware:
        assert hardware == Hardware()


def test_a_device_that_does_not_work_is_refused_instead_of_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(device: torch.device) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr("SpinalDiseaseAILib.steps.device._try", broken)
    with pytest.raises(ComputeError, match=r"out of order\)\. --device cpu") as caught, hardware_of_process("cuda"):
        pass
    assert caught.value.code == "device"


def test_a_precision_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="Choose one of auto, fp32") as caught, hardware_of_process("cpu", "fp8"):
        pass
    assert caught.value.code == "precision"


def test_each_process_takes_the_gpu_with_its_number_and_none_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [processes._device_of(number, asked) for number, asked in ((0, "auto"), (1, "cuda"))] == ["cuda:0", "cuda:1"]
    with pytest.raises(ComputeError, match="there are 2 GPUs"):
        processes._device_of(2, "auto")
    with pytest.raises(ComputeError, match="cannot train on mps"):
        processes._device_of(0, "mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert processes._device_of(5, "auto") == "cpu"


@pytest.mark.parametrize(
    ("asked", "capability", "expected"), [("auto", (9, 0), "bf16"), ("auto", (7, 5), "fp16"), ("fp32", (9, 0), "fp32")]
)
def test_gpus_compute_in_bf16_where_they_can_and_in_fp16_elsewhere(
    asked: str, capability: tuple[int, int], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert processes._precision(asked, torch.device("cuda:0")) == expected
    assert processes._precision(asked, torch.device("cpu")) == "fp32"
