"""Small data sets for whole evaluations."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "datasets"))
sys.path.append(str(Path(__file__).parents[1] / "writing"))

from plain_data_sets import write_spider, write_sudirman, write_tianchi


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the data sets, with patients in every split."""
    folder = tmp_path_factory.mktemp("data")
    write_spider(folder)
    write_tianchi(folder)
    write_sudirman(folder)
    return folder
