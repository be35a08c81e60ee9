"""``analyze --dicom``: DICOM files on request, from headers that are read while the input is there."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from SpinalDiseaseAILib.base.errors import ComputeError, InputError
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.masks import LABELS, masks_of
from SpinalDiseaseAILib.base.options import Options, Progress, no_progress
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.cli import analysis
from SpinalDiseaseAILib.cli.analysis import Analyses, Request, run_analysis
from SpinalDiseaseAILib.writing import FORMATS
from SpinalDiseaseAILib.writing.dicom.results import DICOM_FILES, SEGMENTATION_FILE, STRUCTURED_REPORT_FILE

OTHERS = ("report.json", "report.tsv", "points.mrk.json")
SLICES = 7
"""Of the sample, which has three times as many: enough for a stack."""


class Segmenting:
    """Adds masks to another analysis: a box in the middle of the image."""

    def __init__(self, analyser: Analyses) -> None:
        self.analyser = analyser

    def analyse(self, study: Study, options: Options = Options(), progress: Progress = no_progress) -> Report:
        image = study.primary.image
        labels = np.zeros(image.voxels.shape, dtype=np.uint8)
        labels[2:5, 200:240, 300:330] = LABELS["L4"]
        report = self.analyser.analyse(study, options, progress)
        return replace(report, masks=masks_of(Image(labels, image.affine), "given"))


@pytest.fixture(autouse=True)
def few_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither pictures nor a scene, which take time."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "slicer" else find_spec(name))
    monkeypatch.setattr(analysis, "FORMATS", {name: FORMATS[name] for name in OTHERS})


@pytest.fixture(scope="module")
def archive(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some slices of the sample in a ZIP archive, whose files are gone after the reading."""
    folder = tmp_path_factory.mktemp("archive")
    for path in sorted(sample.rglob("*.dcm"))[:SLICES]:
        shutil.copy(path, folder / path.name)
    return Path(shutil.make_archive(str(folder), "zip", folder))


def test_the_dicom_files_of_an_archive_are_written_beside_the_others(archive: Path, tmp_path: Path, analyser: Analyses) -> None:
    request = Request((archive,), tmp_path / "out", dicom=True)
    outcome = run_analysis(request, analyser=Segmenting(analyser))
    assert {*DICOM_FILES, *OTHERS} == set(outcome.files)
    for name in DICOM_FILES:
        dataset = pydicom.dcmread(outcome.files[name], stop_before_pixels=True)
        assert (dataset.StudyInstanceUID, dataset.PatientID) == (outcome.report.study_uid, "SPIDER-127")
    assert pydicom.dcmread(outcome.files[SEGMENTATION_FILE], stop_before_pixels=True).NumberOfFrames == 3
    for name in OTHERS:
        assert "SPIDER-127" not in outcome.files[name].read_text(encoding="utf-8")


def test_they_are_written_only_when_they_are_asked_for(archive: Path, tmp_path: Path, analyser: Analyses) -> None:
    outcome = run_analysis(Request((archive,), tmp_path / "out"), analyser=analyser)
    assert not set(DICOM_FILES) & set(outcome.files)


def test_without_masks_the_report_is_written_alone(archive: Path, tmp_path: Path, analyser: Analyses) -> None:
    outcome = run_analysis(Request((archive,), tmp_path / "out", dicom=True), analyser=analyser)
    assert set(DICOM_FILES) & set(outcome.files) == {STRUCTURED_REPORT_FILE}


class Never:
    """An analysis that must not begin."""

    def analyse(self, study: Study, options: Options = Options(), progress: Progress = no_progress) -> Report:
        raise AssertionError("the analysis began")


def test_images_that_are_not_dicom_are_refused_before_the_analysis(small_study: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not DICOM") as error:
        run_analysis(Request((small_study,), tmp_path / "out", dicom=True), analyser=Never())
    assert error.value.exit_status == 3
    assert not (tmp_path / "out").exists()


def test_without_highdicom_it_is_refused_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("SpinalDiseaseAILib.writing.dicom.results.find_spec", lambda name: None)
    with pytest.raises(ComputeError, match="pip install highdicom"):
        run_analysis(Request((tmp_path / "no such study",), tmp_path / "out", dicom=True), analyser=Never())
