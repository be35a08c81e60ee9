"""Advanced choices and setup: models with card, licence and consent, device, folder of models, packages."""

import shutil

import pytest
import slicer
from panel_helpers import analyze

from SpinalDiseaseAILib.base.errors import ComputeError
from SpinalDiseaseAILib.base.locations import models_folder
from SpinalDiseaseAILib.base.options import DEFAULT_CLASSIFIER, DEFAULT_SEGMENTER
from SpinalDiseaseAILib.models.bundle import CARD, list_bundles
from SpinalDiseaseAILib.scene import application as application_services
from SpinalDiseaseAILib.scene.results import reportFromNode

RESEARCH_ONLY = next(bundle for bundle in list_bundles() if bundle.research_only and bundle.task == "classification")


def choose(panel, name):
    panel.ui.classifierComboBox.currentIndex = panel.ui.classifierComboBox.findData(name)


def used(panel):
    """Device and models requested for the last analysis."""
    return reportFromNode(panel.parameterNode.report).notes[0].text


def test_the_chosen_model_shows_its_licence_and_its_card(panel_of):
    panel = panel_of()
    assert panel.ui.licenceLabel.text == "CC-BY-4.0"
    assert panel.ui.cardTextBrowser.isHidden()
    panel.ui.cardButton.checked = True
    assert not panel.ui.cardTextBrowser.isHidden()
    assert "Intended use" in panel.ui.cardTextBrowser.plainText
    choose(panel, RESEARCH_ONLY.name)
    assert "research only" in panel.ui.licenceLabel.text
    assert RESEARCH_ONLY.name in panel.ui.cardTextBrowser.plainText


@pytest.mark.parametrize("content", [b"\xff\xfe", b" " * ((1 << 20) + 1)], ids=["not UTF-8", "too long"])
def test_a_card_that_cannot_be_shown_is_replaced_by_the_reason(panel_of, tmp_path, content, errors):
    panel = panel_of()
    shutil.copytree(models_folder(), tmp_path / "models")
    (tmp_path / "models" / DEFAULT_CLASSIFIER / CARD).write_bytes(content)
    panel.ui.modelsDirectoryButton.directory = str(tmp_path / "models")
    panel.ui.cardButton.checked = True
    assert "The card of the model lumbar-mr-degeneration cannot be read" in panel.ui.cardTextBrowser.plainText
    assert errors == []


def test_the_chosen_model_is_used_and_belongs_to_the_scene(panel_of, nodes, wait_until, answer):
    panel = panel_of()
    answer(True)
    choose(panel, RESEARCH_ONLY.name)
    assert panel.parameterNode.classifier == RESEARCH_ONLY.name
    analyze(panel, wait_until)
    assert used(panel) == f"auto {RESEARCH_ONLY.name}"


def test_a_research_only_model_needs_consent_once(panel_of, nodes, wait_until, answer):
    panel = panel_of()
    choose(panel, RESEARCH_ONLY.name)
    asked = answer(False)
    panel.ui.analyzeButton.click()
    assert len(asked) == 1 and RESEARCH_ONLY.title in asked[0] and not panel.logic.running
    assert "Another model can be chosen" in panel.ui.statusLabel.text
    asked = answer(True)
    analyze(panel, wait_until)
    analyze(panel, wait_until)
    assert len(asked) == 1
    other = panel_of()
    choose(other, RESEARCH_ONLY.name)
    analyze(other, wait_until)
    assert len(asked) == 1, "remembered on this computer"


def test_the_device_that_was_found_is_shown(panel_of, wait_until):
    panel = panel_of()
    label = panel.ui.deviceFoundLabel
    assert label.isHidden()
    panel.ui.probeButton.click()
    assert "The first analysis, or Try" in panel.ui.setupLabel.text
    wait_until(lambda: "run on" in label.text)
    assert label.text == "The models run on cpu."
    assert panel.ui.setupLabel.text.endswith("The models run on cpu.")
    panel.ui.deviceComboBox.currentIndex = panel.ui.deviceComboBox.findData("cuda")
    assert label.text == "", "what was found is that of another choice"
    assert "The first analysis, or Try" in panel.ui.setupLabel.text
    panel.ui.probeButton.click()
    wait_until(lambda: "cannot be used" in label.text)


