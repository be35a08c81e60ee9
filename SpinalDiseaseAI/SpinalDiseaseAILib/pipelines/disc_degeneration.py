"""Grades of disc degeneration beside the findings of the classifiers."""

from __future__ import annotations

from collections.abc import Mapping

from ..base.anatomy import FINDINGS
from ..base.report import FindingResult
from ..steps.disc_grades import LEVELS, DiscGrader
from ..steps.measurements.disc_features import disc_features
from ..steps.measurements.segmented_spine import SegmentedSpine

Findings = dict[str, tuple[FindingResult, ...]]

_PFIRRMANN = "pfirrmann"
_ORDER = {item.name: number for number, item in enumerate(FINDINGS)}


def with_degeneration(graded: Findings, grader: DiscGrader, spine: SegmentedSpine | None, contrast: str) -> Findings:
    """The findings with the grade of every disc that has a Pfirrmann grade.

    :param graded: structure to findings.
    :param spine: the masks of the study; None where there are none.
    :param contrast: of the series that was segmented: the features from the masks are of T2.
    :returns: the same, findings in the order of tables.
    """
    pfirrmann: Mapping[str, dict[str, float]] = {
        name: item.probabilities for name, items in graded.items() for item in items if item.name == _PFIRRMANN
    }
    features = disc_features(spine, LEVELS) if spine is not None and contrast == "T2" else {}
    found = grader.grade(pfirrmann, features)
    return {
        name: tuple(sorted((*items, found[name]), key=lambda item: _ORDER[item.name])) if name in found else items
        for name, items in graded.items()
    }
