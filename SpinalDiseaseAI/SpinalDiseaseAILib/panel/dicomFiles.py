"""DICOM files of a result: finds the images in the DICOM database, and adds the files to it."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from ..base.errors import ComputeError, InputError
from ..base.geometry import Image
from ..base.report import Report
from ..base.study import Role
from ..base.temporary_folders import temporary_folder
from ..base.uids import plain_uid
from ..scene.application import supportsDicomResults
from ..scene.frame import analysedGrids
from ..scene.hierarchy import hierarchyOf, itemOf
from ..scene.results import inputsOf
from ..scene.volumes import INSTANCE_UIDS
from .dicomStudies import openDatabase

if TYPE_CHECKING:
    from ..writing import Writer

_FILLED = "missing-slices"
"""Code of the note about slices that are missing in the files and were interpolated from their neighbours."""


def obstacleToDicom(reportNode: Any, report: Report) -> str:
    """Why no DICOM files can be made from a result, and what to do; empty if they can."""
    if not supportsDicomResults():
        return str(_("DICOM files need Slicer 5.12 or newer. Uncheck the DICOM files."))
    uids = [series.uid for series in report.series]
    if not (report.study_uid and uids and all(uids)):
        return str(_("The images of this result did not come from DICOM. Uncheck the DICOM files."))
    database = openDatabase()
    if database is None:
        return str(_("The DICOM database is not open. Open the DICOM module once, or uncheck the DICOM files."))
    if any(_hasMalformedUids(node) for node in inputsOf(reportNode) if node is not None):
        return str(
            _(
                "The images of this result have identifiers (UIDs) that are not valid DICOM, so no DICOM file can refer to them. "
                "Uncheck the DICOM files; or export the study again with new UIDs, import it and analyze it."
            )
        )
    if not all(_isKnown(database, uid, instances) for uid, instances in _instancesOf(reportNode, report)):
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
    files = _filesOf(database, _instancesOf(reportNode, report)) if database is not None else []
    if not files or not all(path.is_file() for path in files):
        raise InputError(
            _("The DICOM files of the images of this result are not where the DICOM database says."),
            remedy=_("Import the study again in the DICOM module."),
            code="missing-source",
        )
    formats = dicom_formats(report, files, names)
    _checkPlace(reportNode, report, files)
    return formats


def _hasMalformedUids(node: Any) -> bool:
    """True if the DICOM series or study of a volume has a UID that is none."""
    hierarchy = hierarchyOf(node.GetScene())
    study = hierarchy.GetItemAncestorAtLevel(itemOf(node), slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMLevelStudy())
    name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName()
    uids = [hierarchy.GetItemUID(item, name) for item in (itemOf(node), study) if item]
    return any(plain_uid(uid) != uid for uid in uids)


def _instancesOf(reportNode: Any, report: Report) -> list[tuple[str, list[str]]]:
    """UID of each series of a result, and of the instances in its volume; none if no volume names them.

    A series can have several images at each place, such as two echoes, of which a volume holds one.
    """
    volumes = {role.value: node for role, node in zip(Role, inputsOf(reportNode), strict=True) if node is not None}
    named = [volumes[item.role].GetAttribute(INSTANCE_UIDS) if item.role in volumes else "" for item in report.series]
    return [(item.uid, (text or "").split()) for item, text in zip(report.series, named, strict=True)]


def _isKnown(database: Any, uid: str, instances: Sequence[str]) -> bool:
    """True if a database has a series; of its instances only the first is looked up, because this is asked often."""
    return bool(database.fileForInstance(instances[0]) if instances else database.filesForSeries(uid))


def _filesOf(database: Any, series: Iterable[tuple[str, Sequence[str]]]) -> list[Path]:
    """The files of instances, or of a whole series where none are named; for a missing instance, a path without a file."""
    names = [
        name
        for uid, instances in series
        for name in (map(database.fileForInstance, instances) if instances else database.filesForSeries(uid))
    ]
    return [Path(name) for name in names]


def _checkPlace(reportNode: Any, report: Report, files: Sequence[Path]) -> None:
    """Check that the coordinates of a report are those of its DICOM images.

    :raises InputError: if a volume was not at the position of its images when it was analysed, or several images are at a place.
    """
    from ..writing.dicom.grid import frames_of, planes_of, several_at_a_place
    from ..writing.dicom.sources import read_sources

    uids = {series.role: series.uid for series in report.series}
    instances = read_sources(dict.fromkeys(files, ()), list(uids.values())).series
    filled = any(note.code == _FILLED for note in report.notes)
    grids = {role.value: grid for role, grid in analysedGrids(reportNode).items() if role.value in uids}
    for role, (counts, matrix) in grids.items():
        volume = Image(np.broadcast_to(np.uint8(0), counts), matrix)
        frames = frames_of(instances[uids[role]])
        planes = planes_of(frames, volume)
        if not planes or (len(planes) < counts[next(iter(planes.values())).axis] and not filled):
            raise InputError(
                _("The points of this result do not lie on its DICOM images."),
                _("The volume was moved in the scene before it was analyzed, or the gaps between its slices are uneven."),
                _("Take the volume out of its transform or load it again, and analyze it again; or uncheck the DICOM files."),
                code="moved",
            )
        if several_at_a_place(frames, volume):
            raise InputError(
                _("The DICOM series of this result has several images at the same place."),
                _("Its volume, which tells which of them were analyzed, is not in the scene or was not loaded from DICOM."),
                _("Load the series with the DICOM module and analyze it again; or uncheck the DICOM files."),
                code="several-images",
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
