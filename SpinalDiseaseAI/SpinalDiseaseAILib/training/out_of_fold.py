"""Out-of-fold predictions: networks' predictions for the patients that each left out of its training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from ..base.anatomy import finding
from ..base.errors import InputError
from ..base.report import ModelProvenance
from ..datasets.collection import read_dataset
from ..datasets.records import Record, fold_of
from ..evaluation.grade_tables import tables_of_grades
from ..evaluation.grades import predictions
from ..evaluation.predictions import GRADING, Case, Run
from ..evaluation.tables import Table
from ..models.loading import channels_last
from ..steps.classification import Classifier
from ..steps.heads import Heads
from ..steps.regions import RegionLayout
from .configuration import configuration_of_run
from .network_data import uses_encoder
from .regions import region_network


def out_of_fold_run(runs: list[Path], data: Path) -> Run:
    """The grades of every patient by the runs that left the patient out, at the data set's own points, not calibrated.

    Runs that left out the same fold become members of one network, as in a bundle.

    :param runs: folders of finished runs, with the same number of each kind for every fold.
    :param data: folder of the data sets.
    :raises InputError: if a run left out no fold, or the folds have different members.
    """
    members = sorted((Member.of(run) for run in runs), key=lambda item: uses_encoder(item.config))
    folds: dict[int | None, list[Member]] = {}
    for member in members:
        folds.setdefault(member.config.get("left_out"), []).append(member)
    _check(folds)
    cases: list[Case] = []
    digest = hashlib.sha256()
    for fold in sorted(folds, key=str):
        for member in folds[fold]:
            with member.weights.open("rb") as file:
                hashlib.file_digest(file, lambda: digest)  # goes on with the digest of the weights before
        cases += predictions(left_out_records(folds[fold][0].config, data), None, _classifier(folds[fold]))
    config = members[0].config
    model = ModelProvenance(config["name"], config["version"], digest.hexdigest(), config["license"], config["research_only"])
    dataset = next(iter(config["datasets"]))
    title = f"Grades at the data set's own points, {len(folds)} of {config['folds']} folds left out in turn"
    return Run(title, GRADING, dataset, tuple(config["splits"]), (model,), tuple(cases), calibrated=False)


@dataclass(frozen=True)
class Member:
    """A finished run."""

    weights: Path
    config: dict[str, Any]

    @classmethod
    def of(cls, run: Path) -> Member:
        """The run in a folder.

        :raises InputError: if the folder holds no finished run.
        """
        return cls(run / "weights.safetensors", configuration_of_run(run))


def table_of(run: Run, data: Path) -> Table:
    """The figures of out-of-fold predictions, with intervals over patients and the trivial baselines."""
    training = read_dataset(run.dataset, data, run.splits)
    patients = len({case.patient for case in run.cases})
    words = f"{run.dataset}, {' and '.join(run.splits)} patients: {len(run.cases)} planes of {patients} patients"
    return next(tables_of_grades(run.title, run.models[0].name, words, run.cases, run.findings, training))


def left_out_records(config: dict[str, Any], data: Path) -> list[Record]:
    """Planes of the patients that a configuration leaves out, except slices of stacks, of which a patient has many."""
    return [
        record
        for name in config["datasets"]
        for record in read_dataset(name, data, tuple(config["splits"]))
        if record.mask is None and fold_of(record.dataset, record.patient, config["folds"]) == config["left_out"]
    ]


def _classifier(members: list[Member]) -> Classifier:
    config = members[0].config
    network = region_network([item.config for item in members])
    states = [load_file(item.weights) for item in members]
    network.load_state_dict(
        {key.replace("members.0.", f"members.{n}.", 1): value for n, state in enumerate(states) for key, value in state.items()}
    )
    heads = Heads({name: finding(name).class_names for name in config["findings"]})
    layout = RegionLayout.of_options(config)
    return Classifier(channels_last(network.eval()), heads, config["name"], torch.device("cpu"), layout)


def _check(folds: dict[int | None, list[Member]]) -> None:
    if None in folds:
        raise InputError(
            f"{folds[None][0].weights.parent.name} left no fold out.",
            "Each patient should be predicted by runs that left the patient out.",
            "Train one run a fold with train fit --left-out.",
            code="predictions",
        )
    kinds = {fold: [_kind(item.config) for item in members] for fold, members in folds.items()}
    first = next(iter(kinds.values()))
    if any(kind != first for kind in kinds.values()):
        raise InputError(
            f"The folds have different members: {', '.join(f'fold {fold} has {len(found)}' for fold, found in kinds.items())}.",
            "Every fold should be predicted by runs of the same configurations.",
            "Pass as many runs of each configuration for every fold.",
            code="predictions",
        )


def _kind(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in ("left_out", "seed", "initial")}
