"""The model shown in the panel is the one that grades."""

import shutil

import pytest
from panel_helpers import analyze

from SpinalDiseaseAILib.base.locations import models_folder
from SpinalDiseaseAILib.base.options import DEFAULT_CLASSIFIER
from SpinalDiseaseAILib.models.bundle import list_bundles
from SpinalDiseaseAILib.scene.results import reportFromNode

OTHER = next(bundle.name for bundle in list_bundles() if bundle.task == "classification" and bundle.name != DEFAULT_CLASSIFIER)


@pytest.fixture
def folder_of_other(tmp_path):
    """A folder of models without the default one."""
    shutil.copytree(models_folder() / OTHER, tmp_path / "models" / OTHER)
    return str(tmp_path / "models")


def test_another_model_is_not_shown_in_place_of_one_missing_in_the_chosen_folder(panel_of, folder_of_other):
    panel = panel_of()
    panel.ui.modelsDirectoryButton.directory = folder_of_other
    assert panel.parameterNode.classifier == DEFAULT_CLASSIFIER
    assert panel.ui.classifierComboBox.currentIndex == -1 and panel.ui.licenceLabel.text == ""


def test_the_only_other_model_in_the_chosen_folder_can_be_chosen_and_is_used(
    panel_of, nodes, wait_until, answer, folder_of_other
):
    panel = panel_of()
    panel.ui.modelsDirectoryButton.directory = folder_of_other
    panel.ui.classifierComboBox.currentIndex = 0
    assert panel.parameterNode.classifier == OTHER
    answer(True)
    analyze(panel, wait_until)
    assert reportFromNode(panel.parameterNode.report).notes[0].text == f"auto {OTHER}"


def test_a_scene_whose_model_is_not_installed_here_says_so_and_another_one_can_be_chosen(panel_of, nodes, errors, wait_until):
    panel = panel_of()
    panel.parameterNode.classifier = "their-model"
    assert panel.ui.classifierComboBox.currentIndex == -1
    panel.ui.analyzeButton.click()
    assert len(errors) == 1 and "their-model" in errors[0] and DEFAULT_CLASSIFIER in errors[0]
    panel.ui.classifierComboBox.currentIndex = panel.ui.classifierComboBox.findData(DEFAULT_CLASSIFIER)
    analyze(panel, wait_until)
    assert len(errors) == 1
