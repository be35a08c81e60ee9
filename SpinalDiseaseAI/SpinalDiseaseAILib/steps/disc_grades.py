"""The grade of disc degeneration, mild, moderate or severe, from the region network's grades and from the masks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from ..base.anatomy import DEGENERATION_OF_PFIRRMANN, KEY_POINTS, Kind, finding, structure
from ..base.geometry import FloatArray
from ..base.report import FindingResult
from ..models.arrays import array_of, tensor_of
from ..models.disc_grade_model import VARIANTS, DiscGradeModel
from .measurements.disc_features import FEATURES

FINDING = "degeneration"
CLASSES = finding(FINDING).class_names
LEVELS = tuple(name for name in KEY_POINTS if structure(name).kind is Kind.DISC)

_LEAST = 1e-4  # lower limit of the region network's probabilities


def summed(pfirrmann: Mapping[str, float]) -> FloatArray:
    """Logarithms of the probabilities of the three grades, summed from those of the Pfirrmann grades; (3,)."""
    sums = np.zeros(len(CLASSES))
    for grade, value in pfirrmann.items():
        sums[CLASSES.index(DEGENERATION_OF_PFIRRMANN[grade])] += value
    result: FloatArray = np.log(np.maximum(sums, _LEAST))
    return result


class DiscGrader:
    """Grades discs.

    :param network: in evaluation mode, on the CPU.
    :param variant: variant of the model for discs with features from masks.
    :param without_masks: variant for discs that could not be measured.
    :param model: name of the bundle, kept with each result.
    :raises ValueError: if a variant is unknown, or the one without masks needs them.
    """

    def __init__(self, network: DiscGradeModel, variant: str, without_masks: str, model: str) -> None:
        if variant not in VARIANTS or without_masks != "region":
            raise ValueError(f"The variants {variant!r} and {without_masks!r} cannot be used together.")
        self.network = network
        self.variant = variant
        self.without_masks = without_masks
        self.model = model

    @torch.inference_mode()
    def probabilities(
        self, pfirrmann: Mapping[str, Mapping[str, float]], features: Mapping[str, FloatArray]
    ) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
        """Probabilities by every variant.

        :param pfirrmann: disc to Pfirrmann grade to probability.
        :param features: disc to its features; discs may be missing.
        :returns: variant to disc to probabilities (3,); a disc without features has only ``region``.
        """
        names = [name for name in LEVELS if name in pfirrmann]
        if not names:
            return {variant: {} for variant in VARIANTS}
        region = tensor_of(np.stack([summed(pfirrmann[name]) for name in names])).float()
        empty = np.zeros(len(FEATURES))
        measured = tensor_of(np.stack([features.get(name, empty) for name in names])).float()
        levels = torch.eye(len(LEVELS))[[LEVELS.index(name) for name in names]]
        found = {key: array_of(value.double().exp()) for key, value in self.network(region, measured, levels).items()}
        return {
            variant: {name: found[variant][i] for i, name in enumerate(names) if variant == "region" or name in features}
            for variant in VARIANTS
        }

    def grade(self, pfirrmann: Mapping[str, Mapping[str, float]], features: Mapping[str, FloatArray]) -> dict[str, FindingResult]:
        """The finding of every disc that has a Pfirrmann grade, by the variant for discs with or without masks."""
        by_variant = self.probabilities(pfirrmann, features)
        chosen = {**by_variant[self.without_masks], **by_variant[self.variant]}
        return {
            name: FindingResult(FINDING, dict(zip(CLASSES, values.tolist(), strict=True)), self.model)
            for name, values in chosen.items()
        }
