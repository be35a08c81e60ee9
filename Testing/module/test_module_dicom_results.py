"""DICOM files of a result from the panel: when they can be made, what is in them, and how they get into the database."""

import importlib.metadata
import json
import sys
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import slicer
from panel_helpers import analyze, check
from PySide6.QtCore import Qt
from scene_examples import make_study
from standins import widgets
from standins.python_qt import wrap

from SpinalDiseaseAILib.base.errors import ComputeError
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.reading import open_study
from SpinalDiseaseAILib.scene import application as application_services
from SpinalDiseaseAILib.scene.hierarchy import hierarchyOf, itemOf
from SpinalDiseaseAILib.scene.mrb import add_study
from SpinalDiseaseAILib.scene.volumes import INSTANCE_UIDS
from SpinalDiseaseAILib.writing.dicom import results as dicom_results
from SpinalDiseaseAILib.writing.dicom.results import DICOM_FILES, SEGMENTATION_FILE, STRUCTURED_REPORT_FILE

SOURCES = sorted((sample_folder() / "lumbar-mr").iterdir())[:5]
SHAPE = (len(SOURCES), 48, 40)  # slices, columns, rows
OUTLINED = SHAPE[0] * 2 * SHAPE[2]  # voxels: the made worker takes the first two columns for L5
SMALL = tuple(slice(0, size) for size in SHAPE)


@pytest.fixture(scope="module")
def sample():
    """A corner of the sample study."""
    study = open_study([sample_folder()])
    image = study.primary.image
    return replace(study, series=(replace(study.primary, image=Image(image.voxels[SMALL].copy(), image.affine)),))


@pytest.fixture(scope="module")
def files(sample, tmp_path_factory):
    """Its DICOM files."""
    paths = []
    for path, voxels in zip(SOURCES, sample.primary.image.voxels, strict=True):
        header = pydicom.dcmread(path)
        header.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        header.Columns, header.Rows = voxels.shape
        header.PixelData = voxels.T.astype("<u2").tobytes()
        header["PixelData"].is_undefined_length = False
        paths.append(tmp_path_factory.mktemp("series") / path.name)
        header.save_as(paths[-1])
    return paths


@pytest.fixture
def volume(scene, sample):
    """Volume node of the study."""
    return add_study(scene, sample)[Role.SAGITTAL_T2]


@pytest.fixture
def database(errors, monkeypatch, sample, files):
    """The application's DICOM database, with the study, and an import that copies into it; what was imported is kept."""
    study = {"uid": sample.uid, "patient": "Doe", "date": "", "description": "", "series": {sample.primary.uid: ("MR", files)}}
    made = wrap(widgets.ctkDICOMDatabase(studies=[study]))
    imported = []

    def import_dicom(folder, dicomDatabase=None, copyFiles=False):
        assert copyFiles and dicomDatabase == made
        imported.append(sorted(path.name for path in Path(folder).iterdir()))
        study["series"][f"new {len(imported)}"] = ("SR", imported[-1])
        imported.append(Path(folder))
        return True

    utilities = types.SimpleNamespace(importDicom=import_dicom)
    monkeypatch.setattr(slicer, "dicomDatabase", made, raising=False)
    monkeypatch.setitem(sys.modules, "DICOMLib", types.SimpleNamespace(DICOMUtils=utilities))
    return types.SimpleNamespace(object=made, imported=imported, utilities=utilities, study=study)


@pytest.fixture
def panel(panel_of, database, volume, wait_until, tmp_path):
    """A panel with an outlined result."""
    panel = panel_of("masks")
    panel.ui.outputDirectoryButton.directory = str(tmp_path / "results é")
    analyze(panel, wait_until)
    return panel


@pytest.fixture
def given(monkeypatch):
    """Writers that write a line instead of DICOM; the reports and files that they were made for are kept."""
    calls = []

    def formats(report, files, names):
        calls.append((report, list(files)))
        return {name: lambda results, path: path.write_text("DICOM") for name in names}

    monkeypatch.setattr(dicom_results, "dicom_formats", formats)
    return calls


def written(tmp_path):
    folder = tmp_path / "results é"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def obstacle(panel):
    assert not panel.ui.exportButton.enabled
    return panel.ui.exportButton.toolTip


