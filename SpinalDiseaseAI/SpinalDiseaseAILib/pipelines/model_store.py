"""Models that stay loaded between analyses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from ..base.anatomy import KEY_POINTS, finding
from ..base.errors import ModelError
from ..models.box_detector import BoxDetector
from ..models.bundle import REINSTALL, Bundle, read_bundle
from ..models.disc_grade_model import DiscGradeModel
from ..models.finding_weights import FindingWeights
from ..models.loading import load_network
from ..models.localizer_network import LocalizerEnsemble, LocalizerNetwork
from ..models.region_network import RegionNetwork
from ..models.region_resnet import RegionResNet
from ..models.segmentation_network import TISSUES, SegmentationNetwork
from ..models.vnet2d import VNet2d
from ..steps.classification import Classifier
from ..steps.device import Device, choose_device, replacement
from ..steps.disc_findings import MASK_FEATURES, FindingWeigher
from ..steps.disc_grades import CLASSES, LEVELS, DiscGrader
from ..steps.heads import Heads
from ..steps.localization import ChainLocalizer, Localizer
from ..steps.measurements.disc_features import FEATURES
from ..steps.published_localization import PublishedLocalizer
from ..steps.regions import RegionLayout
from ..steps.segmentation import Segmenter
from ..steps.tissues import TissueSegmenter

_LARGEST_SIDE = 1024
"""Pixels of a view of a published localizer, whose memory grows with its square; the challenge's own images have 512."""


