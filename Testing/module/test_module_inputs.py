"""Inputs in the panel: studies in the DICOM database, their series with reasons, and loaded volumes."""

import importlib
import sys
import types
from contextlib import contextmanager

import pytest
import slicer
from panel_helpers import levels, sample_loader
from standins import widgets
from standins.python_qt import wrap

from SpinalDiseaseAILib.base.errors import ComputeError
from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.reading import open_study
from SpinalDiseaseAILib.scene import application as application_services
from SpinalDiseaseAILib.scene.mrb import add_study

FILES = sorted((sample_folder() / "lumbar-mr").iterdir())
SERIES = open_study([sample_folder()]).primary.uid


def study(uid, patient="Doe^Jane", date="20240102", description="MR lumbar spine", series=None):
    return {"uid": uid, "patient": patient, "date": date, "description": description, "series": series or {SERIES: ("MR", FILES)}}


@pytest.fixture
def database(errors, monkeypatch):
    """The application's DICOM database, with two MR studies and one CT study."""
    studies = [
        study("1.1"),
        study("1.2", "Roe^Richard", "20250304", "Knee MR", {"9.9": ("MR", FILES[:1])}),
        study("1.3", "Roe^Richard", "20250305", "CT spine", {"8.8": ("CT", [])}),
    ]
    made = wrap(widgets.ctkDICOMDatabase(studies=studies))
    monkeypatch.setattr(slicer, "dicomDatabase", made, raising=False)
    return made


@pytest.fixture
def loading(monkeypatch, scene):
    """DICOMLib.DICOMUtils that loads with the library's reader; returns the loaded UIDs."""
    loaded = []

    @contextmanager
    def temporary_database():
        yield types.SimpleNamespace(patients=lambda: ["patient"])

    load = sample_loader(scene, loaded)
    utilities = types.SimpleNamespace(
        loadSeriesByUID=load,
        TemporaryDICOMDatabase=temporary_database,
        importDicom=lambda folder, database: None,
        loadPatientByUID=lambda patient: load([patient]),
    )
    monkeypatch.setitem(sys.modules, "DICOMLib", types.SimpleNamespace(DICOMUtils=utilities))
    return loaded


@pytest.fixture
def shown(errors, monkeypatch):
    """Volumes that were shown in the slice views."""
    volumes = []
    monkeypatch.setattr(slicer.util, "setSliceViewerLayers", lambda background, fit: volumes.append(background))
    return volumes


@pytest.fixture
def studiesOf(module):
    return importlib.import_module("SpinalDiseaseAILib.panel.dicomStudies").studiesOf


def column(panel, number):
    table = panel.ui.studyTable
    return [table.item(row, number).text() for row in range(table.rowCount)]


def selected_rows(panel):
    return [index.row() for index in panel.ui.studyTable.selectionModel().selectedRows()]


def test_mr_studies_are_listed_with_patient_date_and_description_the_latest_first(panel_of, database):
    panel = panel_of()
    assert panel.ui.inputTabWidget.currentIndex == 0, "nothing is loaded, the database has studies"
    assert column(panel, 0) == ["Roe, Richard", "Doe, Jane"]
    assert column(panel, 1) == ["2025-03-04", "2024-01-02"]
    assert column(panel, 2) == ["Knee MR", "MR lumbar spine"]
    assert not panel.ui.loadAndAnalyzeButton.enabled
    assert panel.ui.loadAndAnalyzeButton.toolTip == "Select a study first."


def test_the_list_can_be_filtered(panel_of, database):
    panel = panel_of()
    panel.ui.studyFilterLineEdit.text = "jane 2024"
    assert column(panel, 0) == ["Doe, Jane"]
    panel.ui.studyFilterLineEdit.text = "nobody"
    assert column(panel, 0) == []


def test_a_study_shows_the_chosen_series_and_the_reason(panel_of, database):
    panel = panel_of()
    panel.ui.studyTable.selectRow(1)
    box = panel.ui.databaseT2ComboBox
    assert box.itemData(box.currentIndex) == SERIES
    assert "sagittal, 21 slices" in box.currentText
    assert panel.ui.databaseT1ComboBox.currentText == "None"
    assert panel.ui.seriesReasonLabel.text.startswith("T2: Used as sagittal T2: TR")
    assert panel.ui.loadAndAnalyzeButton.enabled


def test_the_chosen_series_can_be_changed(panel_of, database):
    panel = panel_of()
    panel.ui.studyTable.selectRow(1)
    panel.ui.databaseT1ComboBox.currentIndex = panel.ui.databaseT1ComboBox.findData(SERIES)
    assert "chosen both as T2 and as T1" in panel.ui.seriesReasonLabel.text
    assert not panel.ui.loadAndAnalyzeButton.enabled
    assert panel.ui.loadAndAnalyzeButton.toolTip.startswith("No series of this study can be used")


def test_a_study_whose_files_are_gone_says_what_to_do(panel_of, database, tmp_path, monkeypatch):
    gone = [study("1.4", series={"7.7": ("MR", [tmp_path / "gone.dcm"])})]
    monkeypatch.setattr(slicer, "dicomDatabase", wrap(widgets.ctkDICOMDatabase(studies=gone)))
    panel = panel_of()
    panel.ui.studyTable.selectRow(0)
    assert "Import the study again" in panel.ui.seriesReasonLabel.text
    assert not panel.ui.loadAndAnalyzeButton.enabled


def test_load_and_analyze_does_both_and_shows_what_was_loaded(panel_of, database, loading, shown, wait_until):
    panel = panel_of()
    panel.ui.studyTable.selectRow(1)
    panel.ui.loadAndAnalyzeButton.click()
    assert loading == [SERIES]
    assert panel.parameterNode.t2Volume is not None and panel.parameterNode.t1Volume is None
    assert shown[0] is panel.parameterNode.t2Volume
    wait_until(lambda: panel.ui.analyzeButton.text == "Analyze")
    assert len(levels(panel)) == 11


