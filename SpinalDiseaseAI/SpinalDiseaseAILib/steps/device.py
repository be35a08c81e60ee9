"""Where networks run: the device that was asked for, tried out, or the processor with a reason."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..base.errors import ComputeError
from ..base.options import DEVICES
from ..models.efficient_encoder import EfficientEncoder
from ..models.loading import channels_last
from ..models.localizer_network import LocalizerEnsemble

_TOLERANCE = 0.1  # of the spread of the values; the short numbers that graphics cards calculate with differ by a hundredth
_LONGEST = 200  # characters of a reason


@dataclass(frozen=True)
class Device:
    """A device on which small networks ran.

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
    """The processor in place of a device.

    :param what: what is wrong with that, the first half of a sentence.
    :param error: what it raised.
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
    """Run small networks of the product's kinds of layers.

    :raises RuntimeError: or another error, if it cannot run them, or says something else than the processor.
    """
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(0)
        localizer, encoder = LocalizerEnsemble(2, (4, 8), 1, (1.0, 0.75)).eval(), EfficientEncoder(1, 2).eval()
        for layer in (*localizer.modules(), *encoder.modules()):
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)  # so that what goes in shows in what comes out
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
