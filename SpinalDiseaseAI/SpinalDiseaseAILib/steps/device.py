"""Where networks run: the device that was asked for, tried out, or the processor with a reason."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..base.errors import ComputeError
from ..base.options import DEVICES


@dataclass(frozen=True)
class Device:
    """A device on which a small network ran.

    :param description: for a reader, such as ``"cuda:0 (NVIDIA RTX A4000)"`` or ``"cpu"``.
    :param fallback: sentence that says why it is not the one asked for; empty if it is.
    """

    torch_device: torch.device
    description: str
    fallback: str = ""


def choose_device(requested: str = "auto") -> Device:
    """The device to use.

    :param requested: one of :data:`DEVICES` or a torch device such as ``"cuda:1"``. ``"auto"`` takes the first that works; it
        says nothing where there is only the processor; another that does not work falls back to the processor with a sentence.
    :raises ComputeError: if the name is no device.
    """
    if requested == "auto":
        for name, there in (("cuda", torch.cuda.is_available), ("mps", torch.backends.mps.is_available)):
            if there():
                problem = _try(torch.device(name))
                if not problem:
                    return Device(torch.device(name), _describe(torch.device(name)))
                return Device(
                    torch.device("cpu"),
                    "cpu",
                    f"The device {name} is there but does not work ({problem}); the processor is used.",
                )
        return Device(torch.device("cpu"), "cpu")
    try:
        device = torch.device(requested)
    except RuntimeError as error:
        raise ComputeError(
            f"There is no device {requested!r}.", f"Choose one of {', '.join(DEVICES)}, or one such as cuda:1.", code="device"
        ) from error
    problem = _try(device)
    if problem:
        return Device(torch.device("cpu"), "cpu", f"The device {requested} cannot be used ({problem}); the processor is used.")
    return Device(device, _describe(device))


def _try(device: torch.device) -> str:
    """Run a small convolution; the first line of what went wrong, or an empty text."""
    try:
        layer = torch.nn.Conv2d(1, 2, 3).to(device)
        with torch.inference_mode():
            result = layer(torch.ones((1, 1, 8, 8), device=device)).cpu()
        return "" if torch.isfinite(result).all() else "it gave no finite numbers"
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _describe(device: torch.device) -> str:
    if device.type == "cuda":
        index = device.index or 0
        return f"cuda:{index} ({torch.cuda.get_device_name(index)})"
    return str(device)
