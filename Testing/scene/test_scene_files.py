"""Scene files."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scene_examples import make_report, make_study

from SpinalDiseaseAILib.base.errors import InputError, OutputError
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.scene.mrb import read_scene, write_scene
from SpinalDiseaseAILib.scene.pointEdits import editsOf
from SpinalDiseaseAILib.scene.results import inputsOf, reportFromNode, resultsInScene, writeReport
from SpinalDiseaseAILib.scene.volumes import studyFromVolumeNodes


@pytest.fixture
def scene_file(tmp_path):
    """A scene with a study of two series and its report, in a path with a blank and letters beyond ASCII."""
    folder = tmp_path / "Wirbelsäule 脊柱"
    folder.mkdir()
    return write_scene(make_report(), make_study(with_t1=True), folder / "scène 1.mrb")


def test_the_report_comes_back_without_loss(scene_file):
    scene = read_scene(scene_file)
    (result,) = resultsInScene(scene)
    for node in (result.reportNode, result.pointsNode, result.tableNode):
        assert reportFromNode(node) == make_report()


def test_the_study_comes_back_with_its_voxels_positions_and_uids(scene_file):
    scene = read_scene(scene_file)
    (result,) = resultsInScene(scene)
    again, study = studyFromVolumeNodes(*inputsOf(result.reportNode)), make_study(with_t1=True)
    assert again.uid == study.uid
    assert [item.uid for item in again.series] == [item.uid for item in study.series]
    for series, expected in zip(again.series, study.series, strict=True):
        assert (series.image.voxels == expected.image.voxels).all()
        assert abs(series.image.affine - expected.image.affine).max() < 1e-4


def test_points_and_table_come_back_and_nothing_counts_as_edited(scene_file):
    scene = read_scene(scene_file)
    (result,) = resultsInScene(scene)
    assert editsOf(result.pointsNode) == ()
    assert result.pointsNode.GetFixedNumberOfControlPoints()
    assert result.tableNode.GetTable().GetValueByName(0, "p4").ToDouble() == pytest.approx(0.7)
    assert np.isnan(result.tableNode.GetTable().GetValueByName(1, "p4").ToDouble()), "bulging has two classes"
    assert result.tableNode.GetColumnDescription("p4")
    assert result.folderItem


def test_a_result_in_a_loaded_scene_is_updated_not_duplicated(scene_file):
    scene = read_scene(scene_file)
    (result,) = resultsInScene(scene)
    again = writeReport(make_report(pfirrmann="1"), scene, *inputsOf(result.reportNode))
    assert (again.reportNode, again.pointsNode, again.tableNode) == (result.reportNode, result.pointsNode, result.tableNode)
    assert len(resultsInScene(scene)) == 1


def test_only_the_file_itself_remains_in_the_folder(scene_file):
    assert os.listdir(scene_file.parent) == [scene_file.name]


def test_an_existing_file_is_replaced(scene_file):
    write_scene(make_report(pfirrmann="1"), make_study(), scene_file)
    scene = read_scene(scene_file)
    (result,) = resultsInScene(scene)
    assert reportFromNode(result.reportNode) == make_report(pfirrmann="1")


def test_a_folder_that_does_not_exist_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(OutputError, match="could not be written"):
        write_scene(make_report(), make_study(), tmp_path / "none" / "scene.mrb")


def test_a_file_that_is_not_a_scene_is_refused_with_a_sentence(tmp_path):
    path = tmp_path / "scene.mrb"
    path.write_bytes(b"no archive")
    before = os.getcwd()
    with pytest.raises(InputError, match="cannot be read"):
        read_scene(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_scene(tmp_path / "none.mrb")
    assert os.getcwd() == before


def test_the_slice_views_show_the_t2_series(scene_file):
    scene = read_scene(scene_file)
    (result,) = resultsInScene(scene)
    views = [scene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode") for name in ("Red", "Yellow", "Green")]
    assert {view.GetBackgroundVolumeID() for view in views} == {inputsOf(result.reportNode)[0].GetID()}


@pytest.mark.parametrize("kind", ["?", "i1", "u1", ">i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"])
def test_voxels_of_every_type_are_kept_by_value(tmp_path, kind):
    series = make_study().primary
    voxels = series.image.voxels.astype(kind)
    study = Study((replace(series, image=Image(voxels, series.image.affine)),))
    scene = read_scene(write_scene(make_report(), study, tmp_path / "scene.mrb"))
    (result,) = resultsInScene(scene)
    again = studyFromVolumeNodes(*inputsOf(result.reportNode)).primary.image.voxels
    assert (again.astype(np.float64) == voxels.astype(np.float64)).all()


def test_a_path_relative_to_the_working_folder_is_enough(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_scene(make_report(), make_study(), Path("scene.mrb"))
    assert (tmp_path / "scene.mrb").is_file()
