"""The baselines given with every figure: predictions that need no image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..base.anatomy import KEY_POINTS, finding
from ..datasets.records import Record
from .predictions import FloatArray, Graded

LEVEL_SHARES = "class shares of the level among training patients"
MAJORITY = "always the class most frequent in training"
NORMAL = "always normal"


def baselines(graded: Graded, training: Sequence[Record]) -> dict[str, Graded]:
    """The trivial predictions for the same structures, by name of the baseline."""
    return {
        LEVEL_SHARES: prior(graded, training),
        MAJORITY: majority(graded, training),
        NORMAL: always(graded, 0),
    }


def prior(graded: Graded, training: Sequence[Record]) -> Graded:
    """The level-only baseline: class shares of each structure among the training patients."""
    size = len(finding(graded.name).classes)
    shares = {}
    for structure in KEY_POINTS:
        seen = list(_seen(graded.name, training, (structure,)).values())
        shares[structure] = np.mean(seen, axis=0) if seen else np.full(size, 1 / size)
    return _constant(graded, np.array([shares[structure] for structure in graded.structures]))


def majority(graded: Graded, training: Sequence[Record]) -> Graded:
    """Always the class that most training structures have; the first class if none is known."""
    seen = list(_seen(graded.name, training, KEY_POINTS).values())
    return always(graded, int(np.argmax(np.sum(seen, axis=0))) if seen else 0)


def always(graded: Graded, index: int) -> Graded:
    """Always one class, with certainty. The first class of a finding is the normal one."""
    return _constant(graded, np.tile(np.eye(len(finding(graded.name).classes))[index], (len(graded.truth), 1)))


def _constant(graded: Graded, probability: FloatArray) -> Graded:
    return replace(graded, probability=probability, plausible=None)


def _seen(name: str, training: Sequence[Record], structures: Sequence[str]) -> dict[tuple[str, str], list[float]]:
    """Classes of each (patient, structure) as ones and zeros; a patient with several series counts once."""
    return {
        (record.patient, structure): [float(key in record.findings[structure][name]) for key in finding(name).class_names]
        for record in training
        for structure in structures
        if name in record.findings.get(structure, {})
    }
