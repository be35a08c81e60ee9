"""Small data sets, and configurations that train on them quickly."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.append(str(Path(__file__).parents[1] / "datasets"))

from plain_data_sets import write_spider, write_sudirman, write_tianchi

from SpinalDiseaseAILib.training import loop


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the data sets."""
    folder = tmp_path_factory.mktemp("data")
    write_spider(folder)
    write_tianchi(folder)
    write_sudirman(folder)
    return folder


_COMMON = {
    "version": "1.0.0",
    "title": "Title",
    "description": "Description",
    "license": "CC-BY-4.0",
    "research_only": False,
    "data_source": "Drawn",
    "splits": ["train"],
    "initial": "",
    "steps": 4,
    "batch": 3,
    "learning_rate": 0.002,
    "weight_decay": 0.01,
    "average": 0.9,
    "seed": 1,
}


@pytest.fixture
def localizer_config() -> dict[str, Any]:
    """A configuration of a small localizer."""
    return _COMMON | {
        "name": "lumbar-mr-localizer",
        "task": "localization",
        "datasets": {"spider": 1.0, "spider_space": 0.5, "sudirman": 0.5},
        "widths": [4, 6],
        "size": 96,
        "sigma": 3.0,
        "cut": 0.3,
    }


@pytest.fixture(scope="session")
def regions_config() -> dict[str, Any]:
    """A configuration of a small classifier; change it with ``|``."""
    return _COMMON | {
        "name": "lumbar-mr-degeneration",
        "task": "classification",
        "datasets": {"spider": 1.0, "spider_space": 0.5},
        "findings": ["pfirrmann", "narrowing", "modic"],
        "weights": {"pfirrmann": 2.0},
        "widths": [4, 6],
        "dropout": 0.3,
        "drop_contrast": 0.5,
        "region_pixels": 32,
        "contrast": 0.6,
    }


@pytest.fixture
def kill_at_first_checkpoint(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    """Checkpoints every 2 steps; once called, ends a training right after its first checkpoint, and returns their steps."""
    monkeypatch.setattr(loop, "CHECKPOINT_STEPS", 2)
    checkpoint, steps = loop.Loop._checkpoint, []

    def kill_after(self: loop.Loop) -> Path:
        steps.append(self.step)
        result = checkpoint(self)
        if len(steps) == 1:
            raise KeyboardInterrupt
        return result

    def kill() -> list[int]:
        monkeypatch.setattr(loop.Loop, "_checkpoint", kill_after)
        return steps

    return kill


@pytest.fixture
def generator() -> torch.Generator:
    """A seeded generator."""
    return torch.Generator().manual_seed(0)
