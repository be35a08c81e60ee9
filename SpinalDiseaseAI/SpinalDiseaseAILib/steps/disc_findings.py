"""Joint refinement of the findings of discs, from the region network's logits and from the masks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ..base.geometry import FloatArray
from ..base.report import FindingResult
from ..models.arrays import array_of, tensor_of
from ..models.finding_weights import FindingWeights
from .disc_grades import LEVELS
from .heads import Heads
from .measurements.disc_features import FEATURES, disc_features
from .measurements.disc_surroundings import SURROUNDINGS, disc_surroundings
from .measurements.segmented_spine import SegmentedSpine

MASK_FEATURES = (*FEATURES, *SURROUNDINGS)
"""Features from the masks of a disc, in order."""


def mask_features(spine: SegmentedSpine) -> dict[str, FloatArray]:
    """Features of the discs of a T2 study.

    :returns: every disc that has a point to (features,), in the order of :data:`MASK_FEATURES`; NaN if one cannot be measured.
    """
    names = [name for name in LEVELS if name in spine.points]
    own, around = disc_features(spine, names), disc_surroundings(spine, names)
    unknown = np.full(len(FEATURES), np.nan)
    return {name: np.concatenate([own.get(name, unknown), around[name]]) for name in names}


class FindingWeigher:
    """Refines the findings of a classifier.

    :param network: in evaluation mode, on the CPU.
    :param inputs: the classifier's findings and classes, in the order of its outputs, with the calibration of the corrected
        logits.
    :param weighed: findings that are refined; for the others, the classifier's own results are better.
    :param classifier: name of the bundle whose findings it refines.
    :param weights: SHA-256 of the weights that it was fitted to.
    :param model: its own name, kept with each result.
    :raises ValueError: if no findings are to be refined, or one is not among the classifier's.
    """

    def __init__(
        self, network: FindingWeights, inputs: Heads, weighed: tuple[str, ...], classifier: str, weights: str, model: str
    ) -> None:
        if not weighed or not set(weighed) <= set(inputs.findings):
            raise ValueError(f"{', '.join(weighed) or 'nothing'} of {', '.join(inputs.findings)} cannot be weighed")
        self.network = network
        self.heads = inputs
        self.weighed = weighed
        self.classifier = classifier
        self.weights = weights
        self.model = model

    @torch.inference_mode()
    def weigh(self, logits: Mapping[str, FloatArray], features: Mapping[str, FloatArray]) -> dict[str, dict[str, FindingResult]]:
        """Results of the findings that are refined.

        :param logits: structure to the classifier's logits, (outputs,).
        :param features: disc to features, from :func:`mask_features`.
        :returns: disc to finding to result; discs that are not in both are left out.
        """
        names = [name for name in LEVELS if name in logits and name in features]
        if not names:
            return {}
        stated = tensor_of(np.stack([logits[name] for name in names])).float()
        measured = tensor_of(np.stack([features[name] for name in names])).float()
        levels = torch.eye(len(LEVELS))[[LEVELS.index(name) for name in names]]
        results = self.heads.results(array_of(self.network(stated, measured, levels)), self.model)
        return {name: {key: results[key][index] for key in self.weighed} for index, name in enumerate(names)}
