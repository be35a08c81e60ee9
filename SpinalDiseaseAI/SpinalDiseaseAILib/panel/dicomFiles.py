"""DICOM files of a result: finds the images in the DICOM database, and adds the files to it."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from slicer.i18n import tr as _

from ..base.errors import ComputeError, InputError
from ..base.geometry import Image
from ..base.report import Report
from ..base.temporary_folders import temporary_folder
from ..scene.application import supportsDicomResults
from ..scene.frame import analysedGrids
from .dicomStudies import openDatabase

if TYPE_CHECKING:
    from ..writing import Writer

_FILLED = "missing-slices"
"""Code of the note about slices that are missing in the files and were interpolated from their neighbours."""


def obstacleToDicom(report: Report) -> str:
    """Why no DICOM files can be made from a report, and what to do; empty if they can."""
    if not supportsDicomResults():
        return str(_("DICOM files need Slicer 5.12 or newer. Uncheck the DICOM files."))
    uids = [series.uid for series in report.series]
    if not (report.study_uid and uids and all(uids)):
        return str(_("The images of this result did not come from DICOM. Uncheck the DICOM files."))
    database = openDatabase()
    if database is None:
        return str(_("The DICOM database is not open. Open the DICOM module once, or uncheck the DICOM files."))
    if not all(database.filesForSeries(uid) for uid in uids):
        return str(
            _(
                "The images of this result are not in the DICOM database. Import them in the DICOM module, or uncheck the DICOM "
                "files."
            )
        )
    return ""


def dicomFormats(reportNode: Any, report: Report, names: Collection[str]) -> dict[str, Writer]:
    """Writers of the DICOM files of a result.

    :param report: report of the result, with its masks if they are to be written.
    :param names: names of the files.
    :raises InputError: if the files of the images are gone, or the result does not match them.
    :raises ComputeError: if a package is missing.
    """
    from ..writing.dicom.results import dicom_formats  # needs highdicom

    database = openDatabase()
    uids = [series.uid for series in report.series]
    found = [Path(name) for uid in uids for name in database.filesForSeries(uid)] if database is not None else []
    files = [path for path in found if path.is_file()]
    if not files:
        raise InputError(
            _("The DICOM files of the images of this result are not where the DICOM database says."),
            remedy=_("Import the study again in the DICOM module."),
            code="missing-source",
        )
    formats = dicom_formats(report, files, names)
    _checkPlace(reportNode, report, files)
    return formats


def _checkPlace(reportNode: Any, report: Report, files: Sequence[Path]) -> None:
    """Check that the coordinates of a report are those of its DICOM images.

    :raises InputError: if a volume was not at the position of its images when it was analysed.
    """
    from ..writing.dicom.grid import frames_of, planes_of
    from ..writing.dicom.sources import read_sources

    uids = {series.role: series.uid for series in report.series}
    instances = read_sources(files, list(uids.values())).series
    filled = any(note.code == _FILLED for note in report.notes)
    grids = {role.value: grid for role, grid in analysedGrids(reportNode).items() if role.value in uids}
    for role, (counts, matrix) in grids.items():
        volume = Image(np.broadcast_to(np.uint8(0), counts), matrix)
        planes = planes_of(frames_of(instances[uids[role]]), volume)
        if not planes or (len(planes) < counts[next(iter(planes.values())).axis] and not filled):
            raise InputError(
                _("The points of this result do not lie on its DICOM images."),
                _("The volume was moved in the scene before it was analyzed, or the gaps between its slices are uneven."),
                _("Take the volume out of its transform or load it again, and analyze it again; or uncheck the DICOM files."),
                code="moved",
            )


def addToDatabase(paths: Sequence[Path]) -> None:
    """Copy DICOM files into the application's DICOM database.

    :raises ComputeError: if the database did not accept all of them.
    """
    from DICOMLib import DICOMUtils  # type: ignore[import-not-found]  # exists only in the application

    database = openDatabase()
    before = database.imagesCount() if database is not None else 0
    if database is not None:
        with temporary_folder() as temporary:
            folder = temporary / "dicom"  # whole folders are imported, so it must contain nothing else
            folder.mkdir()
            for path in paths:
                shutil.copy(path, folder / path.name)
            DICOMUtils.importDicom(str(folder), database, copyFiles=True)
    if database is None or database.imagesCount() < before + len(paths):
        raise ComputeError(
            _("The files were written, but the DICOM database did not take the DICOM files."),
            remedy=_("Import them in the DICOM module."),
            code="not-imported",
        )