def test_dicom_files_are_written_only_if_someone_checks_them_and_say_that_they_name_the_patient(panel, database, tmp_path):
    items = [panel.ui.outputList.item(row) for row in range(panel.ui.outputList.count)]
    offered = [item for item in items if any(name in item.text() for name in DICOM_FILES)]
    assert len(offered) == 2 and all("(names the patient)" in item.text() for item in offered)
    assert [item for item in items if item.checkState() == Qt.CheckState.Unchecked] == offered
    check(panel, "report.tsv")
    panel.ui.exportButton.click()
    assert written(tmp_path) == ["report.tsv"]
    assert database.imported == [] and not panel.ui.addToDatabaseCheckBox.enabled


def test_both_are_filed_under_the_patient_and_study_of_the_images(panel, sample, tmp_path):
    check(panel, *DICOM_FILES)
    panel.ui.exportButton.click()
    assert written(tmp_path) == sorted(DICOM_FILES)
    source = pydicom.dcmread(SOURCES[0], stop_before_pixels=True)
    for name in DICOM_FILES:
        made = pydicom.dcmread(tmp_path / "results é" / name)
        assert (made.PatientID, made.StudyInstanceUID) == (source.PatientID, sample.uid)
    assert "were added to the DICOM database" in panel.ui.statusLabel.text


def test_the_segmentation_has_the_voxels_that_the_scene_shows(panel, tmp_path):
    check(panel, SEGMENTATION_FILE)
    panel.ui.exportButton.click()
    made = pydicom.dcmread(tmp_path / "results é" / SEGMENTATION_FILE)
    (segment,) = made.SegmentSequence
    assert segment.SegmentAlgorithmType == "AUTOMATIC" and int(made.pixel_array.sum()) == OUTLINED


def test_exactly_these_files_are_copied_into_the_database_and_nothing_is_left_beside_it(panel, database, given, tmp_path):
    check(panel, "report.tsv", *DICOM_FILES)
    panel.ui.exportButton.click()
    names, folder = database.imported
    assert names == sorted(DICOM_FILES) and not folder.exists()
    assert written(tmp_path) == sorted(["report.tsv", *DICOM_FILES])


def test_without_the_check_mark_they_are_written_and_not_imported_which_is_remembered(panel, panel_of, database, given, tmp_path):
    check(panel, STRUCTURED_REPORT_FILE)
    assert panel.ui.addToDatabaseCheckBox.enabled and panel.ui.addToDatabaseCheckBox.checked
    panel.ui.addToDatabaseCheckBox.checked = False
    panel.ui.exportButton.click()
    assert written(tmp_path) == [STRUCTURED_REPORT_FILE] and database.imported == []
    assert not panel_of().ui.addToDatabaseCheckBox.checked


@pytest.mark.parametrize("how", ["nothing taken", "closed meanwhile"])
def test_a_database_that_does_not_take_them_is_told_and_files_stay(panel, database, given, tmp_path, errors, monkeypatch, how):
    check(panel, *DICOM_FILES)
    if how == "nothing taken":
        database.utilities.importDicom = lambda folder, dicomDatabase, copyFiles: True
    else:
        write = dicom_results.dicom_formats
        monkeypatch.setattr(
            dicom_results, "dicom_formats", lambda *arguments: (database.object.closeDatabase(), write(*arguments))[1]
        )
    panel.ui.exportButton.click()
    assert "The files were written" in errors[0] and "Import them in the DICOM module" in errors[0]
    assert written(tmp_path) == sorted(DICOM_FILES)


def test_what_is_written_is_the_corrected_report_with_the_masks_under_its_names(panel, given, files):
    check(panel, *DICOM_FILES)
    panel.ui.levelUpButton.click()
    panel.ui.exportButton.click()
    ((report, found),) = given
    assert [item.kind for item in report.corrections] == ["renumbered"]
    assert set(report.masks.names.values()) == {"L4"} and report.masks.model == "m"
    assert found == files


def test_edited_masks_are_written_as_a_persons(panel, given):
    node = panel.parameterNode.report.GetNodeReference("SpinalDiseaseAI.segmentation")
    labels = node.GetSegmentation().GetSegment("L5").GetRepresentation("Binary labelmap").GetPointData().GetScalars()
    for index in range(100):
        labels.SetTuple1(index, 0)
    check(panel, SEGMENTATION_FILE)
    panel.ui.exportButton.click()
    ((report, _),) = given
    assert report.masks.model == "" and report.masks.of("L5").sum() == OUTLINED - 100


def test_of_images_that_did_not_come_from_dicom_none_can_be_made(panel):
    node = panel.parameterNode.report
    document = json.loads(node.GetText())
    for item in document["series"]:
        item["uid"] = ""
    node.SetText(json.dumps(document))
    check(panel, SEGMENTATION_FILE)
    assert obstacle(panel) == "The images of this result did not come from DICOM. Uncheck the DICOM files."
    check(panel, "report.tsv")
    assert panel.ui.exportButton.enabled, "the others can still be written"


