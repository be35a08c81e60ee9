"""Segmentations that are kept: compressed, only for recent studies, and spines no longer than the study itself."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from views_of_spine import study_of

from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.models.segmentation_network import TISSUES
from SpinalDiseaseAILib.pipelines import outlined_studies
from SpinalDiseaseAILib.pipelines.outlined_studies import OutlinedStudies, Outlining
from SpinalDiseaseAILib.steps.measurements.segmented_spine import SegmentedSpine
from SpinalDiseaseAILib.steps.segmentation import masks_at

NAMES = ("L3", "L3-L4", "L4", "L4-L5", "L5")
POINTS = {name: np.array([0.0, -20.0, -17.0 * (index + 1)]) for index, name in enumerate(NAMES)}


def drawn(value: int) -> tuple[Study, np.ndarray]:
    """A study of one slice, and its tissues: boxes of bodies and discs below one another."""
    tissues = np.zeros((1, 60, 110), dtype=np.uint8, order="F")  # any memory order must work
    for index, name in enumerate(NAMES):
        half = 4 if "-" in name else 10
        row = 17 * (index + 1)
        tissues[0, 5:36, row - half : row + half] = TISSUES.index("disc" if "-" in name else "vertebra")
    image = Image(np.full(tissues.shape, value, dtype=np.int16), np.diag([-4.0, -1.0, -1.0, 1.0]))
    return study_of(image), tissues


def kept(outlined: OutlinedStudies, value: int) -> tuple[Study, Outlining]:
    study, tissues = drawn(value)
    volume = SagittalVolume.of(study.primary.image)
    spine = SegmentedSpine(volume, masks_at(tissues, study.primary.image, POINTS, "model"), POINTS)
    outlining = Outlining(study.primary.identity(), "model", "")
    outlined.keep(outlining, study, tissues, spine)
    return study, outlining


def at(outlined: OutlinedStudies, study: Study, outlining: Outlining, **moves: tuple[float, float, float]):
    points = {name: point + np.array(moves.get(name.replace("-", "_"), (0.0, 0.0, 0.0))) for name, point in POINTS.items()}
    return outlined.spine_at(outlining, study, SagittalVolume.of(study.primary.image), points)


def test_a_point_that_stays_in_its_own_mask_leaves_the_masks_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    outlined = OutlinedStudies()
    study, outlining = kept(outlined, 1)
    monkeypatch.setattr(outlined_studies, "masks_at", lambda *arguments: pytest.fail("the tissues were parted anew"))
    spine, renamed = at(outlined, study, outlining, L4_L5=(0.0, 3.0, 2.0))
    assert not renamed and spine.points["L4-L5"][1] == -17


def test_a_point_outside_its_mask_divides_the_tissues_again() -> None:
    outlined = OutlinedStudies()
    study, outlining = kept(outlined, 1)
    before = at(outlined, study, outlining)[0].masks
    down = (0.0, 0.0, -34.0)
    spine, renamed = at(outlined, study, outlining, L3=down, L3_L4=down, L4=down, L4_L5=down, L5=down)
    assert renamed and (spine.masks.of("L3") == before.of("L4")).all() and before.of("L4").any()


def test_a_study_that_was_never_outlined_or_by_another_model_has_no_spine() -> None:
    outlined = OutlinedStudies()
    study, outlining = kept(outlined, 1)
    assert at(outlined, study, Outlining(outlining.series, "other", "")) is None
    assert at(OutlinedStudies(), study, outlining) is None


def test_the_spine_of_a_study_is_released_with_the_study_and_rebuilt_when_it_returns() -> None:
    outlined = OutlinedStudies()
    study, outlining = kept(outlined, 1)
    spine = weakref.ref(at(outlined, study, outlining)[0])
    del study
    gc.collect()
    assert spine() is None, "it holds the voxels of the study"
    found, renamed = at(outlined, drawn(1)[0], outlining)
    assert renamed and found.masks.of("L4-L5").any()


def test_only_the_last_studies_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlined_studies, "_MOST", 2)
    outlined = OutlinedStudies()
    studies = [kept(outlined, value) for value in (1, 2, 3)]
    assert [at(outlined, *item) is not None for item in studies] == [False, True, True]


def test_points_at_the_same_position_are_refused() -> None:
    outlined = OutlinedStudies()
    study, outlining = kept(outlined, 1)
    with pytest.raises(ValueError, match="same place"):
        at(outlined, study, outlining, L4=(0.0, 0.0, 17.0))


def test_a_study_that_is_analysed_again_counts_as_the_most_recent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlined_studies, "_MOST", 2)
    outlined = OutlinedStudies()
    kept(outlined, 1), kept(outlined, 2)
    again = kept(outlined, 1)
    latest = kept(outlined, 3)
    assert at(outlined, *again) is not None and at(outlined, *latest) is not None
