"""The weighted log losses of two RSNA challenges, for systems measured on them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

SEVERITY_WEIGHTS = np.array([1.0, 2.0, 4.0])
"""RSNA 2024: normal or mild, moderate, severe."""

VERTEBRA_WEIGHTS, PATIENT_WEIGHTS = np.array([1.0, 2.0]), np.array([7.0, 14.0])
"""RSNA 2022: without and with a fracture."""

_LEAST = 1e-15


def severity_log_loss(truth: FloatArray, probability: FloatArray) -> float:
    """Log loss of severities, each structure weighted 1, 2 or 4 by its true class.

    :param truth: (N, 3) ones and zeros; rows without a one are unknown and left out.
    :param probability: (N, 3); rows are normalized to a sum of 1.
    """
    known = truth.any(1)
    truth, probability = truth[known], np.clip(probability[known], _LEAST, 1)
    probability = probability / probability.sum(1, keepdims=True)
    weight = truth @ SEVERITY_WEIGHTS
    return float((-(truth * np.log(probability)).sum(1) * weight).sum() / weight.sum())


def rsna2024_score(conditions: Mapping[str, tuple[FloatArray, FloatArray]], canal: str, studies: npt.NDArray[np.str_]) -> float:
    """The score of RSNA 2024 lumbar: the mean of the conditions' weighted log losses and of "any severe canal stenosis".

    :param conditions: truth and probability (N, 3) of canal stenosis, foraminal narrowing and subarticular stenosis (both sides).
    :param canal: key of the canal stenosis in ``conditions``.
    :param studies: (N,) study of each row of the canal stenosis: the maximum over a study's levels is its "any severe".
    """
    losses = [severity_log_loss(*values) for values in conditions.values()]
    truth, probability = conditions[canal]
    known = truth.any(1)
    weight = truth @ SEVERITY_WEIGHTS
    rows = [(np.flatnonzero((studies == study) & known)) for study in np.unique(studies[known])]
    severe = np.array([truth[row, 2].max() for row in rows])
    stated = np.clip([probability[row, 2].max() for row in rows], _LEAST, 1 - _LEAST)
    heavy = np.array([weight[row].max() for row in rows])
    loss = -(severe * np.log(stated) + (1 - severe) * np.log(1 - stated))
    return float(np.mean([*losses, (loss * heavy).sum() / heavy.sum()]))


def rsna2022_score(truth: FloatArray, probability: FloatArray) -> float:
    """The weighted log loss of RSNA 2022 cervical: the weighted mean over each patient's targets, averaged over patients.

    :param truth: (patients, 8) ones and zeros: the whole patient, then C1 … C7.
    :param probability: (patients, 8) probabilities of a fracture.
    """
    positive = np.array([PATIENT_WEIGHTS[1], *[VERTEBRA_WEIGHTS[1]] * 7])
    negative = np.array([PATIENT_WEIGHTS[0], *[VERTEBRA_WEIGHTS[0]] * 7])
    weight = np.where(truth > 0, positive, negative)
    stated = np.clip(probability, _LEAST, 1 - _LEAST)
    loss = -(truth * np.log(stated) + (1 - truth) * np.log(1 - stated))
    return float(((weight * loss).sum(1) / weight.sum(1)).mean())
