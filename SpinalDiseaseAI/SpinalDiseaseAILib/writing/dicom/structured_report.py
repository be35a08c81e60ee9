"""A report as a DICOM structured report: Comprehensive 3D SR, template TID 1500 Measurement Report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from ...base import anatomy
from ...base.anatomy import Code
from ...base.errors import InputError
from ...base.report import DISCLAIMER, Report
from ..facts import correction_line, numbering_line
from .measurement_groups import measurement_groups
from .product import NAME, coded, common_elements, lasting_uid, short, software_of, stamp
from .sources import Sources, refusing_headers, silent_dicom

SERIES_NUMBER = 7001
DESCRIPTION = "SpinalDiseaseAI report"

_PROCEDURE = Code("24968-0", "LN", "MR Lumbar spine")
_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
_GEOMETRY = {"PixelSpacing": 2, "ImageOrientationPatient": 6, "ImagePositionPatient": 3, "SliceThickness": 1}
"""Elements of a placed slice, and how many values they have; the image library has all of them or none."""
_STEP = "SpacingBetweenSlices"
"""Element that not every header has."""


def write_structured_report(report: Report, sources: Sources, path: Path) -> None:
    """Write a report as a DICOM file.

    :param sources: headers of the analysed series.
    :raises InputError: if the report has no structure, or a header's values cannot be copied.
    :raises OSError: if it cannot be written.
    """
    with silent_dicom():
        dataset = structured_report(report, sources)
        with refusing_headers():
            dataset.save_as(path)


def structured_report(report: Report, sources: Sources) -> Dataset:
    """A report as a data set of the study and patient of the analysed series.

    It is partial, preliminary and unverified, because no physician has read it.

    :raises InputError: see :func:`write_structured_report`.
    """
    if not report.structures:
        raise InputError(
            "The report has no vertebra or disc.", "A DICOM structured report needs at least one.", code="nothing-found"
        )
    uid, instances = next(iter(sources.series.items()))
    groups = measurement_groups(report, str(instances[0].FrameOfReferenceUID), uid)
    with refusing_headers():
        content = sr.MeasurementReport(
            observation_context=_observers(report),
            procedure_reported=coded(_PROCEDURE),
            imaging_measurements=groups,
            title=codes.DCM.ImagingMeasurementReport,
            referenced_images=[_library_entry(item) for item in sources.all],
        )[0]
        content.ContentSequence.append(_comments(report))
        dataset: Dataset = sr.Comprehensive3DSR(
            evidence=sources.all,
            content=content,
            series_number=SERIES_NUMBER,
            series_description=DESCRIPTION,
            is_complete=False,
            is_final=False,
            is_verified=False,
            **common_elements(report),
        )
    stamp(dataset)
    return dataset


def _observers(report: Report) -> Any:
    """The program, and the readers who corrected its result, as named in the report."""
    name, version = software_of(report)
    device = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=lasting_uid("device", name, version), name=name, manufacturer_name=NAME, model_name=short(f"{name} {version}")
        ),
    )
    person = None
    if report.corrections:
        authors = dict.fromkeys(item.author for item in report.corrections)
        person = sr.ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(name=short(", ".join(authors))),
        )
    return sr.ObservationContext(observer_person_context=person, observer_device_context=device)


def _library_entry(source: Dataset) -> Dataset:
    """The entry of an instance in the image library, with its geometry unless each frame has its own."""
    entry = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "FrameOfReferenceUID", "Rows", "Columns"):
        setattr(entry, keyword, source[keyword].value)
    placed = all(np.size(source.get(keyword) or ()) == count for keyword, count in _GEOMETRY.items())
    entry.Modality = source.get("Modality", "") if placed else ""
    for keyword in (*_GEOMETRY, *([_STEP] if np.size(source.get(_STEP) or ()) == 1 else [])) if placed else ():
        setattr(entry, keyword, source[keyword].value)
    return entry


def _comments(report: Report) -> Any:
    """What a reader must know about the whole report, as texts."""
    container = sr.ContainerContentItem(name=coded(_EVALUATIONS), relationship_type=sr.RelationshipTypeValues.CONTAINS)
    container.ContentSequence = sr.ContentSequence(
        [
            sr.TextContentItem(name=codes.DCM.Comment, value=line, relationship_type=sr.RelationshipTypeValues.CONTAINS)
            for line in comment_lines(report)
        ]
    )
    return container


def comment_lines(report: Report) -> list[str]:
    """The lines of the report's comments."""
    lines = [DISCLAIMER]
    if report.research_only:
        lines.append("A model took part that may be used for research only.")
    lines.append(numbering_line(report))
    for item in report.structures:
        unsure = [anatomy.finding(finding.name).display for finding in item.findings if finding.unsure]
        if unsure:
            lines.append(f"The images do not tell at {item.name}: {', '.join(unsure)}. The values given there are guesses.")
    placed = [item.name for item in report.structures if item.manual]
    if placed:
        lines.append(f"Points placed by a person: {', '.join(placed)}.")
    return [*lines, *(note.text for note in report.notes), *map(correction_line, report.corrections)]
