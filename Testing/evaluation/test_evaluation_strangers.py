"""Files of predictions and annotations from strangers are refused with a sentence, however deep they are nested."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from SpinalDiseaseAILib.base.errors import SpinalDiseaseAIError
from SpinalDiseaseAILib.datasets.tianchi_annotation import read_annotations
from SpinalDiseaseAILib.evaluation.prediction_file import read_predictions
from SpinalDiseaseAILib.training.configuration import read_configuration


@pytest.mark.parametrize("read", [read_predictions, read_annotations, read_configuration])
def test_a_file_that_is_nested_beyond_measure_is_refused(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000)
    with pytest.raises(SpinalDiseaseAIError):
        read(path)
