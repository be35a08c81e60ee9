"""Masks return from the worker as raw voxels, and nothing remains in the temporary folder."""

from __future__ import annotations

import numpy as np
import pytest

from SpinalDiseaseAILib.base.errors import SchemaError
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.masks import LABELS, Masks
from SpinalDiseaseAILib.worker.mask_files import read_masks, write_masks


@pytest.fixture
def masks():
    voxels = np.zeros((2, 3, 4), dtype=np.uint8)
    voxels[1, 1] = LABELS["L5"]
    return Masks(Image(voxels, np.diag([4.0, -1.0, 1.0, 1.0])), {LABELS["L5"]: "L5"}, "lumbar-mr-segmentation")


def test_masks_of_an_analysis_reach_the_caller_with_names_and_geometry(make_client, study_of, temporary_folder):
    study = study_of("masks", value=3)
    report = make_client().analyse(study).wait()
    assert report.masks.of("L4-L5").all() and report.masks.model == "m"
    assert (report.masks.image.affine == study.primary.image.affine).all()
    assert list(temporary_folder.iterdir()) == []


def test_masks_at_corrected_points_reach_the_caller_too(make_client, study_of, temporary_folder):
    client, study = make_client(), study_of("masks", value=3)
    client.analyse(study).wait()
    assert client.regrade(study, {"L3-L4": (0.0, 0.0, 0.0)}, ["L3-L4"]).wait().masks.of("L3-L4").all()
    assert list(temporary_folder.iterdir()) == []


def test_an_analysis_without_masks_returns_none(make_client, study_of):
    assert make_client().analyse(study_of("words")).wait().masks is None


def test_masks_written_and_read_back_are_the_same(masks, tmp_path):
    again = read_masks(write_masks(masks, tmp_path), tmp_path)
    assert (again.image.voxels == masks.image.voxels).all() and (again.image.affine == masks.image.affine).all()
    assert again.names == masks.names and again.model == masks.model


@pytest.mark.parametrize("change", [{"file": "../other.npy"}, {"names": {}}, {"affine": [[1.0]]}, {"model": None, "names": None}])
def test_masks_that_differ_from_what_was_written_are_refused(masks, tmp_path, change):
    values = write_masks(masks, tmp_path)
    with pytest.raises(SchemaError):
        read_masks({**values, **change}, tmp_path)


def test_a_file_with_pickled_objects_is_refused(masks, tmp_path):
    values = write_masks(masks, tmp_path)
    np.save(tmp_path / values["file"], np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(SchemaError):
        read_masks(values, tmp_path)
