"""The position of each finding in the outputs of a grading network, and the conversion of outputs to results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..base.anatomy import finding
from ..base.report import FindingResult
from .calibration import Calibration, FloatArray


@dataclass(frozen=True)
class Heads:
    """The findings of a network.

    :param findings: finding name to class names, in the order of the outputs.
    :param calibrations: finding name to its calibration; findings that are not listed are not calibrated.
    """

    findings: dict[str, tuple[str, ...]]
    calibrations: dict[str, Calibration] = field(default_factory=dict)

    @classmethod
    def of_options(cls, findings: dict[str, tuple[str, ...]], options: dict[str, Any]) -> Heads:
        """The findings of a bundle with the calibration in its options.

        :raises ValueError, TypeError, KeyError, AttributeError: if the options cannot be read.
        """
        return cls(findings, {name: Calibration.of_options(finding(name), options) for name in findings})

    def calibration(self, name: str) -> Calibration:
        """The calibration of a finding."""
        return self.calibrations.get(name) or Calibration.none(finding(name))

    def probabilities(self, logits: npt.NDArray[np.floating[Any]]) -> dict[str, FloatArray]:
        """Finding name to calibrated probabilities (N, classes), of logits (N, outputs)."""
        result = {}
        start = 0
        for name, classes in self.findings.items():
            part = logits[:, start : start + len(classes)].astype(np.float64)
            result[name] = self.calibration(name).probabilities(finding(name), part)
            start += len(classes)
        return result

    def results(self, logits: npt.NDArray[np.floating[Any]], model: str) -> dict[str, list[FindingResult]]:
        """Finding name to one result per row of logits (N, outputs).

        :param model: name of the bundle, kept with each result.
        """
        result = {}
        for name, values in self.probabilities(logits).items():
            classes = self.findings[name]
            sets = self.calibration(name).plausible
            chosen = sets.of(finding(name), values) if sets else np.zeros(values.shape, dtype=bool)
            result[name] = [
                FindingResult(
                    name,
                    dict(zip(classes, row.tolist(), strict=True)),
                    model,
                    tuple(key for key, plausible in zip(classes, among, strict=True) if plausible),
                    sets.rate if sets else 0.0,
                )
                for row, among in zip(values, chosen, strict=True)
            ]
        return result
