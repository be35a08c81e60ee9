"""Untrusted files of predictions and annotations are refused with a sentence, however deeply they are nested."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from SpinalDiseaseAILib.base.errors import SpinalDiseaseAIError
from SpinalDiseaseAILib.datasets.tianchi_annotation import read_annotations
from SpinalDiseaseAILib.evaluation.prediction_file import read_predictions
from SpinalDiseaseAILib.training.configuration import read_configuration


@pytest.mark.parametrize("read", [read_predictions, read_annotations, read_configuration])
def test_an_excessively_nested_file_is_refused(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000)
    with pytest.raises(SpinalDiseaseAIError):
        read(path)
