"""Masks on disk: positions of voxels, meanings of labels, and how 3D Slicer reads them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from SpinalDiseaseAILib.base.anatomy import structure
from SpinalDiseaseAILib.base.geometry import Image, all_axis_codes, reorient
from SpinalDiseaseAILib.base.masks import LABELS, Masks, masks_of
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Role, Series, Study
from SpinalDiseaseAILib.writing import write_results
from SpinalDiseaseAILib.writing.masks import (
    JSON_FILE,
    NIFTI_FILE,
    NRRD_FILE,
    TABLE_FILE,
    label_document,
    label_rows,
    label_table,
    write_nifti,
    write_nrrd,
)

FILES = {NRRD_FILE, NIFTI_FILE, TABLE_FILE, JSON_FILE}

NAMES = ("L5", "L5-S1", "canal")


@pytest.fixture
def masks() -> Masks:
    """Three boxes on an oblique grid of 4 × 1 × 1.5 mm."""
    angle = np.radians(9)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([-4.0, -1.0, -1.5])
    affine[:3, 3] = (20, 30, 40)
    labels = np.zeros((5, 8, 9), dtype=np.uint8)
    labels[1:4, 1:4, 1:4] = LABELS["L5"]
    labels[1:4, 1:4, 4:6] = LABELS["L5-S1"]
    labels[2, 5:7, :] = LABELS["canal"]
    return masks_of(Image(labels, affine), "lumbar-mr-segmentation")


def in_orientation(masks: Masks, codes: str) -> Masks:
    turned = reorient(masks.image, codes)
    return masks_of(Image(np.ascontiguousarray(turned.voxels), turned.affine), masks.model)


def places(path: Path, label: int) -> np.ndarray:
    """RAS millimetres of the voxels of a label in a file, sorted."""
    image = SimpleITK.ReadImage(str(path))
    found = np.argwhere(SimpleITK.GetArrayFromImage(image) == label)[:, ::-1]
    points = np.array([image.TransformContinuousIndexToPhysicalPoint(index.astype(float).tolist()) for index in found])
    points = np.round(points * (-1, -1, 1), 3) + 0.0
    return points[np.lexsort(points.T)]


def expected_places(masks: Masks, name: str) -> np.ndarray:
    points = np.round(masks.image.to_ras(np.argwhere(masks.of(name))), 3) + 0.0
    return points[np.lexsort(points.T)]


@pytest.mark.parametrize("codes", all_axis_codes()[::5])
@pytest.mark.parametrize("write, name", [(write_nrrd, "masks.seg.nrrd"), (write_nifti, "masks.nii.gz")])
def test_every_voxel_lies_where_it_is_in_the_image_in_any_orientation(masks, tmp_path, codes, write, name):
    turned = in_orientation(masks, codes)
    write(turned, tmp_path / name)
    for item in NAMES:
        assert np.allclose(places(tmp_path / name, LABELS[item]), expected_places(masks, item), atol=2e-3)


def test_the_nrrd_has_names_colours_and_codes_as_slicer_reads_them(masks, tmp_path):
    write_nrrd(masks, tmp_path / "masks.seg.nrrd")
    image = SimpleITK.ReadImage(str(tmp_path / "masks.seg.nrrd"))
    for number, name in enumerate(NAMES):
        assert image.GetMetaData(f"Segment{number}_ID") == name
        assert image.GetMetaData(f"Segment{number}_Name") == structure(name).display
        assert int(image.GetMetaData(f"Segment{number}_LabelValue")) == LABELS[name]
        assert f"{structure(name).code.value}^SCT^" in image.GetMetaData(f"Segment{number}_Tags")


def test_slicers_own_reader_opens_the_nrrd_as_a_segmentation(masks, tmp_path):
    slicer = pytest.importorskip("slicer")
    write_nrrd(masks, tmp_path / "masks.seg.nrrd")
    scene = slicer.vtkMRMLScene()
    for name in ("vtkSlicerApplicationLogic", "vtkSlicerSegmentationsModuleLogic"):
        getattr(slicer, name)().SetMRMLScene(scene)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(tmp_path / "masks.seg.nrrd"))
    assert storage.ReadData(node)
    segmentation = node.GetSegmentation()
    assert list(segmentation.GetSegmentIDs()) == list(NAMES)
    assert segmentation.GetSegment("canal").GetName() == "Spinal canal"
    assert segmentation.GetSegment("L5").GetColor() == pytest.approx(structure("L5").colour, abs=2e-3)


@pytest.mark.parametrize(("write", "name"), [(write_nrrd, "masks.seg.nrrd"), (write_nifti, "masks.nii.gz")])
def test_a_file_that_cannot_be_written_is_a_disk_error(masks, tmp_path, write, name):
    with pytest.raises(OSError, match=f"{name} could not be written completely") as caught:
        write(masks, tmp_path / "removed" / name)
    assert caught.value.strerror


@pytest.mark.parametrize("left", [0, 0.4, 0.95])
def test_an_incomplete_nifti_is_an_error_although_its_library_reports_none(masks, tmp_path, monkeypatch, left):
    write = SimpleITK.WriteImage

    def write_on_a_full_disk(image, path: str, **options) -> None:
        write(image, path, **options)
        whole = Path(path).read_bytes()
        Path(path).write_bytes(whole[: int(left * len(whole))])

    monkeypatch.setattr(SimpleITK, "WriteImage", write_on_a_full_disk)
    with pytest.raises(OSError, match="could not be written completely"):
        write_nifti(masks, tmp_path / "masks.nii.gz")


def test_the_table_says_label_name_code_and_volume(masks):
    rows = list(csv.DictReader(io.StringIO(label_table(masks)), delimiter="\t"))
    assert [row["name"] for row in rows] == list(NAMES)
    assert rows[0]["label"] == "24" and rows[0]["code"] == "49668003" and rows[0]["scheme"] == "SCT"
    assert float(rows[0]["cubic_millimetres"]) == pytest.approx(27 * 4 * 1 * 1.5)


def test_no_volume_is_given_if_the_millimetres_are_a_guess(masks):
    rows = list(csv.DictReader(io.StringIO(label_table(masks, spacing_known=False)), delimiter="\t"))
    assert {row["cubic_millimetres"] for row in rows} == {""} and all(int(row["voxels"]) > 0 for row in rows)
    assert {row["cubic_millimetres"] for row in json.loads(label_document(masks, spacing_known=False))["labels"]} == {None}


def test_the_document_names_the_files_and_the_model(masks):
    document = json.loads(label_document(masks))
    assert document["model"] == "lumbar-mr-segmentation"
    assert document["labels"] == label_rows(masks)


def test_empty_masks_have_a_table_with_only_a_header():
    empty = masks_of(Image(np.zeros((2, 2, 2), dtype=np.uint8), np.eye(4)))
    assert label_table(empty).splitlines() == [label_table(empty).rstrip("\n")]


def test_results_have_files_of_masks_only_if_there_are_masks(masks, tmp_path):
    study = Study((Series(Role.SAGITTAL_T2, Image(np.ones(masks.image.voxels.shape, dtype=np.int16), masks.image.affine)),))
    report = Report("lumbar-mr", (), (), (), (study.primary.identity(),))
    files = write_results(replace(report, masks=masks), study, tmp_path / "out")
    assert set(files) >= FILES and all((tmp_path / "out" / name).is_file() for name in FILES)
    files = write_results(report, study, tmp_path / "out")
    assert not FILES & set(files)
    assert not any((tmp_path / "out" / name).exists() for name in FILES)  # files of the earlier analysis are gone
