"""The device on which networks run: the requested one, if it passes a trial, else the CPU with a reason."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..base.errors import ComputeError
from ..base.options import DEVICES
from ..models.efficient_encoder import EfficientEncoder
from ..models.loading import channels_last
from ..models.localizer_network import LocalizerEnsemble

_TOLERANCE = 0.1  # of the spread of the values; the reduced precision of GPUs causes differences of about a hundredth
_LONGEST = 200  # characters of a reason


@dataclass(frozen=True)
class Device:
    """A device on which networks can run.

    :param description: for a reader, such as ``"cuda:0 (NVIDIA RTX A4000)"`` or ``"cpu"``.
    :param fallback: a sentence on why it is not the requested one; empty if it is.
    """

    torch_device: torch.device
    description: str
    fallback: str = ""


def choose_device(requested: str = "auto") -> Device:
    """The device to use.

    :param requested: one of :data:`DEVICES` or a torch device such as ``"cuda:1"``. ``"auto"`` takes the first accelerator that
        is present. A device that does not work is replaced by the CPU with a reason; ``"auto"`` on a computer without
        accelerators gives none.
    :raises ComputeError: if the name is not a device.
    """
    if requested == "auto":
        for name, there in (("cuda", torch.cuda.is_available), ("mps", torch.backends.mps.is_available)):
            if there():
                return _tried(torch.device(name), f"The device {name} is present but does not work")
        return Device(torch.device("cpu"), "cpu")
    try:
        device = torch.device(requested)
    except RuntimeError as error:
        raise ComputeError(
            f"There is no device {requested!r}.", f"Choose one of {', '.join(DEVICES)}, or a GPU such as cuda:1.", code="device"
        ) from error
    return _tried(device, f"The device {requested} cannot be used")


def replacement(what: str, error: Exception) -> Device:
    """The CPU as the replacement of a device.

    :param what: what is wrong with that device, the first half of a sentence.
    :param error: the exception that it raised.
    """
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:_LONGEST]
    return Device(torch.device("cpu"), "cpu", f"{what} ({reason}); the processor is used.")


def _tried(device: torch.device, otherwise: str) -> Device:
    try:
        _try(device)
        return Device(device, _describe(device))
    except (RuntimeError, AssertionError, ImportError) as error:
        return replacement(otherwise, error)


def _try(device: torch.device) -> None:
    """Run small networks with the kinds of layers that the product uses.

    :raises RuntimeError: or another error, if the device cannot run them or its results differ from those of the CPU.
    """
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(0)
        localizer, encoder = LocalizerEnsemble(2, (4, 8), 1, (1.0, 0.75)).eval(), EfficientEncoder(1, 2).eval()
        for layer in (*localizer.modules(), *encoder.modules()):
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)  # so that the outputs depend visibly on the inputs
        planes = torch.rand((2, 1, 32, 32))
        expected = _outputs(localizer, encoder, planes)
        found = _outputs(channels_last(localizer.to(device)), channels_last(encoder.to(device)), planes.to(device))
    for one, other in zip(expected, found, strict=True):
        if not torch.isfinite(other).all():
            raise RuntimeError("it gave no finite numbers")
        if (other - one).abs().max() > _TOLERANCE * one.std():
            raise RuntimeError("its results differ from those of the processor")


def _outputs(localizer: LocalizerEnsemble, encoder: EfficientEncoder, planes: Tensor) -> list[Tensor]:
    planes = planes.contiguous(memory_format=torch.channels_last)
    return [part.float().cpu() for part in (*localizer.probabilities(planes), encoder(planes)[-1])]


def _describe(device: torch.device) -> str:
    if device.type == "cuda":
        index = device.index or 0
        return f"cuda:{index} ({torch.cuda.get_device_name(index)})"
    return str(device)
