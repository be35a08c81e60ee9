"""Measurement groups of a structured report: one per structure (TID 1410), and one for the whole spine (TID 1501).

Every group has the same evaluations in the same order, because readers, including 3D Slicer, make one table of all groups and
take its columns from one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from highdicom import sr
from pydicom.sr.codedict import codes

from ...base.anatomy import FINDINGS, LUMBAR_REGION, Code, Finding, structure
from ...base.concepts import CLASS_CONCEPTS, FINDING_CODES, KIND_CODES, POINT_PROBABILITY, QUANTITY_CODES
from ...base.geometry import LPS_FROM_RAS, transform_points
from ...base.quantities import Measurement
from ...base.report import FindingResult, Report, StructureResult
from ...base.terminology import CATEGORY
from .product import algorithm_parameters, coded, lasting_uid, software_of

_ABSENT, _PRESENT = Code("272519000", "SCT", "Absent"), Code("52101004", "SCT", "Present")
_NOT_EVALUATED = Code("373121007", "SCT", "Not Evaluated")
_UNITS = {
    "mm": Code("mm", "UCUM", "millimeter"),
    "mm2": Code("mm2", "UCUM", "square millimeter"),
    "deg": Code("deg", "UCUM", "degree"),
    "%": Code("%", "UCUM", "percent"),
    "1": Code("1", "UCUM", "no units"),
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
            qualitative_evaluations=[_evaluation(*pair) for pair in _evaluations(item, assessed)],
            measurements=[_point_probability(item), *_probabilities(item, assessed), *_measurements(item.measurements)],
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


def _evaluations(item: StructureResult, assessed: dict[str, tuple[Finding, ...]]) -> list[tuple[Code, Code]]:
    """Concept and value of each evaluation of a structure.

    The value of an exclusive finding is its class. If several classes can occur together, each is a separate concept that is
    present or absent, so that the number of evaluations does not depend on the results.
    """
    pairs = []
    for finding in assessed[item.name]:
        result = item.finding(finding.name)
        if finding.exclusive:
            value = finding.class_of(result.predicted[0]).code if result else _NOT_EVALUATED
            pairs.append((FINDING_CODES[finding.name], value))
        else:
            pairs += [(CLASS_CONCEPTS[finding.name, name], _presence(result, name)) for name in finding.class_names]
    return pairs


def _presence(result: FindingResult | None, name: str) -> Code:
    if result is None:
        return _NOT_EVALUATED
    return _PRESENT if name in result.predicted else _ABSENT


def _evaluation(name: Code, value: Code) -> Any:
    return sr.QualitativeEvaluation(name=coded(name), value=coded(value))


def _probabilities(item: StructureResult, assessed: dict[str, tuple[Finding, ...]]) -> list[Any]:
    """The probability of each evaluation, with a modifier that repeats the concept and value of the evaluation."""
    made = []
    for finding in assessed[item.name]:
        result = item.finding(finding.name)
        if result is None:
            continue
        if finding.exclusive:
            name = result.predicted[0]
            concept, value = FINDING_CODES[finding.name], finding.class_of(name).code
            made.append(_probability(result.probabilities[name], concept, value))
        else:
            for name, probability in result.probabilities.items():
                value = _presence(result, name)
                shown = probability if value is _PRESENT else 1 - probability
                made.append(_probability(shown, CLASS_CONCEPTS[finding.name, name], value))
    return made


def _probability(probability: float, concept: Code, value: Code) -> Any:
    number = sr.Measurement(name=codes.DCM.Probability, value=round(probability, 4), unit=coded(_UNITS["1"]))
    modifier = sr.CodeContentItem(
        name=coded(concept), value=coded(value), relationship_type=sr.RelationshipTypeValues.HAS_CONCEPT_MOD
    )
    number[0].ContentSequence = sr.ContentSequence([modifier])
    return number


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