def test_without_an_open_database_the_button_says_so(panel, database):
    database.object.closeDatabase()
    check(panel, *DICOM_FILES)
    assert "The DICOM database is not open" in obstacle(panel)


def test_of_images_that_the_database_does_not_have_none_can_be_made(panel_of, database, scene, wait_until):
    add_study(scene, make_study())
    panel = panel_of()
    analyze(panel, wait_until)
    check(panel, STRUCTURED_REPORT_FILE)
    assert "are not in the DICOM database. Import them" in obstacle(panel)


def test_files_that_are_gone_are_told_and_nothing_is_written(panel, database, errors, tmp_path):
    check(panel, "report.tsv", STRUCTURED_REPORT_FILE)
    (series,) = database.study["series"]
    database.study["series"][series] = ("MR", [tmp_path / "gone.dcm"])
    panel.ui.exportButton.click()
    assert "are not where the DICOM database says" in errors[0] and written(tmp_path) == []


def test_files_of_which_some_are_gone_are_told_and_nothing_is_written(panel, database, files, errors, tmp_path):
    check(panel, STRUCTURED_REPORT_FILE)
    (series,) = database.study["series"]
    database.study["series"][series] = ("MR", [*files[1:], tmp_path / "gone.dcm"])
    panel.ui.exportButton.click()
    assert "are not where the DICOM database says" in errors[0] and written(tmp_path) == []


@pytest.fixture
def second_echo(database, files, tmp_path_factory):
    """Images of a second echo, which the series of the study has at the same places."""
    folder, paths = tmp_path_factory.mktemp("echo"), []
    for number, path in enumerate(files):
        header = pydicom.dcmread(path)
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = f"1.2.840.99.{number}"
        header.EchoTime, header.InstanceNumber = "180", 1000 + number
        paths.append(folder / path.name)
        header.save_as(paths[-1])
    (series,) = database.study["series"]
    database.study["series"][series] = ("MR", [*files, *paths])
    return paths


def test_of_two_echoes_they_refer_to_the_one_that_was_analysed(panel, volume, second_echo, errors, tmp_path):
    wanted = [pydicom.dcmread(path).SOPInstanceUID for path in second_echo]
    volume.SetAttribute(INSTANCE_UIDS, " ".join(wanted))
    check(panel, *DICOM_FILES)
    panel.ui.exportButton.click()
    assert errors == []
    for name in DICOM_FILES:
        made = pydicom.dcmread(tmp_path / "results é" / name)
        images = {item.value for item in made.iterall() if item.keyword == "ReferencedSOPInstanceUID"}
        assert images == set(wanted), name


def test_where_nothing_tells_which_echo_was_analysed_none_are_written(panel, second_echo, errors, tmp_path):
    check(panel, STRUCTURED_REPORT_FILE)
    panel.ui.exportButton.click()
    assert "several images at the same place" in errors[0] and "Load the series" in errors[0]
    assert written(tmp_path) == []


def test_a_volume_whose_first_image_is_not_in_the_database_gets_none(panel, volume):
    volume.SetAttribute(INSTANCE_UIDS, "1.2.3.4.5 1.2.3.4.6")
    check(panel, STRUCTURED_REPORT_FILE)
    assert "are not in the DICOM database. Import them" in obstacle(panel)


@pytest.mark.parametrize("level", ["series", "study"])
def test_images_with_malformed_uids_get_none_and_the_button_says_why_and_what_to_do(
    panel_of, database, volume, scene, wait_until, level
):
    hierarchy = hierarchyOf(scene)
    item = itemOf(volume)
    if level == "study":
        item = hierarchy.GetItemAncestorAtLevel(item, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMLevelStudy())
    hierarchy.SetItemUID(item, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName(), "Doe, Jane")
    panel = panel_of()
    analyze(panel, wait_until)
    check(panel, STRUCTURED_REPORT_FILE)
    said = obstacle(panel)
    assert "not valid DICOM" in said and "Uncheck the DICOM files; or export the study again" in said
    assert "Doe" not in said


