"""The module's use of the application: its Python, packages, sample data, reload, self-test."""

import sys
import types
import unittest
from contextlib import contextmanager
from pathlib import Path

import pytest
import slicer
from standins import widgets
from standins.python_qt import wrap

from SpinalDiseaseAILib.base.errors import ComputeError
from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.base.study import Role, Series
from SpinalDiseaseAILib.scene import application
from SpinalDiseaseAILib.scene.mrb import add_study
from SpinalDiseaseAILib.scene.volumes import INSTANCE_UIDS, addVolumeNode, studyFromVolumeNodes

MADE_WORKER = Path(__file__).with_name("made_worker.py")


def make_program(folder, text):
    """PythonSlicer next to the application."""
    path = folder / "bin" / "PythonSlicer"
    path.parent.mkdir()
    path.write_text(text)
    path.chmod(0o755)
    return path


class SampleDataOfSlicer510:
    """SampleDataLogic that records what is registered."""

    def __init__(self):
        self.sources = []
        self.titles = []

    def registerCustomSampleDataSource(self, *, uris, fileNames, nodeNames, category, sampleName, thumbnailFileName, **more):
        assert len(uris) == len(fileNames) == len(nodeNames)
        self.sources.append((category, sampleName, more["customDownloader"]))


class SampleDataOfSlicer512(SampleDataOfSlicer510):
    def registerCustomSampleDataCategory(self, category, title):
        self.titles.append((category, title))


@pytest.fixture
def dicom_import(monkeypatch, scene):
    """DICOMLib.DICOMUtils whose temporary database loads the imported folder with the library's reader."""
    from SpinalDiseaseAILib.reading import open_study

    files = sorted((sample_folder() / "lumbar-mr").iterdir())
    uid = open_study([sample_folder()]).primary.uid
    study = {"uid": "1.1", "patient": "patient", "date": "20240102", "description": "MR", "series": {uid: ("MR", files)}}

    @contextmanager
    def temporary_database():
        with monkeypatch.context() as patch:
            patch.setattr(slicer, "dicomDatabase", wrap(widgets.ctkDICOMDatabase(studies=[study])), raising=False)
            yield slicer.dicomDatabase

    def import_dicom(folder, database, copyFiles=False):
        if copyFiles:  # otherwise it is the sample, which is there
            study["series"]["new"] = ("SR", list(Path(folder).iterdir()))

    def load(name):
        return [node.GetID() for node in add_study(scene, open_study([sample_folder()])).values()]

    utilities = types.SimpleNamespace(
        TemporaryDICOMDatabase=temporary_database,
        importDicom=import_dicom,
        loadPatientByUID=load,
        loadSeriesByUID=load,
    )
    monkeypatch.setitem(sys.modules, "DICOMLib", types.SimpleNamespace(DICOMUtils=utilities))


def test_the_analysis_runs_in_the_python_next_to_the_application(errors, tmp_path):
    path = make_program(tmp_path, "#!/bin/sh\n")
    assert application.applicationPython() == str(path)


def test_an_application_without_its_python_is_reported_in_a_sentence(errors, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ComputeError, match="PythonSlicer was not found"):
        application.applicationPython()


@pytest.mark.parametrize("entry", ["", ".", "bin"])
def test_a_program_of_that_name_in_the_current_folder_is_never_run(errors, monkeypatch, tmp_path, entry):
    elsewhere = tmp_path / "downloads"
    elsewhere.mkdir()
    make_program(elsewhere, "#!/bin/sh\n")
    make_program(elsewhere / "bin", "#!/bin/sh\n").rename(elsewhere / "PythonSlicer")
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("PATH", entry)
    with pytest.raises(ComputeError, match="PythonSlicer was not found"):
        application.applicationPython()


def test_packages_are_checked_without_importing_them(monkeypatch):
    monkeypatch.setattr(application, "REQUIREMENTS", {"json": "", "torch_of_nowhere": ">=1", "this": ""})
    monkeypatch.delitem(sys.modules, "this", raising=False)
    assert application.missingRequirements() == ["torch_of_nowhere"]
    assert "this" not in sys.modules


def test_torch_is_installed_by_the_pytorch_extension_and_the_rest_by_pip(monkeypatch):
    calls = []
    missing = ["torch", "safetensors", "jinja2"]
    monkeypatch.setattr(application, "missingRequirements", lambda: list(missing))

    def install_torch(torchVersionRequirement):
        calls.append(("torch", torchVersionRequirement))
        missing[:] = ["safetensors"]  # it installs jinja2 as well

    def pip_install(requirement):
        calls.append(("pip", requirement))
        missing.clear()

    installer = types.SimpleNamespace(installTorch=install_torch)
    monkeypatch.setattr(slicer.util, "pip_install", pip_install)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", types.SimpleNamespace(PyTorchUtilsLogic=lambda: installer))
    application.installRequirements(["torch", "safetensors", "jinja2"])
    assert calls == [
        ("torch", application.REQUIREMENTS["torch"]),
        ("pip", "safetensors" + application.REQUIREMENTS["safetensors"]),
    ]


