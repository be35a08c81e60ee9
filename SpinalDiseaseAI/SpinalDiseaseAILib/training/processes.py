"""The processes that torchrun starts: each takes its device; if one fails, all end, and only that one reports why."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import distributed
from torch.distributed.rendezvous import rendezvous

from ..base.errors import EXIT_COMPUTE, ComputeError, InputError
from ..steps.device import Device, choose_device
from .hardware import Hardware

PRECISION_CHOICES = ("auto", "fp32")

_WAITING = timedelta(days=1)  # the others wait while the first process stores the examples of a large data set
_BFLOAT16 = (8, 0)  # compute capability from which NVIDIA GPUs support bfloat16
_FAILED = "failed"  # key of the number of failed processes in their store
_LOST = ("closed by peer", "reset by peer", "Broken pipe")  # in messages of gloo and NCCL about a process that has ended
_SILENCE = 30.0  # seconds to wait for torchrun to end a process that has nothing to report


@contextmanager
def hardware_of_process(device: str = "auto", precision: str = "auto") -> Iterator[Hardware]:
    """The hardware of this process, which torchrun may have started as one of several.

    :param device: ``"auto"``, or a torch device. With several processes, each takes the GPU with its own number, or the CPU.
    :param precision: a precision, or ``"auto"`` for bf16 on GPUs that support it, fp16 on other NVIDIA GPUs, and fp32 elsewhere.
    :raises InputError: if the precision is not one of the choices.
    :raises ComputeError: if the device does not work, or there are fewer GPUs than processes.
    """
    if precision not in PRECISION_CHOICES:
        raise InputError(
            f"There is no precision {precision!r}.", f"Choose one of {', '.join(PRECISION_CHOICES)}.", code="precision"
        )
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        chosen = _working(device)
        yield Hardware(chosen.torch_device, chosen.description, _precision(precision, chosen.torch_device))
        return
    shared, rank, processes = next(rendezvous("env://"))
    # torchrun keeps the store when it restarts the processes: they must not be mistaken for those that ended.
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = distributed.PrefixStore(f"attempt {attempt}", shared)  # type: ignore[attr-defined]
    try:
        chosen = _working(_device_of(int(os.environ["LOCAL_RANK"]), device))
        on_gpu = chosen.torch_device.type == "cuda"
        distributed.init_process_group(
            "nccl" if on_gpu and distributed.is_nccl_available() else "gloo", store=store, rank=rank, world_size=processes
        )
        group = distributed.new_group(backend="gloo", timeout=_WAITING)
        kind = _precision(precision, chosen.torch_device)
        yield Hardware(chosen.torch_device, chosen.description, kind, rank, processes, group)
    except (Exception, KeyboardInterrupt) as error:
        if store.add(_FAILED, 1) == 1:
            if isinstance(error, RuntimeError) and any(sign in str(error) for sign in _LOST):
                raise ComputeError(
                    "Another process of the training ended without a reason.",
                    "The system may have stopped it for want of memory.",
                    "Start the same command again: the training goes on from its last checkpoint.",
                    code="process-lost",
                ) from error
            raise
        # Another process failed first and reports the reason; losing it is not one. torchrun ends this process.
        time.sleep(_SILENCE)
        raise SystemExit(EXIT_COMPUTE) from None
    distributed.destroy_process_group()


def _device_of(number: int, asked: str) -> str:
    """The device of one of several processes on a machine."""
    if asked == "auto":
        asked = "cuda" if torch.cuda.is_available() else "cpu"
    if asked == "cpu":
        return asked
    if asked != "cuda":
        raise ComputeError(
            f"Several processes cannot train on {asked}.",
            "They train on one NVIDIA GPU each, or on the processor.",
            "Choose --device cuda or --device cpu, or start one process.",
            code="device",
        )
    count = torch.cuda.device_count()
    if number >= count:
        raise ComputeError(
            f"torchrun started {number + 1} processes or more, and there are {count} GPUs.",
            remedy="Give it --nproc-per-node gpu, or --nproc-per-node with the number of GPUs.",
            code="device",
        )
    return f"cuda:{number}"


def _working(name: str) -> Device:
    """A device that works; on CUDA, set up for reproducible results.

    :raises ComputeError: if it does not work: hours of training should not move to another device unasked.
    """
    chosen = choose_device(name)
    if chosen.fallback:
        raise ComputeError(
            chosen.fallback.partition("; the processor")[0] + ".", remedy="--device cpu trains on the processor.", code="device"
        )
    if chosen.torch_device.type == "cuda":
        torch.cuda.set_device(chosen.torch_device)
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it, matrix products vary between runs
        torch.use_deterministic_algorithms(True, warn_only=True)
    return chosen


def _precision(asked: str, device: torch.device) -> str:
    if asked != "auto" or device.type != "cuda":
        return "fp32"
    return "bf16" if torch.cuda.get_device_capability(device) >= _BFLOAT16 else "fp16"
