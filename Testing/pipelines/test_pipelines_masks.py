"""Masks of the sample study, end to end, and models that cannot make masks."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.errors import ModelError
from SpinalDiseaseAILib.base.locations import models_folder
from SpinalDiseaseAILib.base.options import DEFAULT_SEGMENTER
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.models.bundle import METADATA
from SpinalDiseaseAILib.models.metadata import read_metadata, write_metadata
from SpinalDiseaseAILib.pipelines.model_store import ModelStore


def test_every_level_of_the_sample_has_a_mask_around_its_point(report: Report, sample: Study) -> None:
    assert report.masks is not None
    image = sample.primary.image
    for name in KEY_POINTS:
        place = next(item.position for item in report.structures if item.name == name)
        index = tuple(np.rint(image.to_ijk(place)).astype(int))
        assert report.masks.of(name)[index], name


def test_masks_have_the_voxel_grid_of_the_t2(report: Report, sample: Study) -> None:
    assert report.masks is not None
    assert report.masks.image.voxels.shape == sample.primary.image.voxels.shape
    assert np.array_equal(report.masks.image.affine, sample.primary.image.affine)


def test_discs_and_vertebrae_of_the_sample_are_of_usual_size(report: Report) -> None:
    assert report.masks is not None
    voxel = abs(np.linalg.det(report.masks.image.affine[:3, :3]))
    for name in KEY_POINTS:
        volume = report.masks.of(name).sum() * voxel  # of a stack 21 mm wide
        assert (1_500 if "-" in name else 10_000) < volume < (12_000 if "-" in name else 35_000), name


def test_the_model_of_the_masks_is_in_the_report(report: Report) -> None:
    assert report.masks is not None and report.masks.model == DEFAULT_SEGMENTER
    assert DEFAULT_SEGMENTER in {model.name for model in report.models} and "segmentation" in report.seconds


def test_a_model_of_another_task_is_refused_for_masks() -> None:
    store = ModelStore()
    with pytest.raises(ModelError, match="does not outline"):
        store.segmenter("lumbar-mr-localizer", "", store.device("cpu"))


@pytest.mark.parametrize(
    "options", [{}, {"spacing": "fine"}, {"spacing": 0.55, "bias": {"nerve": 1.0}}, {"spacing": 90.0}, {"spacing": 0.1}]
)
def test_a_segmentation_model_with_invalid_options_is_refused(options: dict[str, object], tmp_path: Path) -> None:
    shutil.copytree(models_folder() / DEFAULT_SEGMENTER, tmp_path / DEFAULT_SEGMENTER)
    path = tmp_path / DEFAULT_SEGMENTER / METADATA
    write_metadata(path, {**read_metadata(path), "options": options})
    store = ModelStore()
    with pytest.raises(ModelError, match="options of the model"):
        store.segmenter(DEFAULT_SEGMENTER, str(tmp_path), store.device("cpu"))
