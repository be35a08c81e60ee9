"""A folder with two small bundles: a localizer and a classifier with initial weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS, finding
from SpinalDiseaseAILib.models.bundle import METADATA
from SpinalDiseaseAILib.models.loading import build
from SpinalDiseaseAILib.models.metadata import read_metadata, write_metadata
from SpinalDiseaseAILib.training.bundle_files import pack

NETWORKS: dict[str, dict[str, Any]] = {
    "small-localizer": {"name": "LocalizerNetwork", "arguments": {"key_points": len(KEY_POINTS), "widths": [4, 6]}},
    "small-classifier": {
        "name": "RegionNetwork",
        "arguments": {"channels": 2, "structures": len(KEY_POINTS), "outputs": 7, "widths": [4, 6]},
    },
}
FINDINGS = {"small-localizer": (), "small-classifier": ("pfirrmann", "narrowing")}


def metadata(name: str) -> dict[str, Any]:
    """Metadata of a small bundle, without the hash of its weights."""
    return {
        "name": name,
        "version": "1.2.3",
        "title": f"Title of {name}",
        "description": "For tests",
        "task": "localization" if name == "small-localizer" else "classification",
        "license": "CC-BY-4.0",
        "research_only": False,
        "network": NETWORKS[name],
        "findings": {key: list(finding(key).class_names) for key in FINDINGS[name]},
        "options": {} if name == "small-localizer" else {"region_pixels": 32, "temperature": {"pfirrmann": 1.5}},
        "training": {"datasets": {"spider": 1.0}},
    }


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    """A folder of two bundles."""
    folder = tmp_path / "models"
    for name, network in NETWORKS.items():
        torch.manual_seed(0)
        weights = tmp_path / f"{name}.safetensors"
        save_file(build(network).state_dict(), weights)
        pack(metadata(name), [weights], "# Card\n", "Licence\n", folder)
    return folder


Edit = Callable[..., None]


@pytest.fixture
def edit(bundles: Path) -> Edit:
    """Changes metadata of a bundle: ``edit(name, key=value)``; a key whose value is ``...`` is removed."""

    def change(name: str, **values: Any) -> None:
        path = bundles / name / METADATA
        document = read_metadata(path) | values
        write_metadata(path, {key: value for key, value in document.items() if value is not ...})

    return change
