"""Untrusted files of predictions and annotations are refused with a sentence, however deep or long they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from SpinalDiseaseAILib.base.documents import LONGEST_DOCUMENT
from SpinalDiseaseAILib.base.errors import InputError, SpinalDiseaseAIError
from SpinalDiseaseAILib.datasets.plain_folder import read_table
from SpinalDiseaseAILib.datasets.rsna2024 import read_rsna2024
from SpinalDiseaseAILib.datasets.spider import read_spider
from SpinalDiseaseAILib.datasets.sudirman import read_sudirman
from SpinalDiseaseAILib.datasets.tianchi import read_tianchi
from SpinalDiseaseAILib.datasets.tianchi_annotation import read_annotations
from SpinalDiseaseAILib.evaluation.prediction_file import read_predictions
from SpinalDiseaseAILib.training.configuration import read_configuration


@pytest.mark.parametrize("read", [read_predictions, read_annotations, read_configuration])
def test_an_excessively_nested_file_is_refused(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000)
    with pytest.raises(SpinalDiseaseAIError):
        read(path)


def hollow(path: Path) -> Path:
    """A file that is too long, which takes no space on most disks."""
    path.touch()
    os.truncate(path, LONGEST_DOCUMENT + 1)
    return path


@pytest.mark.parametrize("read", [read_predictions, read_annotations, read_configuration, lambda path: read_table(path, ())])
def test_a_file_that_is_too_long_is_refused_with_the_limit(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(InputError, match="long.json is too long. Documents of at most 64 MB are read"):
        read(hollow(tmp_path / "long.json"))


@pytest.mark.parametrize(
    ("read", "name"),
    [
        (read_tianchi, "annotation.json"),
        (read_rsna2024, "annotation.json"),
        (read_sudirman, "polygons.json"),
        (read_spider, "overview.csv"),
    ],
)
def test_a_data_set_with_a_document_that_is_too_long_is_refused(
    tmp_path: Path, read: Callable[[Path], object], name: str
) -> None:
    hollow(tmp_path / name)
    with pytest.raises(InputError, match=f"{name} is too long"):
        read(tmp_path)
