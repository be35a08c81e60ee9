"""Identifiers of DICOM results, and their information on the product that made them."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable
from typing import Any

import highdicom
from pydicom.dataset import Dataset

from ... import __version__
from ...base.anatomy import PRIVATE_SCHEME, Code
from ...base.report import ModelProvenance, Report
from ...base.uids import plain_uid
from .sources import UTF_8

NAME = "SpinalDiseaseAI"
_LONGEST = 64  # characters of a value of LO, and of the first component group of one of PN; PS3.5 6.2
PRIVATE_SCHEME_NAME = "SpinalDiseaseAI findings and measurements"


def new_uid() -> str:
    """A new unique UID from a random UUID (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


def lasting_uid(*parts: str) -> str:
    """A UID that is always the same for the same parts, such as that of a level of a series."""
    return plain_uid("SpinalDiseaseAI " + " ".join(parts))


def coded(code: Code) -> Any:
    """A code as a highdicom concept."""
    return highdicom.sr.CodedConcept(value=code.value, scheme_designator=code.scheme, meaning=code.meaning)


def software_of(report: Report) -> tuple[str, str]:
    """Name and version of the program that made a report; this one's if the report does not say."""
    name, _, version = report.software.partition(" ")
    return short(name or NAME), short(version or __version__)


def short(text: str) -> str:
    """A text cut to what DICOM allows for a name or a version."""
    return text[:_LONGEST]


def algorithm_parameters(models: Iterable[ModelProvenance]) -> list[str]:
    """One line per model: name, version, licence and the SHA-256 of its weights."""
    return [
        f"{item.name} {item.version}{' (research only)' if item.research_only else ''}, SHA-256 {item.sha256}" for item in models
    ]


def common_elements(report: Report) -> dict[str, Any]:
    """Arguments of highdicom's objects common to all results: equipment, new identifiers, and a purpose of research."""
    return {
        "manufacturer": NAME,
        "manufacturer_model_name": software_of(report)[0],
        "software_versions": software_of(report)[1],
        "device_serial_number": "none",
        "content_qualification": "RESEARCH",
        "series_instance_uid": new_uid(),
        "sop_instance_uid": new_uid(),
        "instance_number": 1,
    }


def stamp(dataset: Dataset) -> None:
    """Set the time of a result (in whole seconds, as readers expect), the origin of its private codes, and its character set."""
    dataset.SpecificCharacterSet = UTF_8
    now = datetime.datetime.now()
    for part in ("InstanceCreation", "Content", "Series"):
        setattr(dataset, f"{part}Date", now.strftime("%Y%m%d"))
        setattr(dataset, f"{part}Time", now.strftime("%H%M%S"))
    scheme = Dataset()
    scheme.CodingSchemeDesignator = PRIVATE_SCHEME
    scheme.CodingSchemeName = PRIVATE_SCHEME_NAME
    scheme.CodingSchemeResponsibleOrganization = NAME
    dataset.CodingSchemeIdentificationSequence = [scheme]