@pytest.mark.parametrize("slices", [1.0, 0.4])
def test_a_volume_that_was_moved_before_the_analysis_gets_no_dicom_files(
    panel_of, database, volume, sample, scene, wait_until, errors, tmp_path, slices
):
    """Its points would lie on other pixels of the same frame of reference."""
    matrix = np.eye(4)
    matrix[:3, 3] = slices * sample.primary.image.affine[:3, 0]
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    volume.SetAndObserveTransformNodeID(transform.GetID())
    panel = panel_of()
    panel.ui.outputDirectoryButton.directory = str(tmp_path / "results é")
    analyze(panel, wait_until)
    check(panel, STRUCTURED_REPORT_FILE)
    panel.ui.exportButton.click()
    assert "do not lie on its DICOM images" in errors[0] and written(tmp_path) == []


def test_a_volume_that_was_moved_since_the_analysis_gets_them_where_it_was(panel, volume, scene, errors, tmp_path):
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.eye(4)
    matrix[:3, 3] = 30
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    volume.SetAndObserveTransformNodeID(transform.GetID())
    check(panel, *DICOM_FILES)
    panel.ui.exportButton.click()
    assert errors == [] and written(tmp_path) == sorted(DICOM_FILES)


# -- the package that makes them


@pytest.fixture
def without_highdicom(panel, monkeypatch):
    missing = ["highdicom"]
    monkeypatch.setattr(application_services, "missingForDicom", lambda: list(missing))
    return missing


def test_the_missing_package_is_installed_at_the_first_need_after_asking(
    panel, without_highdicom, given, answer, monkeypatch, tmp_path
):
    installed = []
    monkeypatch.setattr(
        application_services, "installRequirements", lambda names: installed.append(names) or without_highdicom.clear()
    )
    check(panel, *DICOM_FILES)
    asked = answer(False)
    panel.ui.exportButton.click()
    assert "highdicom" in asked[0] and installed == [] and written(tmp_path) == []
    assert panel.ui.statusLabel.text == "Nothing was written: DICOM files need highdicom."
    answer(True)
    panel.ui.exportButton.click()
    assert installed == [["highdicom"]] and written(tmp_path) == sorted(DICOM_FILES)


def test_a_package_that_cannot_be_installed_is_told_and_nothing_is_written(
    panel, without_highdicom, answer, monkeypatch, errors, tmp_path
):
    def fail(names):
        raise ComputeError("These Python packages could not be installed: highdicom.")

    monkeypatch.setattr(application_services, "installRequirements", fail)
    check(panel, *DICOM_FILES)
    answer(True)
    panel.ui.exportButton.click()
    assert errors == ["These Python packages could not be installed: highdicom."] and written(tmp_path) == []


def test_other_files_never_need_it(panel, without_highdicom, tmp_path):
    check(panel, "report.tsv", "masks.nii.gz")
    panel.ui.exportButton.click()
    assert written(tmp_path) == ["masks.nii.gz", "report.tsv"]


def test_setup_offers_to_install_it_and_stays_folded(panel, without_highdicom, answer, monkeypatch):
    panel.lookForPackages()
    panel.refresh()
    assert "To write DICOM files, install: highdicom." in panel.ui.setupLabel.text
    assert not panel.ui.installButton.isHidden() and panel.ui.setupCollapsibleButton.collapsed
    assert panel.missingPackages == [], "analyses do not need it"
    monkeypatch.setattr(application_services, "installRequirements", lambda names: without_highdicom.clear())
    asked = answer(True)
    panel.ui.installButton.click()
    assert "highdicom" in asked[0] and "3 GB" not in asked[0]
    assert panel.ui.installButton.isHidden() and "DICOM files can be written now" in panel.ui.statusLabel.text


def test_it_is_installed_by_pip_and_an_error_if_it_is_missing_afterwards(monkeypatch):
    calls, missing = [], ["highdicom"]
    monkeypatch.setattr(application_services, "missingForDicom", lambda: list(missing))
    monkeypatch.setattr(slicer.util, "pip_install", lambda text: calls.append(text) or missing.clear())
    application_services.installRequirements(["highdicom"])
    assert calls == ["highdicom" + application_services.DICOM_REQUIREMENTS["highdicom"]]
    missing.append("highdicom")
    monkeypatch.setattr(slicer.util, "pip_install", lambda text: None)
    with pytest.raises(ComputeError, match="highdicom"):
        application_services.installRequirements(["highdicom"])


def test_slicer_5_10_offers_no_package_that_would_replace_its_own(panel, monkeypatch):
    monkeypatch.setattr(application_services, "isInstalled", lambda name: name != "highdicom")
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.4.4")
    check(panel, *DICOM_FILES)
    assert not panel.ui.exportButton.enabled and "Slicer 5.12" in panel.ui.exportButton.toolTip
    check(panel, "report.tsv")
    assert panel.ui.exportButton.enabled
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "3.0.2")
    assert application_services.supportsDicomResults()
