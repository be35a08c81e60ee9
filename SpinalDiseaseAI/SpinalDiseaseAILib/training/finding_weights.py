"""Fits the model that weighs findings together, and cross-fits its predictions.

Predictions of the region network come from networks that did not see the patient (out-of-fold predictions).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..base.anatomy import finding
from ..base.geometry import FloatArray
from ..evaluation.predictions import Assessment, Case
from ..models.finding_weights import FindingWeights
from ..steps.calibration import logits_of
from ..steps.disc_findings import MASK_FEATURES
from ..steps.disc_grades import LEVELS

RIDGE = 0.02
"""Weight of the squared coefficients of the correction relative to the mean log loss."""

_FOLDS = 10
_REPEATS = 5
_HELD = 0.01  # weight of the squared distance of the factor on the network's logits from 1, and of the offsets from 0
_UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Discs:
    """Discs with known findings, completely or partly, and their features from the masks.

    :param findings: findings in the order of the network's outputs.
    :param places: (series, disc) of each disc.
    :param logits: logits of the region network, (N, outputs).
    :param features: features from the masks, (N, features); NaN if not measured.
    :param truth: index of the true class of each finding, (N, findings); -1 if unknown.
    """

    findings: tuple[str, ...]
    patients: tuple[str, ...]
    places: tuple[tuple[str, str], ...]
    logits: Tensor
    features: Tensor
    truth: Tensor

    @property
    def levels(self) -> Tensor:
        """One-hot encoded levels, (N, levels)."""
        return torch.eye(len(LEVELS))[[LEVELS.index(disc) for _, disc in self.places]]

    def part(self, items: Sequence[int]) -> Discs:
        """Some of the discs."""
        chosen = list(items)
        return Discs(
            self.findings,
            tuple(self.patients[i] for i in chosen),
            tuple(self.places[i] for i in chosen),
            self.logits[chosen],
            self.features[chosen],
            self.truth[chosen],
        )

    def parted(self, seed: int) -> Iterator[tuple[list[int], list[int]]]:
        """Indices of the discs of most patients and of the others, for each of ten folds; the seed shuffles the patients."""
        names = np.random.default_rng(seed).permutation(sorted(set(self.patients)))
        for fold in range(min(_FOLDS, len(names))):
            left = set(names[fold::_FOLDS].tolist())
            yield (
                [i for i, patient in enumerate(self.patients) if patient not in left],
                [i for i, patient in enumerate(self.patients) if patient in left],
            )


def discs_of(cases: Sequence[Case], findings: tuple[str, ...], features: Mapping[tuple[str, str], FloatArray]) -> Discs:
    """The discs in out-of-fold predictions that have features, and probabilities of every finding.

    :param features: features from the masks, by (series, disc).
    """
    rows = [
        (case, disc, items)
        for case in cases
        for disc, items in case.findings.items()
        if (case.series, disc) in features and all(name in items and items[name].probabilities for name in findings)
    ]
    return Discs(
        findings,
        tuple(case.patient for case, _, _ in rows),
        tuple((case.series, disc) for case, disc, _ in rows),
        _tensor([np.concatenate([_logits(name, items[name]) for name in findings]) for _, _, items in rows]),
        _tensor([features[case.series, disc] for case, disc, _ in rows]),
        torch.tensor([[_truth(name, items[name]) for name in findings] for _, _, items in rows]),
    )


def fitted(discs: Discs) -> FindingWeights:
    """The model with its coefficients."""
    model = FindingWeights(discs.findings, len(MASK_FEATURES), len(LEVELS)).requires_grad_(False)
    known = ~discs.features.isnan()
    count = known.sum(0).clamp(min=1)
    mean = discs.features.nan_to_num(0.0).sum(0) / count
    away = torch.where(known, discs.features - mean, 0.0)
    model.centre.copy_(mean)
    model.scale.copy_(((away**2).sum(0) / count).sqrt().clamp(min=1e-3))
    for index in range(len(discs.findings)):
        _fit_one(model, discs, index)
    return model.eval()


def crossed(discs: Discs) -> FloatArray:
    """Corrected logits (N, outputs) of every disc, from models fitted without its patient.

    The mean over models fitted on different subsets of the other patients: chance differences cancel, as they do in the model
    fitted on all patients.
    """
    result = np.zeros(discs.logits.shape)
    for seed in range(_REPEATS):
        for inside, outside in discs.parted(seed):
            left, model = discs.part(outside), fitted(discs.part(inside))
            with torch.inference_mode():
                result[outside] += model(left.logits, left.features, left.levels).double().numpy() / _REPEATS
    return result


def with_logits(cases: Sequence[Case], discs: Discs, logits: FloatArray, names: Sequence[str]) -> tuple[Case, ...]:
    """The cases, with the probabilities of some findings replaced by those from logits (N, outputs) of discs."""
    row_of = {place: number for number, place in enumerate(discs.places)}

    def replaced(case: Case, disc: str, items: dict[str, Assessment]) -> dict[str, Assessment]:
        row = row_of.get((case.series, disc))
        if row is None:
            return items
        result, start = dict(items), 0
        for name in discs.findings:
            classes = finding(name).class_names
            if name in names:
                values = torch.from_numpy(logits[row, start : start + len(classes)]).softmax(0).tolist()
                result[name] = replace(items[name], probabilities=dict(zip(classes, values, strict=True)))
            start += len(classes)
        return result

    return tuple(
        replace(case, findings={disc: replaced(case, disc, items) for disc, items in case.findings.items()}) for case in cases
    )


def _fit_one(model: FindingWeights, discs: Discs, index: int) -> None:
    """Fit the correction of one finding to the smallest log loss, with a penalty that keeps it close to no correction."""
    start = sum(model.sizes[:index])
    rows = slice(start, start + model.sizes[index])
    known = discs.truth[:, index] != _UNKNOWN
    balance = _balance(discs, index)
    centred = model.centred(discs.logits[known])
    inputs = model.inputs(centred, discs.features[known], discs.levels[known]).double()
    stated, truth = centred[:, rows].double(), discs.truth[known, index]
    weight = torch.zeros(model.sizes[index], inputs.shape[1], dtype=torch.double, requires_grad=True)
    shift = torch.zeros(model.sizes[index], dtype=torch.double, requires_grad=True)
    factor = torch.ones(1, dtype=torch.double, requires_grad=True)
    solver = torch.optim.LBFGS([weight, shift, factor], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> float:
        solver.zero_grad()
        logits = factor * stated + inputs @ weight.T + shift
        held = RIDGE * (weight**2).sum() + _HELD * ((shift**2).sum() + ((factor - 1) ** 2).sum())
        loss = (functional.cross_entropy(logits, truth, reduction="none") * balance[truth]).mean() + held
        loss.backward()
        return float(loss.detach())

    if known.any():
        solver.step(closure)
    model.own[index] = float(factor.detach())
    model.correction.weight[rows] = weight.detach().float()
    model.correction.bias[rows] = shift.detach().float()


def _balance(discs: Discs, index: int) -> Tensor:
    """Weight of each class: for more than two grades, the inverse square root of its share, as in the network's training.

    Without it, the middle grades crowd out the others. Mean 1 over the discs.
    """
    info = finding(discs.findings[index])
    size = len(info.classes)
    if not (info.ordinal and size > 2):
        return torch.ones(size, dtype=torch.double)
    truth = discs.truth[:, index]
    share = torch.bincount(truth[truth != _UNKNOWN], minlength=size).double().clamp(min=1)
    share /= share.sum()
    weight = share**-0.5
    return weight / (weight * share).sum()


def _logits(name: str, item: Assessment) -> FloatArray:
    info = finding(name)
    stated = np.array([[item.probabilities[key] for key in info.class_names]])
    result: FloatArray = logits_of(info, stated)[0]
    return result


def _truth(name: str, item: Assessment) -> int:
    return finding(name).class_names.index(item.truth[0]) if item.truth else _UNKNOWN


def _tensor(rows: Sequence[FloatArray]) -> Tensor:
    return torch.from_numpy(np.stack(rows)).float() if rows else torch.zeros(0, 0)
