"""The hardware of a training: device, arithmetic precision, and the processes that share a batch."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from ..base.errors import InputError

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""Precision to the type in which convolutions and matrix products run; weights are always kept in fp32."""

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Hardware:
    """The device of one process, and its place among the processes of a training.

    :param device: where the network runs.
    :param description: human-readable device, such as ``"cuda:0 (NVIDIA H100)"``.
    :param precision: one of :data:`PRECISIONS`.
    :param rank: number of this process, from 0; only the first writes files.
    :param processes: number of processes that share a batch.
    :param group: the group of processes for values in CPU memory; None for a single process.
    """

    device: torch.device = _CPU
    description: str = "cpu"
    precision: str = "fp32"
    rank: int = 0
    processes: int = 1
    group: Any = None

    @property
    def first(self) -> bool:
        """True in the process that writes logs, checkpoints and weights."""
        return self.rank == 0

    @property
    def conditions(self) -> dict[str, Any]:
        """The conditions under which a run must be resumed, so that interruptions do not affect the result."""
        return {"device": self.device.type, "precision": self.precision, "processes": self.processes}

    def share(self, batch: int) -> int:
        """This process's part of a batch.

        :raises InputError: if the batch cannot be divided evenly among the processes.
        """
        if batch % self.processes:
            raise InputError(
                f"A batch of {batch} does not divide over {self.processes} processes.",
                remedy="Give torchrun a number of processes that divides it, or change the batch in the configuration.",
                code="batch",
            )
        return batch // self.processes

    def seed(self, seed: int) -> int:
        """The seed of this process's views and dropout: the given one in the first process, a different one in each other."""
        if self.first:
            return seed
        return int(np.random.SeedSequence([seed, self.rank]).generate_state(1, np.uint32)[0])

    def autocast(self) -> AbstractContextManager[object]:
        """A context in which a loss is computed in the chosen precision."""
        return torch.autocast(self.device.type, dtype=PRECISIONS[self.precision], enabled=self.precision != "fp32")

    def scaler(self) -> torch.amp.GradScaler:
        """A scaler of losses that keeps small gradients from vanishing in fp16; it changes nothing in other precisions.

        The first steps of a training in fp16 only find the scale: steps that overflow are skipped.
        """
        warnings.filterwarnings("ignore", r"Detected call of `lr_scheduler.step\(\)` before")  # skipped steps count as well
        return torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")

    def synchronized(self, network: nn.Module) -> nn.Module:
        """The network with batch norm over the whole batch if several GPUs share it.

        There is no such layer for CPUs, and if parts of a network do not run in one of the processes, the others would wait for
        it forever. In these cases, each process normalizes its own part, and the running statistics of the first are kept.
        """
        if self.processes > 1 and self.device.type == "cuda" and not getattr(network, "conditional", False):
            result: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)
            return result
        return network

    def parallel(self, network: nn.Module) -> nn.Module:
        """The network itself, or a wrapper that averages gradients over the processes.

        Parts may have no gradient in a step, such as a head whose structure no plane of the batch shows.
        """
        if self.processes == 1:
            return network
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=devices, find_unused_parameters=True)

    def moved(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """A batch, moved to the device."""
        return tuple(item.to(self.device, non_blocking=True) for item in batch)

    def gathered(self, value: Any) -> list[Any] | None:
        """The values of all processes by rank in the first process, None in the others; every process must call this."""
        if self.processes == 1:
            return [value]
        result: list[Any] | None = [None] * self.processes if self.first else None
        distributed.gather_object(value, result, dst=0, group=self.group)
        return result

    def wait(self) -> None:
        """Wait until every process has called this."""
        if self.processes > 1:
            distributed.barrier(group=self.group)

    def random_state(self) -> dict[str, Tensor]:
        """State of the random numbers that networks draw themselves, for dropout and stochastic depth."""
        state = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device)
        elif self.device.type == "mps":
            state["mps"] = torch.mps.get_rng_state()
        return state

    def set_random_state(self, state: dict[str, Tensor]) -> None:
        """Restore a state from :meth:`random_state`."""
        torch.set_rng_state(state["cpu"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"], self.device)
        elif self.device.type == "mps":
            torch.mps.set_rng_state(state["mps"])


PROCESSOR = Hardware()
"""One process on the CPU, in fp32."""
