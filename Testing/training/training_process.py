"""Trainings in processes of their own, which a test starts, directly or by torchrun, and may kill.

``training_process.py <job> <folder>``; jobs are the functions below. ``KILL_RANK`` and ``KILL_STEP`` name a process that ends
itself with SIGKILL after a step, at the first attempt of torchrun.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from SpinalDiseaseAILib.training import loop
from SpinalDiseaseAILib.training.hardware import Hardware
from SpinalDiseaseAILib.training.loop import Loop
from SpinalDiseaseAILib.training.processes import hardware_of_process
from SpinalDiseaseAILib.training.regions import train_regions

SMALL = {"steps": 8, "learning_rate": 0.01, "weight_decay": 0.01, "average": 0.9, "seed": 3}


def small_network() -> nn.Module:
    """A network with every kind of state: weights, running statistics, dropout."""
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))


def small_losses(model: nn.Module, generator: torch.Generator) -> Iterator[Tensor]:
    """Squared errors of a sum of four random numbers."""
    while True:
        inputs = torch.randn(16, 4, generator=generator)
        yield ((model(inputs)[:, 0].float() - inputs.sum(1)) ** 2).mean()


class TwoHeads(nn.Module):
    """A network whose second head is not always trained, like the localizer's canal head."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 1), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(x).tanh()
        return self.first(features), self.second(features)


def two_heads() -> TwoHeads:
    """The network with two heads, the same in every process."""
    torch.manual_seed(5)
    return TwoHeads()


def part_of(rank: int) -> Tensor:
    """The part of a batch that a process gets, (6, 4)."""
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(100 + rank))


def fp16(folder: Path) -> None:
    """Train the small network with scaled losses in fp16."""
    Loop(small_network(), SMALL, folder / "run", Hardware(precision="fp16")).fit(small_losses)


def regions(folder: Path) -> None:
    """Train a small grading network on the data of a test, then write the gradients that the processes have in common."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    with hardware_of_process("cpu") as hardware:
        train_regions(config, folder / "data", folder / "run", hardware)
        write_gradients(folder, hardware)
        seeds = hardware.gathered(hardware.seed(3))
        if hardware.first:
            (folder / "seeds.json").write_text(json.dumps(seeds), encoding="utf-8")


def write_gradients(folder: Path, hardware: Hardware) -> None:
    """Write the gradients of two steps of the network with two heads."""
    network = two_heads()
    model = hardware.parallel(network)
    for step in range(2):
        network.zero_grad()
        first, second = model(part_of(hardware.rank))
        # The second head counts only in the first step, and there only in the last process.
        counts = step == 0 and hardware.rank == hardware.processes - 1
        loss = first.square().mean() + (second.square().mean() if counts else 0)
        loss.backward()
        if hardware.first:
            found = {name: value.grad for name, value in network.named_parameters() if value.grad is not None}
            save_file(found, folder / f"gradients-{step}.safetensors")


def end_at(rank: int, step: int) -> None:
    """Make the process of a rank end itself after a step."""
    train = Loop._train_step

    def train_step(self: Loop, stream: Iterator[Tensor]) -> Tensor:
        loss = train(self, stream)
        if self.hardware.rank == rank and self.step == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return loss

    Loop._train_step = train_step  # type: ignore[method-assign]


if __name__ == "__main__":
    torch.set_num_threads(1)
    loop.CHECKPOINT_STEPS = 2
    if "KILL_STEP" in os.environ and os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0":
        end_at(int(os.environ["KILL_RANK"]), int(os.environ["KILL_STEP"]))
    {"fp16": fp16, "regions": regions}[sys.argv[1]](Path(sys.argv[2]))
