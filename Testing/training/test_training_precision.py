"""Every training, in the lower precisions that GPUs use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from SpinalDiseaseAILib.training.cli import configuration, training_of
from SpinalDiseaseAILib.training.hardware import Hardware

NETWORKS: dict[str, dict[str, Any]] = {
    "localizer": {},
    "segmentation": {
        "task": "segmentation",
        "datasets": {"spider_space": 1.0},
        "widths": [4, 4, 6, 6],
        "view": [96, 64],
        "spacing": 2.0,
        "painted": 0.3,
    },
    "heat maps": {"network": "VNet2d", "datasets": {"tianchi2020": 1.0}, "widths": [2, 4], "kernel": 3, "size": 64, "sigma": 2.0},
    "boxes": {"network": "BoxDetector", "datasets": {"tianchi2020": 1.0}, "encoder_stages": 4, "width": 8, "size": 64},
    "published regions": configuration("spinal-disease-2020-resnet") | {"widths": [4, 6, 8, 8]},
}


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("name", [*NETWORKS, "regions"])
def test_a_step_in_a_lower_precision_gives_finite_weights(
    name: str, precision: str, localizer_config: dict[str, Any], regions_config: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    config = regions_config if name == "regions" else localizer_config | NETWORKS[name]
    config = config | {"steps": 1, "batch": 2}
    weights = load_file(training_of(config)(config, data, tmp_path / "run", Hardware(precision=precision)))
    assert all(torch.isfinite(value).all() for value in weights.values())
