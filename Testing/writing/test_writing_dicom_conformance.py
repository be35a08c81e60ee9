"""DICOM results as the checkers of others see them: ``dciodvfy`` of dicom3tools and ``dsrdump`` of DCMTK, where installed.

Both read the standard's tables of their own: modules and their elements, values, and which relationships a report's content may
have.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dicom_series import classic, enhanced, grid, write
from pydicom.dataset import Dataset

from SpinalDiseaseAILib.base.corrections import MOVED, READER, Correction
from SpinalDiseaseAILib.base.masks import LABELS, Masks, masks_of
from SpinalDiseaseAILib.base.quantities import Measurement
from SpinalDiseaseAILib.base.report import FindingResult, Report, StructureResult
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.writing import write_results
from SpinalDiseaseAILib.writing.dicom.results import DICOM_FILES, STRUCTURED_REPORT_FILE, dicom_formats

SHORT = (2, 3)


def outlined(report: Report) -> Report:
    """The lower levels, with masks on both slices, and findings of two models with what is plausible."""
    labels = np.zeros(grid().voxels.shape, dtype=np.uint8)
    labels[2:4, 2:5, 2:5], labels[2, 6:8, 2:5] = LABELS["L4"], LABELS["canal"]
    held = {"v1": 0.1, "v2": 0.9, "v3": 0.2, "v4": 0.01, "v5": 0.4}
    findings = (
        FindingResult("narrowing", {"absent": 0.51, "present": 0.49}, "model", ("absent", "present"), 0.9),
        FindingResult("disc_disease", held, "other", ("v2", "v3"), 0.9),
    )
    (disc,) = (item for item in report.structures if item.name == "L5-S1")
    measured = replace(disc, findings=findings, measurements=(Measurement("disc_area", 250.1234),))
    masks = masks_of(grid(labels), "model")
    return replace(report, structures=(*report.structures[-3:-1], measured), masks=masks, notes=())


def corrected(report: Report) -> Report:
    change = Correction(MOVED, "L5", READER, "2026-01-03T04:05:06Z")
    return replace(report, corrections=(change,), measurements=(Measurement("lordosis_l1_s1", 41.5),))


def with_six_lumbar_vertebrae(report: Report) -> Report:
    assert report.masks is not None
    labels = np.where(report.masks.image.voxels == LABELS["L4"], LABELS["L6"], 0).astype(np.uint8)
    masks = Masks(replace(report.masks.image, voxels=labels), {LABELS["L6"]: "L6"}, "")
    return replace(report, masks=masks, structures=(*report.structures, StructureResult("L6", (0.0, 0.0, -200.0), 0.9)))


def nameless(datasets: list[Dataset]) -> list[Dataset]:
    for dataset in datasets:
        del dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.AccessionNumber, dataset.StudyTime
    return datasets


def unchanged(report: Report) -> Report:
    return report


CASES: dict[str, tuple[Callable[[], list[Dataset]], Callable[[Report], Report]]] = {
    "a series of single slices": (lambda: classic(SHORT, SpacingBetweenSlices="4"), unchanged),
    "frames of one file": (lambda: [enhanced(SHORT)], unchanged),
    "a nameless patient": (lambda: nameless(classic(SHORT)), unchanged),
    "another script": (
        lambda: classic(SHORT, SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName="Yamada^Tarou=山田^太郎"),
        unchanged,
    ),
    "a corrected report": (lambda: classic(SHORT), corrected),
    "a sixth lumbar vertebra, edited": (lambda: classic(SHORT), with_six_lumbar_vertebrae),
}


@pytest.fixture(params=CASES)
def files(request: pytest.FixtureRequest, report: Report, study: Study, tmp_path: Path) -> dict[str, Path]:
    """Both DICOM files of a case."""
    series, change = CASES[request.param]
    result = replace(change(outlined(report)), notes=(*report.notes, replace(report.notes[0], code="missing-slices")))
    paths = write(series(), tmp_path / "in")
    files = write_results(result, study, tmp_path / "out", formats=dicom_formats(result, paths))
    assert set(files) == set(DICOM_FILES)
    return files


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed.")
def test_a_checker_of_the_standards_modules_finds_no_error(files: dict[str, Path]) -> None:
    for name, path in files.items():
        run = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, check=False)
        lines = (run.stdout + run.stderr).decode("utf-8", "replace").splitlines()
        assert any("Segmentation" in line or "Comprehensive3DSR" in line for line in lines), lines
        assert [line for line in lines if line.startswith("Error")] == [], name


@pytest.mark.skipif(shutil.which("dsrdump") is None, reason="DCMTK is not installed.")
def test_a_reader_of_reports_accepts_every_relationship(files: dict[str, Path]) -> None:
    run = subprocess.run(["dsrdump", str(files[STRUCTURED_REPORT_FILE])], capture_output=True, check=False)
    said = run.stdout.decode("utf-8", "replace")
    assert run.returncode == 0, run.stderr
    assert 'has properties CODE:(,,"Plausible value")' in said
    assert 'has properties CODE:(,,"Certainty of the value")=(82334004,SCT,"Indeterminate")' in said