def test_without_the_pytorch_extension_the_user_reads_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    with pytest.raises(ComputeError, match="Install the PyTorch extension"):
        application.installRequirements(["torch"])


def test_an_installation_that_leaves_a_package_missing_is_an_error(monkeypatch):
    monkeypatch.setattr(slicer.util, "pip_install", lambda requirement: None)
    monkeypatch.setattr(application, "missingRequirements", lambda: ["safetensors"])
    with pytest.raises(ComputeError, match="safetensors"):
        application.installRequirements(["safetensors"])


@pytest.mark.parametrize(
    ("logic", "titles"),
    [(SampleDataOfSlicer510(), []), (SampleDataOfSlicer512(), [("SpinalDiseaseAI", "Spinal Disease AI")])],
    ids=["5.10", "5.12"],
)
def test_the_sample_study_is_registered_with_sample_data(module, monkeypatch, logic, titles):
    monkeypatch.setitem(sys.modules, "SampleData", types.SimpleNamespace(SampleDataLogic=logic))
    module.registerSampleData()
    assert logic.sources == [("SpinalDiseaseAI", "LumbarSpineMR", application.loadSampleStudy)]
    assert logic.titles == titles


def test_an_installation_without_sample_still_starts(module, monkeypatch):
    logic = SampleDataOfSlicer510()
    monkeypatch.setitem(sys.modules, "SampleData", types.SimpleNamespace(SampleDataLogic=logic))
    monkeypatch.setattr("SpinalDiseaseAILib.base.locations._resources", lambda name: None)
    module.registerSampleData()
    assert logic.sources == []


def test_the_sample_is_registered_only_after_the_application_has_started(module, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "registerSampleData", lambda: calls.append("registered"))
    parent = types.SimpleNamespace()
    module.SpinalDiseaseAI(parent)
    assert parent.title == "Spinal Disease AI" and parent.categories == ["Quantification"]
    assert "not a medical device" in parent.helpText
    assert calls == []
    slicer.app._object.startupCompleted.emit()
    assert calls == ["registered"]


def test_the_sample_study_loads_as_dicom(errors, dicom_import):
    (node,) = application.loadSampleStudy()
    assert node.GetImageData().GetNumberOfPoints() > 1_000_000


def test_the_dicom_database_is_queried_as_python_in_slicer_can(errors, monkeypatch, nodes):
    tags = {"0020,000D": "1.5", "0020,000E": "1.6", "0020,0052": "1.7"}
    monkeypatch.setattr(slicer, "dicomDatabase", wrap(widgets.ctkDICOMDatabase("1.8.1", tags)), raising=False)
    node = addVolumeNode(nodes[0].GetScene(), Series(Role.SAGITTAL_T2, studyFromVolumeNodes(nodes[0]).primary.image))
    node.SetAttribute(INSTANCE_UIDS, "1.8.1")
    study = studyFromVolumeNodes(node)
    assert (study.uid, study.primary.uid, study.primary.frame_of_reference_uid) == ("1.5", "1.6", "1.7")


def test_a_developer_finds_the_buttons_that_reload_and_test_a_module(panel_of, module, monkeypatch):
    built = []
    monkeypatch.setattr(module.SpinalDiseaseAIWidget, "setupDeveloperSection", lambda panel: built.append(panel))
    assert built == [panel_of()]


def test_reload_forgets_the_library_too(module, monkeypatch):
    monkeypatch.setattr(sys, "modules", {**sys.modules, "SpinalDiseaseAILib.made.up": types})
    module.SpinalDiseaseAIWidget.onReload(types.SimpleNamespace())
    assert not [name for name in sys.modules if name.split(".")[0] == "SpinalDiseaseAILib"]


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in of PythonSlicer is a shell script")
def test_the_self_test_passes_on_the_sample(module, dicom_import, tmp_path):
    """A user's path: the sample, the application's Python, a worker process, nodes."""
    make_program(tmp_path, f'#!/bin/sh\nexec "{sys.executable}" "{MADE_WORKER}" report\n')
    result = unittest.TestResult()
    module.SpinalDiseaseAITest("runTest").run(result)
    assert result.wasSuccessful() and result.testsRun == 1, result.errors + result.failures


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in of PythonSlicer is a shell script")
def test_without_torch_the_self_test_checks_the_refusal(module, dicom_import, monkeypatch, tmp_path):
    make_program(tmp_path, "#!/bin/sh\necho No module named torch >&2\nexit 1\n")
    monkeypatch.setattr(module, "missingRequirements", lambda: ["torch"])
    result = unittest.TestResult()
    module.SpinalDiseaseAITest("runTest").run(result)
    assert result.wasSuccessful() and result.testsRun == 1, result.errors + result.failures


def test_the_sample_folder_holds_the_study_that_is_registered():
    assert any(path.is_file() for path in (sample_folder() / "lumbar-mr").iterdir())
