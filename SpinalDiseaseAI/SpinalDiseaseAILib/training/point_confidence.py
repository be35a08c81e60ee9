"""Confidence from the scores of a published localizer, fitted to its hits and misses on the tuning patients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ..datasets.collection import read_dataset
from ..evaluation.key_points import errors_of, located
from ..pipelines.model_store import ModelStore

_RIDGE = 1e-3  # keeps the slope finite if nothing is missed
_PLAIN = [1.0, 0.0]


def fitted_confidence(config: dict[str, Any], place: Path, data: Path) -> list[float]:
    """Slope and offset from the logit of the score to the logit of the probability (Platt, 1999), for a packed bundle.

    :param place: folder of the bundle, whose own slope and offset are 1 and 0.
    :param data: folder of the data sets.
    :returns: 1 and 0 if the localizer finds no key points of the tuning patients.
    """
    store = ModelStore()
    localizer, _ = store.localizer(place.name, str(place.parent), store.device("cpu"))
    scores, hits = [], []
    for name in config["datasets"]:
        for record in read_dataset(name, data, ("tune",)):
            if not record.points:
                continue
            case = located(record, localizer)
            errors = errors_of(case)
            found = [key for key, point in case.points.items() if point.predicted is not None and point.truth is not None]
            scores += [case.points[key].confidence for key in found]
            hits += [errors.is_hit(key) for key in found]
    if not scores:
        return list(_PLAIN)
    clipped = np.clip(scores, 1e-4, 1 - 1e-4)
    logits, signs = np.log(clipped / (1 - clipped)), np.where(hits, 1.0, -1.0)

    def loss(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
        slope, offset = values
        return float(np.logaddexp(0, -signs * (slope * logits + offset)).mean() + _RIDGE * (slope**2 + offset**2))

    found_values = minimize(loss, np.array(_PLAIN), method="L-BFGS-B", bounds=[(0.0, 20.0), (-10.0, 10.0)]).x
    return [round(float(value), 3) for value in found_values]
