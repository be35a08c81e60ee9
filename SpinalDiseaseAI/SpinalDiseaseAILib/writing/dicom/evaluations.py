"""The findings of a structure as coded evaluations: what is said, what else is plausible, and how probable it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from highdicom import sr
from pydicom.sr.codedict import codes

from ...base.anatomy import Code, Finding
from ...base.concepts import (
    CERTAINTY,
    CLASS_CONCEPTS,
    FINDING_CODES,
    INDETERMINATE,
    PLAUSIBLE_RATE,
    PLAUSIBLE_VALUE,
)
from ...base.report import FindingResult, StructureResult
from .product import coded

NO_UNITS = Code("1", "UCUM", "no units")

_ABSENT, _PRESENT = Code("272519000", "SCT", "Absent"), Code("52101004", "SCT", "Present")
_NOT_EVALUATED = Code("373121007", "SCT", "Not Evaluated")
_DIGITS = 4


def evaluations(item: StructureResult, assessed: Sequence[Finding]) -> list[Any]:
    """The evaluations of a structure, as many whatever the results are.

    The value of an exclusive finding is its class. If several classes can occur together, each is a separate concept that is
    present or absent. What else is plausible is in properties of an evaluation, because 3D Slicer makes a column of each code
    beside it.

    :param assessed: findings of all structures like this one; those that it lacks are not evaluated.
    """
    made = []
    for finding in assessed:
        result = item.finding(finding.name)
        for concept, value, _ in _told(finding, result):
            evaluation = sr.QualitativeEvaluation(name=coded(concept), value=coded(value))
            properties = _properties(finding, result, concept, value) if result is not None else []
            if properties:
                evaluation[0].ContentSequence = sr.ContentSequence(properties)
            made.append(evaluation)
    return made


def probabilities(item: StructureResult, assessed: Sequence[Finding]) -> list[Any]:
    """The probability of each evaluation, with a modifier that repeats the concept and value of the evaluation."""
    made = []
    for finding in assessed:
        result = item.finding(finding.name)
        for concept, value, probability in _told(finding, result) if result is not None else ():
            number = sr.Measurement(name=codes.DCM.Probability, value=round(probability, _DIGITS), unit=coded(NO_UNITS))
            number[0].ContentSequence = sr.ContentSequence([_code(concept, value, sr.RelationshipTypeValues.HAS_CONCEPT_MOD)])
            made.append(number)
    return made


def _told(finding: Finding, result: FindingResult | None) -> Iterator[tuple[Code, Code, float]]:
    """Concept, value and probability of each evaluation of a finding."""
    if finding.exclusive:
        name = result.predicted[0] if result else ""
        value = finding.class_of(name).code if result else _NOT_EVALUATED
        yield FINDING_CODES[finding.name], value, result.probabilities[name] if result else 0.0
        return
    for name in finding.class_names:
        present = result is not None and name in result.predicted
        value = _NOT_EVALUATED if result is None else _PRESENT if present else _ABSENT
        probability = result.probabilities[name] if result else 0.0
        yield CLASS_CONCEPTS[finding.name, name], value, probability if present else 1 - probability


def _properties(finding: Finding, result: FindingResult, concept: Code, value: Code) -> list[Any]:
    """The plausible values of an evaluation, how often such values include the true one, and whether it is a guess."""
    plausible = _plausible(finding, result, concept, value)
    if not plausible:
        return []
    relation = sr.RelationshipTypeValues.HAS_PROPERTIES
    items: list[Any] = [_code(PLAUSIBLE_VALUE, each, relation) for each in plausible]
    rate, unit = round(result.coverage, _DIGITS), coded(NO_UNITS)
    items.append(sr.NumContentItem(name=coded(PLAUSIBLE_RATE), value=rate, unit=unit, relationship_type=relation))
    if result.unsure:
        items.append(_code(CERTAINTY, INDETERMINATE, relation))
    return items


def _plausible(finding: Finding, result: FindingResult, concept: Code, value: Code) -> list[Code]:
    """The plausible values of one evaluation; empty if the model states none.

    If several classes can occur together, the model states for each whether it can be ruled out, but not whether its absence
    can, so nothing is stated for a class that is present.
    """
    if finding.exclusive:
        return [finding.class_of(name).code for name in result.plausible]
    if not result.plausible or value == _PRESENT:
        return []
    possible = any(CLASS_CONCEPTS[finding.name, name] == concept for name in result.plausible)
    return [_ABSENT, _PRESENT] if possible else [_ABSENT]


def _code(name: Code, value: Code, relation: Any) -> Any:
    return sr.CodeContentItem(name=coded(name), value=coded(value), relationship_type=relation)
