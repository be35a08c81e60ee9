"""Outputs of the panel: which files are written where, or why they cannot be written."""

import builtins
import importlib
import json

import pytest
import SimpleITK
import slicer
from panel_helpers import analyze, check
from standins.python_qt import QT

from SpinalDiseaseAILib.base.masks import LABELS
from SpinalDiseaseAILib.writing import FORMATS
from SpinalDiseaseAILib.writing.dicom.results import DICOM_FILES


@pytest.fixture
def panel(panel_of, nodes, wait_until, tmp_path):
    panel = panel_of()
    panel.ui.outputDirectoryButton.directory = str(tmp_path / "results é")
    analyze(panel, wait_until)
    return panel


def written(tmp_path):
    return sorted(path.name for path in (tmp_path / "results é").iterdir())


def test_every_offered_file_can_be_written(module):
    OUTPUTS = importlib.import_module("SpinalDiseaseAILib.panel.outputsSection").OUTPUTS
    assert {output.name for output in OUTPUTS if not output.dicom} <= set(FORMATS)
    assert {output.name for output in OUTPUTS if output.dicom} == set(DICOM_FILES)
    assert len({output.title() for output in OUTPUTS}) == len(OUTPUTS)


def test_all_files_are_written_to_the_chosen_folder(panel, tmp_path):
    panel.ui.exportButton.click()
    assert {"report.json", "report.tsv", "report.html", "overlay.png", "points.mrk.json"} <= set(written(tmp_path))
    assert "Written to" in panel.ui.statusLabel.text
    panel.ui.openFolderButton.click()
    assert QT.QDesktopServices.opened[-1] == str(tmp_path / "results é")


def test_the_wait_cursor_is_shown_only_while_files_are_written(panel, tmp_path, monkeypatch):
    seen = []

    def write(*arguments, **more):
        seen.append(bool(slicer.app._object.waiting))
        return {}

    monkeypatch.setattr("SpinalDiseaseAILib.writing.write_results", write)
    panel.ui.exportButton.click()
    assert seen == [True] and not slicer.app._object.waiting


def test_only_checked_files_are_written(panel, tmp_path):
    check(panel, "report.tsv")
    panel.ui.exportButton.click()
    assert written(tmp_path) == ["report.tsv"]


def test_with_nothing_checked_the_button_says_so(panel):
    check(panel)
    assert not panel.ui.exportButton.enabled
    assert panel.ui.exportButton.toolTip == "Check at least one file."


def test_the_corrected_result_is_written(panel, tmp_path):
    panel.ui.levelUpButton.click()
    check(panel, "report.json")
    panel.ui.exportButton.click()
    document = json.loads((tmp_path / "results é" / "report.json").read_text(encoding="utf-8"))
    assert [item["kind"] for item in document["corrections"]] == ["renumbered"]


def test_without_the_volumes_files_without_images_can_still_be_written(panel, nodes, scene, tmp_path):
    for node in nodes:
        scene.RemoveNode(node)
    for name in ("report.html", "overlay.png", "measurements.png", "masks.tsv"):
        check(panel, name)
        assert not panel.ui.exportButton.enabled, name
        assert "Uncheck page, pictures and labels of masks" in panel.ui.exportButton.toolTip
    check(panel, "report.tsv", "report.json", "points.mrk.json")
    panel.ui.exportButton.click()
    assert written(tmp_path) == ["points.mrk.json", "report.json", "report.tsv"]


def test_other_files_are_replaced_only_after_asking(panel, tmp_path, answer):
    folder = tmp_path / "results é"
    folder.mkdir()
    (folder / "report.tsv").write_text("mine")
    check(panel, "report.tsv")
    asked = answer(False)
    panel.ui.exportButton.click()
    assert "already holds report.tsv" in asked[0] and (folder / "report.tsv").read_text() == "mine"
    answer(True)
    panel.ui.exportButton.click()
    assert (folder / "report.tsv").read_text() != "mine"


def test_an_unusable_folder_is_reported(panel, tmp_path, errors):
    (tmp_path / "file").write_text("")
    panel.ui.outputDirectoryButton.directory = str(tmp_path / "file")
    panel.ui.exportButton.click()
    assert "is a file" in errors[0] and "Choose another folder" in errors[0]


def test_a_missing_package_says_where_to_install_it(panel, monkeypatch, errors):
    whole = builtins.__import__

    def without_jinja(name, scope=None, locals_=None, fromlist=(), level=0):
        if name == "writing" and level == 2:
            raise ModuleNotFoundError("No module named 'jinja2'", name="jinja2")
        return whole(name, scope, locals_, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", without_jinja)
    panel.ui.exportButton.click()
    assert "jinja2 is not installed" in errors[0] and "under Setup" in errors[0]


def test_the_folder_is_remembered_on_this_computer(panel, panel_of, tmp_path):
    assert panel_of().ui.outputDirectoryButton.directory == str(tmp_path / "results é")


@pytest.fixture
def outlined(panel_of, nodes, wait_until, tmp_path):
    """A panel whose study was segmented."""
    panel = panel_of("masks")
    panel.ui.outputDirectoryButton.directory = str(tmp_path / "results é")
    analyze(panel, wait_until)
    return panel


def test_masks_are_written_like_on_the_command_line(outlined, tmp_path):
    check(outlined, "masks.seg.nrrd", "masks.nii.gz", "masks.tsv")
    outlined.ui.exportButton.click()
    assert written(tmp_path) == ["masks.nii.gz", "masks.seg.nrrd", "masks.tsv"]
    assert "\tL5\t" in (tmp_path / "results é" / "masks.tsv").read_text(encoding="utf-8")
    image = SimpleITK.ReadImage(str(tmp_path / "results é" / "masks.nii.gz"))
    voxels = SimpleITK.GetArrayViewFromImage(image).T
    assert (voxels[:, :2] == LABELS["L5"]).all() and not voxels[:, 2:].any()


def test_masks_that_a_reader_edited_are_written_as_edited(outlined, tmp_path):
    node = outlined.parameterNode.report.GetNodeReference("SpinalDiseaseAI.segmentation")
    node.GetSegmentation().GetSegment("L5").GetRepresentation("Binary labelmap").GetPointData().GetScalars().Fill(0)
    check(outlined, "masks.nii.gz", "report.tsv")
    outlined.ui.exportButton.click()
    assert written(tmp_path) == ["report.tsv"], "nothing is left of the only mask"


def test_a_result_without_masks_says_that_there_was_nothing_to_write(panel, tmp_path):
    check(panel, "masks.seg.nrrd", "masks.tsv")
    panel.ui.exportButton.click()
    assert panel.ui.statusLabel.text == "Nothing was written: this result has no masks or measurements."
    check(panel, "masks.seg.nrrd", "report.tsv")
    panel.ui.exportButton.click()
    assert written(tmp_path) == ["report.tsv"]
