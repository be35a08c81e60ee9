"""The localizers of the Spinal Disease 2020 system in a whole analysis, chosen by their short names."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.errors import ModelError
from SpinalDiseaseAILib.base.locations import models_folder
from SpinalDiseaseAILib.base.options import SHORT_NAMES, Options
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.models.bundle import METADATA
from SpinalDiseaseAILib.models.metadata import read_metadata, write_metadata
from SpinalDiseaseAILib.pipelines.analyser import Analyser
from SpinalDiseaseAILib.pipelines.model_store import ModelStore
from SpinalDiseaseAILib.steps import published_localization
from SpinalDiseaseAILib.steps.point_scores import PointScores
from SpinalDiseaseAILib.steps.whole_plane import square_view
from SpinalDiseaseAILib.training.cli import configuration

sys.path.append(str(Path(__file__).parents[1] / "models"))

from published_bundles import OPTIONS, SIDE, maps_of, written


@pytest.fixture
def answers(sample: Study, report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces networks: they see the key points where the default localizer does, best in the middle of the stack."""
    volume = SagittalVolume.of(sample.primary.image)
    rows, columns = volume.pixels(0).shape
    view = square_view((rows, columns), volume.pixel_spacing, SIDE)
    points = {item.name: volume.to_pixel(item.position)[1:] for item in report.structures}
    places = torch.tensor(
        np.array([(points[name] - view[:, 2]) @ np.linalg.inv(view[:, :2]).T for name in KEY_POINTS]), dtype=torch.float32
    )

    def scores(network: Any, images: torch.Tensor) -> PointScores:
        return maps_of(places, len(images))

    monkeypatch.setattr(published_localization, "point_scores", scores)


@pytest.mark.parametrize("short", SHORT_NAMES)
def test_an_analysis_uses_the_published_localizer_with_a_short_name(
    short: str, sample: Study, report: Report, answers: None, tmp_path: Path
) -> None:
    models = written(tmp_path, short)
    (models / "lumbar-mr-degeneration").symlink_to(models_folder() / "lumbar-mr-degeneration")
    options = Options(localizer=short, device="cpu", models_folder=str(models), segmenter="", grader="")
    found = Analyser().analyse(sample, options)
    assert [item.name for item in found.structures] == list(KEY_POINTS)
    assert found.models[0].name == SHORT_NAMES[short] and found.models[0].research_only
    assert any(note.code == "research-only" and SHORT_NAMES[short] in note.text for note in found.notes)
    expected = {item.name: np.array(item.position) for item in report.structures}
    volume = SagittalVolume.of(sample.primary.image)
    for item in found.structures:
        in_plane = volume.to_pixel(item.position)[1:] - volume.to_pixel(expected[item.name])[1:]
        assert np.hypot(*(in_plane * volume.pixel_spacing)) < 2.0, item.name
        assert item.findings or "-" not in item.name
    assert sum(item.probability for item in found.numberings) == pytest.approx(1)


def test_the_box_detector_of_the_product_finds_the_levels_of_the_sample(
    sample: Study, report: Report, analyser: Analyser, cpu: Options
) -> None:
    found = analyser.analyse(sample, replace(cpu, localizer="detector", segmenter="", grader=""))
    expected = {item.name: np.array(item.position) for item in report.structures}
    distances = [np.linalg.norm(np.array(item.position) - expected[item.name]) for item in found.structures]
    assert len(distances) == len(KEY_POINTS) and np.median(distances) < 4.0 and max(distances) < 9.0
    assert found.numberings[0].shift == 0


def test_an_error_about_a_localizer_without_weights_says_what_to_do(sample: Study, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("heatmap", "spinal-disease-2020-heatmap"):
        options = Options(localizer=name, device="cpu", models_folder=str(tmp_path / "empty"))
        with pytest.raises(ModelError, match="spinal-disease-2020-heatmap is not in") as error:
            Analyser().analyse(sample, options)
        assert error.value.code == "model-not-installed"
        assert "train fit spinal-disease-2020-heatmap" in error.value.remedy
        assert "SPINAL_DISEASE_AI_MODELS" in error.value.remedy


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"side": 100}, "views of 100 pixels"),
        ({"side": 0}, "views of 0 pixels"),
        ({"side": 2048}, "views of 2048 pixels"),
        ({"side": None}, "views of None pixels"),
        ({"least_score": 1.0}, "least score of 1.0"),
        ({"confidence": [1.0]}, r"\[1.0\] for confidence"),
    ],
)
def test_invalid_options_of_a_localizer_are_refused(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    models = written(tmp_path, "detector", options={**OPTIONS, **options})
    store = ModelStore()
    with pytest.raises(ModelError, match=said) as error:
        store.localizer("detector", str(models), store.device("cpu"))
    assert error.value.code == "model-metadata"


def test_a_network_with_another_number_of_key_points_is_refused(tmp_path: Path) -> None:
    models = written(tmp_path, "heatmap")
    path = models / SHORT_NAMES["heatmap"] / METADATA
    document = read_metadata(path)
    document["network"]["arguments"]["key_points"] = 10
    write_metadata(path, document)
    store = ModelStore()
    with pytest.raises(ModelError):
        store.localizer("heatmap", str(models), store.device("cpu"))


def test_short_names_are_those_of_the_packaged_configurations() -> None:
    for name in SHORT_NAMES.values():
        assert configuration(name)["name"] == name