class ModelStore:
    """Loads each bundle once per device, and checks it then."""

    def __init__(self) -> None:
        self._devices: dict[str, Device] = {}
        self._networks: dict[tuple[str, str, str], tuple[Bundle, nn.Module]] = {}

    def device(self, requested: str) -> Device:
        """The device for a request, which is tried only once."""
        if requested not in self._devices:
            self._devices[requested] = choose_device(requested)
        return self._devices[requested]

    def give_up(self, requested: str, error: RuntimeError) -> None:
        """Use the CPU for a request from now on, because the device failed although it had passed the trial."""
        self._devices[requested] = replacement(f"The device {self._devices[requested].description} cannot run the models", error)

    def localizer(self, name: str, folder: str, device: Device) -> tuple[Localizer, Bundle]:
        """The localizer of a bundle.

        :raises ModelError: if the bundle is missing, was changed or is not a localizer.
        """
        bundle, network = self._load(name, folder, device)
        if not isinstance(network, LocalizerNetwork | LocalizerEnsemble | VNet2d | BoxDetector):
            raise ModelError(f"The model {name} does not find key points; its task is {bundle.task}.", code="model-task")
        _check_arguments(bundle, {"key_points": len(KEY_POINTS)})
        if isinstance(network, LocalizerNetwork | LocalizerEnsemble):
            return ChainLocalizer(network, device.torch_device), bundle
        side, least = bundle.options.get("side"), bundle.options.get("least_score")
        if not isinstance(side, int) or not 0 < side <= _LARGEST_SIDE or side % network.multiple:
            raise ModelError(
                f"The options of the model {name} state views of {side!r} pixels a side.",
                f"It should be a multiple of {network.multiple}, and at most {_LARGEST_SIDE}.",
                REINSTALL,
                code="model-metadata",
            )
        if not isinstance(least, float) or not 0 < least < 1:
            raise ModelError(
                f"The options of the model {name} state a least score of {least!r}.",
                "It should lie between 0 and 1.",
                REINSTALL,
                code="model-metadata",
            )
        slope, offset = _pair(bundle, "confidence")
        return PublishedLocalizer(network, device.torch_device, side, least, (slope, offset)), bundle

    def classifier(self, name: str, folder: str, device: Device) -> tuple[Classifier, Bundle]:
        """The classifier of a bundle.

        :raises ModelError: if the bundle is missing, was changed or is not a classifier.
        """
        bundle, network = self._load(name, folder, device)
        if not isinstance(network, RegionNetwork | RegionResNet):
            raise ModelError(f"The model {name} does not grade structures; its task is {bundle.task}.", code="model-task")
        try:
            heads = Heads.of_options(bundle.findings, bundle.options)
            layout = RegionLayout.of_options(bundle.options)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"The options of the model {name} cannot be read: {error!r}.", remedy=REINSTALL, code="model-metadata"
            ) from error
        outputs = sum(len(classes) for classes in bundle.findings.values())
        wanted: dict[str, Any] = {"channels": len(layout.contrasts), "structures": len(KEY_POINTS), "outputs": outputs}
        if isinstance(network, RegionResNet):
            wanted["findings"] = list(bundle.findings)
        _check_arguments(bundle, wanted)
        return Classifier(network, heads, name, device.torch_device, layout), bundle

    def segmenter(self, name: str, folder: str, device: Device) -> tuple[Segmenter, Bundle]:
        """The segmenter of a bundle.

        :raises ModelError: if the bundle is missing, was changed or is not a segmenter.
        """
        bundle, network = self._load(name, folder, device)
        if not isinstance(network, SegmentationNetwork):
            raise ModelError(f"The model {name} does not outline structures; its task is {bundle.task}.", code="model-task")
        spacing = bundle.options.get("spacing")
        if not isinstance(spacing, float) or not 0.25 <= spacing <= 4.0:
            raise ModelError(
                f"The options of the model {name} state a spacing of {spacing!r}.",
                "It should be the millimetres of a pixel, 0.25 to 4.",
                REINSTALL,
                code="model-metadata",
            )
        bias = bundle.options.get("bias", {})
        if not isinstance(bias, dict) or not all(
            key in TISSUES and isinstance(value, float) and abs(value) < 10 for key, value in bias.items()
        ):
            raise ModelError(
                f"The options of the model {name} state a bias of {bias!r}.",
                f"It should be one number per tissue, of {', '.join(TISSUES)}.",
                REINSTALL,
                code="model-metadata",
            )
        return Segmenter(TissueSegmenter(network, device.torch_device, spacing, bias), name), bundle

    def grader(self, name: str, folder: str) -> tuple[DiscGrader, Bundle]:
        """The grader of a bundle; it runs on the CPU, because it has only a few coefficients.

        :raises ModelError: if the bundle is missing, was changed or is not a grader.
        """
        bundle, network = self._load(name, folder, self.device("cpu"))
        if not isinstance(network, DiscGradeModel):
            raise ModelError(f"The model {name} does not weigh grades; its task is {bundle.task}.", code="model-task")
        _check_arguments(bundle, {"features": len(FEATURES), "levels": len(LEVELS), "classes": len(CLASSES)})
        try:
            return DiscGrader(network, bundle.options["variant"], bundle.options["without_masks"], name), bundle
        except (KeyError, ValueError) as error:
            raise ModelError(
                f"The options of the model {name} cannot be read: {error!r}.", remedy=REINSTALL, code="model-metadata"
            ) from error

    def weigher(self, name: str, folder: str) -> tuple[FindingWeigher, Bundle]:
        """The weigher of a bundle; it runs on the CPU, because it has only a few coefficients.

        :raises ModelError: if the bundle is missing, was changed or is not a weigher.
        """
        bundle, network = self._load(name, folder, self.device("cpu"))
        if not isinstance(network, FindingWeights):
            raise ModelError(f"The model {name} does not weigh findings; its task is {bundle.task}.", code="model-task")
        _check_arguments(bundle, {"features": len(MASK_FEATURES), "levels": len(LEVELS)})
        try:
            inputs = {key: finding(key).class_names for key in bundle.network["arguments"]["findings"]}
            heads = Heads.of_options(inputs, bundle.options)
            weighs = bundle.options["weighs"]
            return FindingWeigher(network, heads, tuple(bundle.findings), weighs["name"], weighs["sha256"], name), bundle
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"The options of the model {name} cannot be read: {error!r}.", remedy=REINSTALL, code="model-metadata"
            ) from error

    def _load(self, name: str, folder: str, device: Device) -> tuple[Bundle, nn.Module]:
        key = (name, folder, str(device.torch_device))
        if key not in self._networks:
            bundle = read_bundle(name, Path(folder) if folder else None)
            self._networks[key] = bundle, load_network(bundle, device.torch_device)
        return self._networks[key]


def _pair(bundle: Bundle, key: str) -> tuple[float, float]:
    """Two numbers from the options of a bundle."""
    value = bundle.options.get(key)
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(item, float) and abs(item) < 100 for item in value):
        raise ModelError(
            f"The options of the model {bundle.name} state {value!r} for {key}.",
            "It should be a slope and an offset.",
            REINSTALL,
            code="model-metadata",
        )
    return value[0], value[1]


def _check_arguments(bundle: Bundle, wanted: dict[str, Any]) -> None:
    """Refuse a network whose inputs and outputs do not match the anatomy table and the bundle's findings."""
    found = {key: bundle.network.get("arguments", {}).get(key) for key in wanted}
    if found != wanted:
        raise ModelError(
            f"The network of the model {bundle.name} has {', '.join(f'{key} {value}' for key, value in found.items())}.",
            f"Its findings need {', '.join(f'{key} {value}' for key, value in wanted.items())}.",
            REINSTALL,
            code="model-classes",
        )
