"""Scores of published localizers become probabilities, according to the points of tuning patients that they hit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.datasets.collection import read_dataset
from SpinalDiseaseAILib.pipelines.model_store import ModelStore
from SpinalDiseaseAILib.steps.localization import Localization, no_spine, numberings_of
from SpinalDiseaseAILib.training.point_confidence import fitted_confidence

CONFIG = {"datasets": {"spider": 1.0}}


class Scored:
    """Finds the drawn points, but those in ``missed`` 40 mm away, with a high score for a hit and a low one for a miss."""

    def __init__(self, data: Path, missed: int, scores: tuple[float, float]) -> None:
        self.record = next(record for record in read_dataset("spider", data, ("tune",)) if record.points)
        self.missed, self.scores = missed, scores

    def locate(self, volume: SagittalVolume, **kwargs: Any) -> Localization:
        places = np.array([(0.0, *self.record.points[name]) for name in KEY_POINTS])
        places[: self.missed, 1] += 40
        confidence = np.where(np.arange(len(KEY_POINTS)) < self.missed, self.scores[1], self.scores[0])
        return Localization(KEY_POINTS, volume.to_ras(places), confidence, numberings_of(np.zeros(3), 0.0), True, 1.0, 34.0)


def fitted(localizer: Any, data: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    monkeypatch.setattr(ModelStore, "localizer", lambda *arguments: (localizer, None))
    return fitted_confidence(CONFIG, Path("models/one"), data)


def probability(score: float, values: list[float]) -> float:
    return float(1 / (1 + np.exp(-(values[0] * np.log(score / (1 - score)) + values[1]))))


def test_scores_become_the_share_of_hits_among_points_with_that_score(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mixed = fitted(Scored(data, 3, (0.5, 0.5)), data, monkeypatch)
    assert probability(0.5, mixed) == pytest.approx(8 / 11, abs=0.03)
    apart = fitted(Scored(data, 3, (0.6, 0.4)), data, monkeypatch)
    assert probability(0.6, apart) > 0.9 and probability(0.4, apart) < 0.2


def test_scores_without_misses_have_a_finite_fit(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = fitted(Scored(data, 0, (0.5, 0.5)), data, monkeypatch)
    assert 0.9 < probability(0.5, values) < 1 and values[0] >= 0


def test_a_localizer_that_finds_nothing_keeps_its_scores(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Blind:
        def locate(self, volume: SagittalVolume, **kwargs: Any) -> Localization:
            raise no_spine()

    assert fitted(Blind(), data, monkeypatch) == [1.0, 0.0]
    with pytest.raises(InputError):
        fitted_confidence({"datasets": {"unknown": 1.0}}, Path("models/one"), data)
