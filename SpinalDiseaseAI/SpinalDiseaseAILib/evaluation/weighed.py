"""A classifier whose findings are weighed with the masks, measured like any other classifier."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.geometry import FloatArray
from ..base.options import no_progress
from ..base.planes import SagittalVolume
from ..base.report import FindingResult
from ..pipelines.grading import Findings, Grading
from ..steps.measurements.segmented_spine import SegmentedSpine
from ..steps.segmentation import Segmenter


@dataclass(frozen=True)
class WeighedClassifier:
    """Gives the findings that a weigher corrects, as an analysis with masks does.

    :param grading: the classifier and the weigher.
    :param findings: the findings that the weigher corrects; others are left out.
    """

    grading: Grading
    segmenter: Segmenter
    findings: tuple[str, ...]

    def classify(self, volumes: dict[str, SagittalVolume], points: dict[str, FloatArray], names: tuple[str, ...]) -> Findings:
        """Like :meth:`..steps.classification.Classifier.classify`, for volumes with T2."""
        stated = self.grading.stated(volumes, points, names, no_progress)
        spine = SegmentedSpine(volumes["T2"], self.segmenter.segment(volumes["T2"].image, points), points)
        found = self.grading.findings(stated, spine, "T2")
        return {name: kept for name, items in found.items() if (kept := self._kept(items))}

    def _kept(self, items: tuple[FindingResult, ...]) -> tuple[FindingResult, ...]:
        return tuple(item for item in items if item.name in self.findings)
