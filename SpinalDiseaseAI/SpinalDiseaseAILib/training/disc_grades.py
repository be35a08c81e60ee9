"""Fits the model of disc degeneration.

A network memorizes its training patients. Predictions of the region network therefore come from networks that did not see the
patient (out-of-fold predictions), and the regression on mask features is weighed by its predictions for patients on which it was
not fitted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..base.anatomy import DEGENERATION_OF_PFIRRMANN, finding
from ..base.geometry import FloatArray
from ..datasets.records import split_of
from ..evaluation.predictions import Run
from ..models.disc_grade_model import VARIANTS, DiscGradeModel
from ..steps.calibration import Calibration
from ..steps.disc_grades import CLASSES, LEVELS, summed
from ..steps.measurements.disc_features import FEATURES

RIDGE = 0.02
"""Weight of the squared coefficients of the regression relative to the mean log loss."""

POOL_RIDGE = 0.05
"""The same for the weights and biases of the region network and of the pool, which are drawn to their initial values."""

_FOLDS = 5  # the same as in the configuration
_PFIRRMANN = "pfirrmann"

Features = Mapping[tuple[str, str], FloatArray]
"""Features from the masks, by (series, disc)."""


@dataclass(frozen=True, eq=False)
class Example:
    """A disc whose grade is known.

    :param region: logarithms of the summed Pfirrmann probabilities, (3,).
    :param features: features from the masks, (features,); None if the disc could not be measured.
    :param grade: index of the true grade.
    """

    patient: str
    disc: str
    region: FloatArray
    features: FloatArray | None
    grade: int


def examples_of(run: Run, calibration: Calibration, features: Features) -> list[Example]:
    """The graded discs in out-of-fold predictions.

    :param run: predictions without calibration.
    :param calibration: calibration of the Pfirrmann grades in the bundle whose probabilities will be weighed.
    """
    result = []
    for case in run.cases:
        for name, items in case.findings.items():
            item = items.get(_PFIRRMANN)
            if item is None or not item.truth or not item.probabilities or name not in LEVELS:
                continue
            logits = np.log(np.maximum([[item.probabilities[key] for key in finding(_PFIRRMANN).class_names]], 1e-7))
            (values,) = calibration.probabilities(finding(_PFIRRMANN), logits)
            region = summed(dict(zip(finding(_PFIRRMANN).class_names, values.tolist(), strict=True)))
            grade = CLASSES.index(DEGENERATION_OF_PFIRRMANN[item.truth[0]])
            result.append(Example(case.patient, name, region, features.get((case.series, name)), grade))
    return result


def fitted(examples: Sequence[Example]) -> DiscGradeModel:
    """The model, fitted."""
    model = DiscGradeModel(len(FEATURES), len(LEVELS), len(CLASSES)).requires_grad_(False)
    measured = [item for item in examples if item.features is not None]
    _fit_masks(model, measured)
    aside = torch.zeros(len(measured), len(CLASSES))
    for inside, outside in _parted(measured):
        part = DiscGradeModel(len(FEATURES), len(LEVELS), len(CLASSES)).requires_grad_(False)
        _fit_masks(part, [measured[index] for index in inside])
        aside[outside] = part(*tensors([measured[index] for index in outside]))["masks"]
    region, _, _ = tensors(examples)
    _minimise([model.region_weight, model.region_bias], lambda: model.by_region(region), examples, POOL_RIDGE)
    pooled, _, _ = tensors(measured)
    _minimise([model.both_weights, model.both_bias], lambda: model.pool(pooled, aside), measured, POOL_RIDGE)
    return model.eval()


def log_losses(examples: Sequence[Example]) -> dict[str, float]:
    """Mean log loss of each variant on discs of tuning patients, from models fitted without those patients.

    Discs that could not be measured in the masks are left out, so that all variants are compared on the same discs.
    """
    losses: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for inside, outside in _parted(examples):
        left = [examples[index] for index in outside]
        left = [item for item in left if item.features is not None and split_of("spider", item.patient) == "tune"]
        if not left:
            continue
        model = fitted([examples[index] for index in inside])
        with torch.inference_mode():
            for variant, logs in model(*tensors(left)).items():
                losses[variant] += [-float(row[item.grade]) for row, item in zip(logs, left, strict=True)]
    return {variant: float(np.mean(values)) for variant, values in losses.items()}


def tensors(examples: Sequence[Example]) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs of the model: region (N, classes), features (N, features), levels (N, levels)."""
    empty = np.zeros(len(FEATURES))
    region = torch.from_numpy(np.stack([item.region for item in examples])).float()
    features = torch.from_numpy(np.stack([empty if item.features is None else item.features for item in examples])).float()
    return region, features, torch.eye(len(LEVELS))[[LEVELS.index(item.disc) for item in examples]]


def _parted(examples: Sequence[Example]) -> list[tuple[list[int], list[int]]]:
    """Indices of the examples of most patients and of those of the remaining patients, for each of five folds."""
    patients = sorted({item.patient for item in examples})
    folds = [set(patients[fold::_FOLDS]) for fold in range(min(_FOLDS, len(patients)))]
    everything = range(len(examples))
    return [
        ([i for i in everything if examples[i].patient not in fold], [i for i in everything if examples[i].patient in fold])
        for fold in folds
    ]


def _fit_masks(model: DiscGradeModel, examples: Sequence[Example]) -> None:
    _, features, levels = tensors(examples)
    model.centre.copy_(features.mean(0))
    model.scale.copy_(features.std(0).clamp(min=1e-3))
    for parameter in (model.masks.weight, model.masks.bias):
        nn.init.zeros_(parameter)
    _minimise([model.masks.weight, model.masks.bias], lambda: model.by_masks(features, levels), examples, RIDGE)


def _minimise(parameters: Sequence[Tensor], logs: Callable[[], Tensor], examples: Sequence[Example], ridge: float) -> None:
    """Minimize the log loss over parameters, with a penalty that draws them to their initial values."""
    truth = torch.tensor([item.grade for item in examples])
    start = [parameter.clone() for parameter in parameters]
    for parameter in parameters:
        parameter.requires_grad_(True)
    solver = torch.optim.LBFGS(parameters, max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> float:
        solver.zero_grad()
        away = torch.stack([((now - then) ** 2).sum() for now, then in zip(parameters, start, strict=True)]).sum()
        value = nn.functional.nll_loss(logs(), truth) + ridge * away
        value.backward()
        return float(value.detach())

    solver.step(loss)
    for parameter in parameters:
        parameter.requires_grad_(False)
