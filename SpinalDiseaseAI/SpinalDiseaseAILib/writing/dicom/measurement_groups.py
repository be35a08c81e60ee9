"""Measurement groups of a structured report: one per structure (TID 1410), and one for the whole spine (TID 1501).

Every group has the same evaluations in the same order, because readers, including 3D Slicer, make one table of all groups and
take its columns from one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from highdicom import sr

from ...base.anatomy import FINDINGS, LUMBAR_REGION, Code, Finding, structure
from ...base.concepts import KIND_CODES, POINT_PROBABILITY, QUANTITY_CODES
from ...base.geometry import LPS_FROM_RAS, transform_points
from ...base.quantities import Measurement
from ...base.report import Report, StructureResult
from ...base.terminology import CATEGORY
from .evaluations import NO_UNITS, evaluations, probabilities
from .product import algorithm_parameters, coded, lasting_uid, software_of

_UNITS = {
    "mm": Code("mm", "UCUM", "millimeter"),
    "mm2": Code("mm2", "UCUM", "square millimeter"),
    "deg": Code("deg", "UCUM", "degree"),
    "%": Code("%", "UCUM", "percent"),
    "1": NO_UNITS,
}
_WHOLE_SPINE = "lumbar spine"


def measurement_groups(report: Report, frame_of_reference_uid: str, series_uid: str) -> list[Any]:
    """The groups of a report, from cranial to caudal, the whole spine last; empty if nothing was found.

    :param frame_of_reference_uid: frame of reference of the report's positions.
    :param series_uid: UID of the series on which levels were located; its levels have the same tracking UIDs in every report.
    """
    assessed = _assessed(report)
    groups: list[Any] = [
        sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(uid=lasting_uid(series_uid, item.name), identifier=item.name),
            referenced_region=_region(item, frame_of_reference_uid),
            finding_category=coded(CATEGORY),
            finding_type=coded(KIND_CODES[structure(item.name).kind]),
            # DICOM has no code for a sixth lumbar vertebra and its discs, which the tracking identifier distinguishes.
            finding_sites=[sr.FindingSite(coded(structure(item.name).code or LUMBAR_REGION))],
            algorithm_id=_algorithm(report),
            qualitative_evaluations=evaluations(item, assessed[item.name]),
            measurements=[_point_probability(item), *probabilities(item, assessed[item.name]), *_measurements(item.measurements)],
        )
        for item in report.structures
    ]
    spine = _measurements(report.measurements)
    if spine:
        groups.append(
            sr.MeasurementsAndQualitativeEvaluations(
                tracking_identifier=sr.TrackingIdentifier(uid=lasting_uid(series_uid, _WHOLE_SPINE), identifier=_WHOLE_SPINE),
                finding_category=coded(CATEGORY),
                finding_type=coded(LUMBAR_REGION),
                finding_sites=[sr.FindingSite(coded(LUMBAR_REGION))],
                algorithm_id=_algorithm(report),
                measurements=spine,
            )
        )
    return groups


def _algorithm(report: Report) -> Any:
    name, version = software_of(report)
    return sr.AlgorithmIdentification(name=name, version=version, parameters=algorithm_parameters(report.models) or None)


def _region(item: StructureResult, frame_of_reference_uid: str) -> Any:
    point = transform_points(LPS_FROM_RAS, np.array([item.position]))
    return sr.ImageRegion3D(
        graphic_type=sr.GraphicTypeValues3D.POINT, graphic_data=point, frame_of_reference_uid=frame_of_reference_uid
    )


def _assessed(report: Report) -> dict[str, tuple[Finding, ...]]:
    """Structure name to the findings in its group.

    These are the findings of its kind, so that a vertebra is not reported to lack a disc grade. 3D Slicer takes the columns of
    its table from the lowest structure; if that does not have all findings, every group gets all of them, because values
    would otherwise appear under the wrong names.
    """
    kinds = {kind: _of([item for item in report.structures if structure(item.name).kind is kind]) for kind in KIND_CODES}
    every = _of(report.structures)
    lowest = min(report.structures, key=lambda item: item.position[2])
    if kinds[structure(lowest.name).kind] != every:
        return {item.name: every for item in report.structures}
    return {item.name: kinds[structure(item.name).kind] for item in report.structures}


def _of(structures: Sequence[StructureResult]) -> tuple[Finding, ...]:
    names = {finding.name for item in structures for finding in item.findings}
    return tuple(item for item in FINDINGS if item.name in names)


def _point_probability(item: StructureResult) -> Any:
    return sr.Measurement(name=coded(POINT_PROBABILITY), value=round(item.confidence, 4), unit=coded(_UNITS["1"]))


def _measurements(items: Sequence[Measurement]) -> list[Any]:
    return [
        sr.Measurement(
            name=coded(QUANTITY_CODES[item.name]), value=float(f"{item.value:.4g}"), unit=coded(_UNITS[item.quantity.unit])
        )
        for item in items
        if item.value is not None
    ]
