"""Models that stay loaded between analyses."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from ..base.errors import ModelError
from ..models.bundle import Bundle, read_bundle
from ..models.loading import load_network
from ..models.localizer_network import LocalizerNetwork
from ..models.region_network import RegionNetwork
from ..steps.classification import Classifier, Heads
from ..steps.device import Device, choose_device
from ..steps.localization import Localizer


class ModelStore:
    """Loads each bundle once a device, and checks it when it does."""

    def __init__(self) -> None:
        self._devices: dict[str, Device] = {}
        self._networks: dict[tuple[str, str, str], tuple[Bundle, nn.Module]] = {}

    def device(self, requested: str) -> Device:
        """The device for a request, tried out once."""
        if requested not in self._devices:
            self._devices[requested] = choose_device(requested)
        return self._devices[requested]

    def localizer(self, name: str, folder: str, device: Device) -> tuple[Localizer, Bundle]:
        """The localizer of a bundle.

        :raises ModelError: if the bundle is not there, was changed or is no localizer.
        """
        bundle, network = self._load(name, folder, device)
        if not isinstance(network, LocalizerNetwork):
            raise ModelError(f"The model {name} does not find key points; its task is {bundle.task}.", code="model-task")
        return Localizer(network, device.torch_device), bundle

    def classifier(self, name: str, folder: str, device: Device) -> tuple[Classifier, Bundle]:
        """The classifier of a bundle.

        :raises ModelError: if the bundle is not there, was changed or is no classifier.
        """
        bundle, network = self._load(name, folder, device)
        if not isinstance(network, RegionNetwork):
            raise ModelError(f"The model {name} does not grade structures; its task is {bundle.task}.", code="model-task")
        heads = Heads(bundle.findings, {key: float(value) for key, value in bundle.options.get("temperature", {}).items()})
        return Classifier(network, heads, name, device.torch_device, int(bundle.options["region_pixels"])), bundle

    def _load(self, name: str, folder: str, device: Device) -> tuple[Bundle, nn.Module]:
        key = (name, folder, str(device.torch_device))
        if key not in self._networks:
            bundle = read_bundle(name, Path(folder) if folder else None)
            self._networks[key] = bundle, load_network(bundle, device.torch_device)
        return self._networks[key]
