"""Studies in the application's DICOM database, the series that would be used of a study, and their volumes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from ..base.errors import InputError
from ..base.study import Role
from ..scene.hierarchy import hierarchyOf

if TYPE_CHECKING:
    from ..reading.listing import SeriesListing


@dataclass(frozen=True)
class DatabaseStudy:
    """A study with MR series. It is only shown on screen: the patient's identity goes nowhere else.

    :param date: readable date, such as ``"2026-01-02"``; the header's own text if that is not a date.
    :param seriesUIDs: UIDs of its MR series.
    """

    uid: str
    patient: str
    date: str
    description: str
    seriesUIDs: tuple[str, ...]

    def matches(self, text: str) -> bool:
        """True if every word of a text occurs in patient, date or description, regardless of case."""
        whole = f"{self.patient} {self.date} {self.description}".lower()
        return all(word in whole for word in text.lower().split())


def openDatabase() -> Any:
    """The application's DICOM database; None if there is none or it is closed."""
    database = getattr(slicer, "dicomDatabase", None)
    return database if database is not None and database.isOpen else None


def studiesOf(database: Any) -> list[DatabaseStudy]:
    """Every study with MR series, most recent first."""
    found = []
    for patient in database.patients():
        name = _readable(database.nameForPatient(patient)) or database.fieldForPatient("PatientID", patient)
        for uid in database.studiesForPatient(patient):
            series = tuple(item for item in database.seriesForStudy(uid) if database.fieldForSeries("Modality", item) == "MR")
            if series:
                date = _date(database.fieldForStudy("StudyDate", uid))
                found.append(DatabaseStudy(uid, name, date, database.descriptionForStudy(uid) or "", series))
    return sorted(found, key=lambda study: study.date, reverse=True)


def listingOf(database: Any, study: DatabaseStudy, t2: str = "", t1: str = "") -> SeriesListing:
    """The series of a study, which of them would be used as T2 and T1, and why.

    :param t2: UID of the series that the user chose as T2; empty to choose by geometry, timing and coverage.
    :raises InputError: if the files of the study are gone.
    """
    from ..reading import list_series  # reads headers with pydicom

    files = [Path(name) for uid in study.seriesUIDs for name in database.filesForSeries(uid)]
    present = [path for path in files if path.is_file()]
    if not present:
        raise InputError(
            _("The files of this study are not where the DICOM database says."),
            remedy=_("Import the study again in the DICOM module."),
            code="missing-path",
        )
    return list_series(present, t2=t2, t1=t1)


def loadSeries(scene: Any, uid: str) -> Any:
    """The volume of a series, loaded from the DICOM database unless it is already in the scene.

    :raises InputError: if the database yields no volume for it.
    """
    node = _loadedVolume(scene, uid)
    if node is not None:
        return node
    from DICOMLib import DICOMUtils  # type: ignore[import-not-found]  # only the application has it

    for nodeID in DICOMUtils.loadSeriesByUID([uid]) or ():
        node = scene.GetNodeByID(nodeID)
        if node is not None and node.IsA("vtkMRMLScalarVolumeNode"):
            return node
    raise InputError(
        _("The series could not be loaded as a volume."),
        remedy=_("Load it in the DICOM module, and choose it under “Loaded volumes”."),
        code="no-volume",
    )


def roleText(role: Role) -> str:
    """The role of a series as text."""
    return str(_("T2") if role is Role.SAGITTAL_T2 else _("T1"))


def _loadedVolume(scene: Any, uid: str) -> Any:
    hierarchy = hierarchyOf(scene)
    item = hierarchy.GetItemByUID(slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName(), uid)
    node = hierarchy.GetItemDataNode(item) if item else None
    return node if node is not None and node.IsA("vtkMRMLScalarVolumeNode") else None


def _readable(name: str | None) -> str:
    """A DICOM person name in readable form: "Doe^Jane" becomes "Doe, Jane"."""
    return ", ".join(part.strip() for part in (name or "").split("^") if part.strip())


def _date(text: str | None) -> str:
    digits = (text or "").replace("-", "")
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 and digits.isdigit() else (text or "")