def test_an_invalid_device_is_reported_next_to_it(panel_of, wait_until, errors):
    panel = panel_of()
    panel.ui.deviceComboBox.currentIndex = panel.ui.deviceComboBox.findData("mps")
    panel.ui.probeButton.click()
    wait_until(lambda: "There is no device" in panel.ui.deviceFoundLabel.text)
    assert errors == []


def test_the_folder_of_models_can_be_changed_and_reset(panel_of, tmp_path):
    panel = panel_of()
    name = "lumbar-mr-degeneration"
    shutil.copytree(models_folder() / name, tmp_path / "models" / name)
    panel.ui.modelsDirectoryButton.directory = str(tmp_path / "models")
    assert panel.ui.classifierComboBox.count == 1
    assert panel_of().ui.classifierComboBox.count == 1, "remembered on this computer"
    panel.ui.shippedModelsButton.click()
    assert panel.ui.classifierComboBox.count > 1 and not panel.ui.shippedModelsButton.enabled


def test_a_folder_without_models_is_reported_without_a_pop_up(panel_of, tmp_path, errors):
    panel = panel_of()
    panel.ui.modelsDirectoryButton.directory = str(tmp_path)
    assert "holds no model that grades" in panel.ui.statusLabel.text
    assert errors == [] and panel.ui.licenceLabel.text == ""


def test_slices_and_masks_are_passed_to_the_analysis(panel_of, nodes, wait_until, monkeypatch):
    panel = panel_of()
    seen = []
    process = panel.logic.process
    monkeypatch.setattr(panel.logic, "process", lambda *args, **named: seen.append(named) or process(*args, **named))
    analyze(panel, wait_until)
    panel.ui.slicesSpinBox.value = 5
    panel.ui.segmentationCheckBox.checked = False
    analyze(panel, wait_until)
    assert [(more["slices"], more["segmenter"]) for more in seen] == [(0, DEFAULT_SEGMENTER), (5, "")], "0: as many as it needs"
    assert (panel.parameterNode.slices, panel.parameterNode.segmentation) == (5, False)


def test_setup_says_what_is_installed_and_stays_collapsed(panel_of):
    panel = panel_of()
    assert panel.ui.setupCollapsibleButton.collapsed
    assert panel.ui.installButton.isHidden()
    assert "PyTorch " in panel.ui.setupLabel.text and "is installed." in panel.ui.setupLabel.text


@pytest.fixture
def without_torch(panel_of, monkeypatch):
    missing = ["torch"]
    monkeypatch.setattr(application_services, "missingRequirements", lambda: list(missing))
    return missing


def test_without_torch_setup_is_open_and_one_button_installs_it_after_asking(panel_of, monkeypatch, without_torch, answer):
    panel = panel_of()
    assert not panel.ui.setupCollapsibleButton.collapsed
    assert not panel.ui.installButton.isHidden() and panel.ui.installButton.text == "Install PyTorch…"
    assert not panel.ui.probeButton.enabled and "under Setup" in panel.ui.probeButton.toolTip
    installed = []
    monkeypatch.setattr(
        application_services, "installRequirements", lambda names: installed.append(names) or without_torch.clear()
    )
    asked = answer(False)
    panel.ui.installButton.click()
    assert installed == [] and "torch" in asked[0]
    answer(True)
    panel.ui.installButton.click()
    assert installed == [["torch"]] and panel.ui.installButton.isHidden()
    assert "can be analyzed now" in panel.ui.statusLabel.text


def test_an_installation_that_fails_says_what_to_do_next(panel_of, monkeypatch, without_torch, answer, errors):
    panel = panel_of()

    def fail(names):
        raise ComputeError("PyTorch is not installed.", remedy="Install the PyTorch extension in the Extensions Manager.")

    monkeypatch.setattr(application_services, "installRequirements", fail)
    answer(True)
    panel.ui.installButton.click()
    assert errors == ["PyTorch is not installed. Install the PyTorch extension in the Extensions Manager."]


def test_nothing_is_asked_installed_or_started_when_the_panel_opens(panel_of, monkeypatch, without_torch, errors):
    for name in ("confirmOkCancelDisplay", "confirmYesNoDisplay", "pip_install"):
        monkeypatch.setattr(slicer.util, name, lambda *arguments: pytest.fail("something was asked or installed"))
    panel = panel_of()
    assert panel.logic.client is None or not panel.logic.client.busy
    assert errors == []
