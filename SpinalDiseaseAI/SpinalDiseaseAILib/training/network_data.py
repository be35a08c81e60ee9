"""The metadata of a bundle that describe its network, by the task of the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base.anatomy import KEY_POINTS, finding
from ..base.errors import InputError
from ..models.segmentation_network import PLANES, TISSUES
from ..steps.disc_findings import MASK_FEATURES
from ..steps.disc_grades import CLASSES, FINDING, LEVELS
from ..steps.measurements.disc_features import FEATURES
from ..steps.regions import LAYOUT_OPTIONS, RegionLayout

_IMAGE = {"type": "image", "format": "magnitude", "modality": "MR"}


def network_metadata(config: dict[str, Any], members: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The keys ``network``, ``network_data_format``, ``findings`` and ``options``.

    :param members: configurations of the packed runs, in their order in the bundle.
    """
    described = {
        "localization": _localization,
        "segmentation": _segmentation,
        "classification": _classification,
        "disc grade": _disc_grade,
        "disc findings": _disc_findings,
    }
    return described[config["task"]](config, members)


def uses_encoder(config: dict[str, Any]) -> bool:
    """True if a configuration's network has the ImageNet encoder; such members come last in a bundle."""
    return bool(config.get("encoder_stages"))


def is_published(config: dict[str, Any]) -> bool:
    """True for the region classifier of the Spinal Disease 2020 system: a ResNet per finding, one class per structure."""
    return config.get("network") == "RegionResNet"


def _localization(config: dict[str, Any], members: Sequence[dict[str, Any]]) -> dict[str, Any]:
    if "network" in config:
        return _published_localization(config, members)
    arguments = {"key_points": len(KEY_POINTS), "widths": config["widths"]}
    if len(members) > 1:
        arguments |= {"members": len(members), "scales": config["scales"]}
    image = {**_IMAGE, "num_channels": 1, "spatial_shape": ["16*n", "16*n"], "spacing_mm": 1.0}
    name = "LocalizerNetwork" if len(members) == 1 else "LocalizerEnsemble"
    return _parts(name, arguments, image, "heat maps", list(KEY_POINTS), {}, {})


def _published_localization(config: dict[str, Any], members: Sequence[dict[str, Any]]) -> dict[str, Any]:
    if len(members) > 1:
        raise InputError(
            f"{len(members)} runs of a {config['network']} were given.", "It has no members.", "Pack one run.", code="run"
        )
    keys = {"VNet2d": ("widths", "kernel"), "BoxDetector": ("encoder_stages", "width")}[config["network"]]
    arguments = {"key_points": len(KEY_POINTS), **{key: config[key] for key in keys}}
    side = config["size"]
    image = {**_IMAGE, "num_channels": 1, "spatial_shape": [side, side]}
    kind = "heat maps" if config["network"] == "VNet2d" else "scores and boxes"
    options = {"side": side, "least_score": config["least_score"], "confidence": [1.0, 0.0]}
    return _parts(config["network"], arguments, image, kind, list(KEY_POINTS), {}, options)


def _segmentation(config: dict[str, Any], members: Sequence[dict[str, Any]]) -> dict[str, Any]:
    planes = {0: "plane", 1: "neighbour to the right", 2: "neighbour to the left"}
    image = {
        **_IMAGE,
        "num_channels": PLANES,
        "channel_def": planes,
        "spatial_shape": ["16*n", "16*n"],
        "spacing_mm": config["spacing"],
    }
    options = {"spacing": config["spacing"], "bias": config.get("bias", {})}
    return _parts("SegmentationNetwork", {"widths": config["widths"]}, image, "logits", dict(enumerate(TISSUES)), {}, options)


def _classification(config: dict[str, Any], members: Sequence[dict[str, Any]]) -> dict[str, Any]:
    findings = {name: list(finding(name).class_names) for name in config["findings"]}
    layout = RegionLayout.of_options(config)
    encoders = [item for item in members if uses_encoder(item)]
    small = [item for item in members if not uses_encoder(item)]
    arguments: dict[str, Any] = {
        "channels": len(layout.contrasts),
        "structures": len(KEY_POINTS),
        "outputs": sum(len(classes) for classes in findings.values()),
    }
    if is_published(config):
        if len(members) > 1:
            raise InputError(
                f"{len(members)} runs of a RegionResNet were given.", "It has no members.", "Pack one run.", code="run"
            )
        name, further = "RegionResNet", {"findings": list(findings), "widths": config["widths"]}
    else:
        name, further = "RegionNetwork", {"widths": small[0]["widths"] if small else [], "members": len(small)}
    if encoders:
        further |= {"encoder_members": len(encoders), "encoder_stages": encoders[0]["encoder_stages"]}
    image = {
        **_IMAGE,
        "num_channels": len(layout.contrasts),
        "spatial_shape": [layout.side] * 2,
        "channel_def": dict(enumerate(layout.contrasts)),
    }
    options = {key: config[key] for key in LAYOUT_OPTIONS if key in config}
    return _parts(name, arguments | further, image, "logits", findings, findings, options)


def _disc_grade(config: dict[str, Any], members: Sequence[dict[str, Any]]) -> dict[str, Any]:
    arguments = {"features": len(FEATURES), "levels": len(LEVELS), "classes": len(CLASSES)}
    values = {"type": "probabilities and features", "format": "numbers", "channel_def": list(FEATURES)}
    return _parts("DiscGradeModel", arguments, values, "log-probabilities", list(CLASSES), {FINDING: list(CLASSES)}, {})


def _disc_findings(config: dict[str, Any], members: Sequence[dict[str, Any]]) -> dict[str, Any]:
    inputs, weighed = members[0]["findings"], members[0]["weighed"]
    arguments = {"findings": list(inputs), "features": len(MASK_FEATURES), "levels": len(LEVELS)}
    values = {"type": "logits and features", "format": "numbers", "channel_def": [*inputs, *MASK_FEATURES]}
    outputs = {name: list(finding(name).class_names) for name in inputs}
    findings = {name: classes for name, classes in outputs.items() if name in weighed}
    return _parts("FindingWeights", arguments, values, "logits", outputs, findings, {})


def _parts(
    name: str, arguments: dict[str, Any], image: dict[str, Any], kind: str, channels: Any, findings: Any, options: dict[str, Any]
) -> dict[str, Any]:
    return {
        "network": {"name": name, "arguments": arguments},
        "network_data_format": {"inputs": {"image": image}, "outputs": {"pred": {"type": kind, "channel_def": channels}}},
        "findings": findings,
        "options": options,
    }
