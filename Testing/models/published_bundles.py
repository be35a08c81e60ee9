"""Bundles of the published localizers with initial weights, and maps of a network that knows the positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.options import SHORT_NAMES
from SpinalDiseaseAILib.models.loading import build
from SpinalDiseaseAILib.steps.point_scores import PointScores
from SpinalDiseaseAILib.training.bundle_files import pack

SIDE = 128
NETWORKS: dict[str, dict[str, Any]] = {
    "heatmap": {"name": "VNet2d", "arguments": {"key_points": len(KEY_POINTS), "widths": [1, 2], "kernel": 3}},
    "detector": {"name": "BoxDetector", "arguments": {"key_points": len(KEY_POINTS), "encoder_stages": 4, "width": 4}},
}
OPTIONS = {"side": SIDE, "least_score": 0.2, "confidence": [1.0, 0.0]}


def written(folder: Path, short: str, **changed: Any) -> Path:
    """A bundle of a published localizer with initial weights, next to the default grading model."""
    weights = folder / f"{short}.safetensors"
    torch.manual_seed(0)
    save_file(build(NETWORKS[short]).state_dict(), weights)
    metadata = {
        "name": SHORT_NAMES[short],
        "version": "1.0.0",
        "title": "Title",
        "description": "For tests",
        "task": "localization",
        "license": "research-only",
        "research_only": True,
        "network": NETWORKS[short],
        "findings": {},
        "options": OPTIONS,
        "training": {"datasets": {"tianchi2020": 1.0}},
    }
    models = folder / "models"
    pack(metadata | changed, [weights], "# Card\n", "Licence\n", models)
    return models


def maps_of(places: torch.Tensor, planes: int) -> PointScores:
    """Maps with a Gaussian of 2 pixels at each position, the same in every plane.

    :param places: (K, 2) as (column, row) in pixels of a view of :data:`SIDE` pixels.
    """
    steps = torch.arange(SIDE)
    across = torch.exp(-0.5 * ((steps - places[:, 0:1]) / 2) ** 2)
    down = torch.exp(-0.5 * ((steps - places[:, 1:2]) / 2) ** 2)
    maps = 0.9 * down[:, :, None] * across[:, None, :]
    return PointScores(maps.expand(planes, -1, -1, -1), None)