def test_a_series_that_is_already_loaded_is_not_loaded_again(panel_of, database, loading, scene):
    (node,) = add_study(scene, open_study([sample_folder()])).values()
    panel = panel_of()
    panel.ui.inputTabWidget.currentIndex = 0
    panel.ui.studyTable.selectRow(1)
    panel.ui.loadAndAnalyzeButton.click()
    assert loading == [] and panel.parameterNode.t2Volume is node


def test_a_series_that_cannot_be_loaded_as_a_volume_is_reported(panel_of, database, loading, scene, monkeypatch, errors):
    found = [scene.AddNewNodeByClass("vtkMRMLTextNode").GetID(), "ID of a node that is gone"]
    monkeypatch.setattr(sys.modules["DICOMLib"].DICOMUtils, "loadSeriesByUID", lambda uids: found)
    panel = panel_of()
    panel.ui.studyTable.selectRow(1)
    panel.ui.loadAndAnalyzeButton.click()
    assert "could not be loaded as a volume" in errors[0]
    assert not panel.logic.running


@pytest.mark.parametrize("state", ["absent", "closed"])
def test_without_an_open_database_the_panel_says_so_and_the_rest_works(panel_of, database, monkeypatch, nodes, state):
    if state == "absent":
        monkeypatch.setattr(slicer, "dicomDatabase", None)
    else:
        database.closeDatabase()
    panel = panel_of()
    panel.ui.inputTabWidget.currentIndex = 0
    assert "The DICOM database is not open" in panel.ui.databaseLabel.text
    assert column(panel, 0) == [] and panel.ui.analyzeButton.enabled


def test_an_empty_database_says_how_to_fill_it(panel_of, database, monkeypatch):
    monkeypatch.setattr(slicer, "dicomDatabase", wrap(widgets.ctkDICOMDatabase()))
    panel = panel_of()
    assert panel.ui.inputTabWidget.currentIndex == 1
    assert "Import one in the DICOM module" in panel.ui.databaseLabel.text


def test_a_study_that_is_imported_later_appears_with_refresh(panel_of, database, monkeypatch):
    panel = panel_of()
    monkeypatch.setattr(slicer, "dicomDatabase", wrap(widgets.ctkDICOMDatabase(studies=[study("1.9", description="new")])))
    panel.ui.refreshStudiesButton.click()
    assert column(panel, 2) == ["new"]


def test_a_selected_study_stays_selected_after_a_refresh_and_a_filter(panel_of, database):
    panel = panel_of()
    panel.ui.studyTable.selectRow(1)
    panel.ui.refreshStudiesButton.click()
    assert selected_rows(panel) == [1]
    assert panel.ui.databaseT2ComboBox.currentIndex > 0 and panel.ui.loadAndAnalyzeButton.enabled
    panel.ui.studyFilterLineEdit.text = "jane"
    assert selected_rows(panel) == [0], "the same study, in another row"
    panel.ui.studyFilterLineEdit.text = "richard"
    assert not panel.ui.loadAndAnalyzeButton.enabled, "a study that is not listed is not analysed"
    assert selected_rows(panel) == [], "nor is the one in its row"


def test_invalid_dates_are_shown_unchanged(studiesOf):
    made = widgets.ctkDICOMDatabase(studies=[study("1", date="unknown"), study("2", date="")])
    assert {item.date for item in studiesOf(made)} == {"unknown", ""}


def test_a_patient_without_a_name_is_shown_by_id(studiesOf):
    assert studiesOf(widgets.ctkDICOMDatabase(studies=[study("1", patient="")]))[0].patient == "PatientID of "


def test_with_nothing_loaded_one_button_fetches_and_shows_the_sample_study(panel_of, loading, shown):
    panel = panel_of()
    assert not panel.ui.sampleButton.isHidden()
    panel.ui.sampleButton.click()
    assert panel.parameterNode.t2Volume is not None
    assert shown == [panel.parameterNode.t2Volume]
    assert panel.ui.sampleButton.isHidden() and panel.ui.analyzeButton.enabled


def test_a_missing_sample_is_reported_in_a_sentence(panel_of, monkeypatch, errors):
    def missing():
        raise ComputeError("The installation has no sample study.", remedy="Install SpinalDiseaseAI again.")

    monkeypatch.setattr(application_services, "loadSampleStudy", missing)
    panel_of().ui.sampleButton.click()
    assert errors == ["The installation has no sample study. Install SpinalDiseaseAI again."]


def test_one_volume_chosen_twice_is_refused_before_it_is_analyzed(panel_of, nodes):
    panel = panel_of()
    panel.ui.t1Selector.setCurrentNode(nodes[0])
    assert not panel.ui.analyzeButton.enabled
    assert "both as T2 and as T1" in panel.ui.analyzeButton.toolTip


@pytest.mark.parametrize(
    "class_name",
    ["vtkMRMLLabelMapVolumeNode", "vtkMRMLVectorVolumeNode", "vtkMRMLDiffusionWeightedVolumeNode", "vtkMRMLSegmentationNode"],
)
def test_volumes_without_a_single_grey_value_per_voxel_are_not_offered(panel_of, nodes, scene, class_name):
    panel = panel_of()
    before = panel.ui.t2Selector.nodeCount()
    scene.AddNewNodeByClass(class_name, "T2")
    assert panel.ui.t2Selector.nodeCount() == panel.ui.t1Selector.nodeCount() == before == len(nodes)
