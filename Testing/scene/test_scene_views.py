"""When the application opens a scene file, it shows the study in every slice view."""

from dataclasses import replace

import slicer
from scene_examples import make_report, make_study

from SpinalDiseaseAILib.scene.mrb import read_scene, write_scene


def test_the_images_of_the_study_are_the_background_of_the_slice_views(tmp_path):
    study = make_study()
    report = replace(make_report(), series=(study.primary.identity(),))
    scene = read_scene(write_scene(report, study, tmp_path / "scene.mrb"))
    views = scene.GetNodesByClass("vtkMRMLSliceCompositeNode")
    views.UnRegister(None)
    shown = {
        views.GetItemAsObject(index).GetLayoutName(): views.GetItemAsObject(index).GetBackgroundVolumeID()
        for index in range(views.GetNumberOfItems())
    }
    assert {"Red", "Yellow", "Green"} <= set(shown)
    for identity in shown.values():
        node = scene.GetNodeByID(identity)
        assert isinstance(node, slicer.vtkMRMLScalarVolumeNode)
