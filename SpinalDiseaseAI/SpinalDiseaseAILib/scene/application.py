"""The library's interface to the application: its Python, packages installed in it, and its DICOM import."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

import slicer

from ..base.errors import ComputeError, SpinalDiseaseAIError
from ..base.locations import sample_folder

REQUIREMENTS = {"torch": ">=2.2", "safetensors": ">=0.4.3", "jinja2": ">=3.1"}
"""Packages that the analysis and the report's page need and the application does not include, with their versions."""

DICOM_REQUIREMENTS = {"highdicom": ">=0.24"}
"""Packages that only DICOM results need; included in Slicer since 5.12."""

SAMPLE_CATEGORY = "SpinalDiseaseAI"
SAMPLE_NAME = "LumbarSpineMR"


def applicationPython() -> str:
    """Path of the application's Python, which runs without its window.

    :raises ComputeError: if it is not found.
    """
    program = "PythonSlicer.exe" if sys.platform == "win32" else "PythonSlicer"
    for folder in (os.path.join(slicer.app.slicerHome, "bin"), *os.environ.get("PATH", "").split(os.pathsep)):
        # Empty or relative entries mean the current folder, which may hold an untrusted program; for a name without a folder,
        # shutil.which looks there first on Windows.
        path = shutil.which(os.path.join(folder, program)) if os.path.isabs(folder) else None
        if path is not None:
            return path
    raise ComputeError(
        "The program PythonSlicer was not found next to the application.", remedy="Install 3D Slicer again.", code="no-python"
    )


def isInstalled(name: str) -> bool:
    """True if a module can be imported. It is not imported for the check."""
    importlib.invalidate_caches()
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # already imported by a loader that does not state its origin
        return True


def missingRequirements() -> list[str]:
    """Names of the required packages that are missing in the application's Python. Nothing is imported."""
    return [name for name in REQUIREMENTS if not isInstalled(name)]


def supportsDicomResults() -> bool:
    """True if the application has what DICOM results need, or it can be installed next to the application's own packages.

    Slicer 5.10 has pydicom 2 and NumPy 2, for which there is no highdicom: installing one would replace the pydicom that Slicer's
    own modules use.
    """
    return isInstalled("highdicom") or int(importlib.metadata.version("pydicom").split(".")[0]) >= 3


def missingForDicom() -> list[str]:
    """Names of the packages for DICOM results that can be installed and are missing. Nothing is imported."""
    return [name for name in DICOM_REQUIREMENTS if not isInstalled(name)] if supportsDicomResults() else []


def installRequirements(names: Sequence[str]) -> None:
    """Install packages into the application's Python; call it on the main thread, after asking the user.

    :param names: some of those in :data:`REQUIREMENTS` and :data:`DICOM_REQUIREMENTS`.
    :raises ComputeError: if the extension that installs PyTorch is missing, or a package is still missing afterwards.
    """
    try:
        for name in names:
            if name == "torch":
                _torchInstaller().installTorch(torchVersionRequirement=REQUIREMENTS[name])
            elif name in (*missingRequirements(), *missingForDicom()):  # PyTorch installs some of the others
                slicer.util.pip_install(name + (REQUIREMENTS | DICOM_REQUIREMENTS)[name])
    except SpinalDiseaseAIError:
        raise
    except Exception:
        # pip's exception has only its exit status; the reason is in the log.
        logging.exception("Python packages could not be installed.")
    missing = [name for name in (*missingRequirements(), *missingForDicom()) if name in names]
    if missing:
        raise ComputeError(
            f"These Python packages could not be installed: {', '.join(missing)}.",
            "An internet connection and free disk space are needed.",
            "Look for the reason in the application's log, then try again.",
            code="install",
        )


def registerSampleStudy(sampleDataLogic: Any, title: str, thumbnail: str) -> None:
    """Add the extension's sample study to the Sample Data module.

    :param sampleDataLogic: the class SampleData.SampleDataLogic.
    :param title: title of the category.
    :param thumbnail: path of a picture.
    :raises InputError: if the installation has no sample study.
    """
    folder = sample_folder()
    # Categories have a title since Slicer 5.12; before, the first sample created its category.
    if hasattr(sampleDataLogic, "registerCustomSampleDataCategory"):
        sampleDataLogic.registerCustomSampleDataCategory(SAMPLE_CATEGORY, title=title)
    sampleDataLogic.registerCustomSampleDataSource(
        category=SAMPLE_CATEGORY,
        sampleName=SAMPLE_NAME,
        thumbnailFileName=thumbnail,
        uris=[folder.as_uri()],
        fileNames=[SAMPLE_NAME],
        nodeNames=[SAMPLE_NAME],
        customDownloader=loadSampleStudy,
    )


def loadSampleStudy(source: Any = None) -> list[Any]:
    """Load the sample study as DICOM into the application's scene, without changing the user's DICOM database.

    :param source: passed by the Sample Data module, unused.
    :returns: the loaded volume nodes.
    """
    from DICOMLib import DICOMUtils  # type: ignore[import-not-found]  # exists only in the application

    with DICOMUtils.TemporaryDICOMDatabase() as database:
        DICOMUtils.importDicom(str(sample_folder()), database)
        nodeIDs = [nodeID for patient in database.patients() for nodeID in DICOMUtils.loadPatientByUID(patient)]
    return [slicer.mrmlScene.GetNodeByID(nodeID) for nodeID in nodeIDs]


def _torchInstaller() -> Any:
    try:
        import PyTorchUtils  # type: ignore[import-not-found]  # from the PyTorch extension
    except ModuleNotFoundError as error:
        raise ComputeError(
            "PyTorch is not installed.",
            remedy="Install the PyTorch extension in the Extensions Manager, restart the application and try again.",
            code="no-torch",
        ) from error
    return PyTorchUtils.PyTorchUtilsLogic()
