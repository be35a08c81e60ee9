"""What a bundle's metadata says of its network, by the task of the configuration."""

from __future__ import annotations

from typing import Any

from ..base.anatomy import KEY_POINTS, finding
from ..models.segmentation_network import PLANES, TISSUES
from ..steps.classification import CONTRASTS

_IMAGE = {"type": "image", "format": "magnitude", "modality": "MR"}


def network_metadata(config: dict[str, Any], members: int) -> dict[str, Any]:
    """The keys ``network``, ``network_data_format``, ``findings`` and ``options``.

    :param members: number of runs that are packed.
    """
    described = {"localization": _localization, "segmentation": _segmentation, "classification": _classification}
    return described[config["task"]](config, members)


def _localization(config: dict[str, Any], members: int) -> dict[str, Any]:
    arguments = {"key_points": len(KEY_POINTS), "widths": config["widths"]}
    if members > 1:
        arguments |= {"members": members, "scales": config["scales"]}
    image = {**_IMAGE, "num_channels": 1, "spatial_shape": ["16*n", "16*n"], "spacing_mm": 1.0}
    name = "LocalizerNetwork" if members == 1 else "LocalizerEnsemble"
    return _parts(name, arguments, image, "heat maps", list(KEY_POINTS), {}, {})


def _segmentation(config: dict[str, Any], members: int) -> dict[str, Any]:
    planes = {0: "plane", 1: "neighbour to the right", 2: "neighbour to the left"}
    image = {
        **_IMAGE,
        "num_channels": PLANES,
        "channel_def": planes,
        "spatial_shape": ["16*n", "16*n"],
        "spacing_mm": config["spacing"],
    }
    options = {"spacing": config["spacing"]}
    return _parts("SegmentationNetwork", {"widths": config["widths"]}, image, "logits", dict(enumerate(TISSUES)), {}, options)


def _classification(config: dict[str, Any], members: int) -> dict[str, Any]:
    findings = {name: list(finding(name).class_names) for name in config["findings"]}
    side = config["region_pixels"]
    arguments = {
        "channels": len(CONTRASTS),
        "structures": len(KEY_POINTS),
        "outputs": sum(len(classes) for classes in findings.values()),
        "widths": config["widths"],
        "members": members,
        "encoder_stages": config.get("encoder_stages", 0),
    }
    image = {**_IMAGE, "num_channels": len(CONTRASTS), "spatial_shape": [side] * 2, "channel_def": dict(enumerate(CONTRASTS))}
    return _parts("RegionNetwork", arguments, image, "logits", findings, findings, {"region_pixels": side})


def _parts(
    name: str, arguments: dict[str, Any], image: dict[str, Any], kind: str, channels: Any, findings: Any, options: dict[str, Any]
) -> dict[str, Any]:
    return {
        "network": {"name": name, "arguments": arguments},
        "network_data_format": {"inputs": {"image": image}, "outputs": {"pred": {"type": kind, "channel_def": channels}}},
        "findings": findings,
        "options": options,
    }
