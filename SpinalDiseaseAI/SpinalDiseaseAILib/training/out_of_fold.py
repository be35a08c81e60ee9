"""Out-of-fold predictions: what networks say of the patients that each of them left out of its training."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from ..base.anatomy import KEY_POINTS, finding
from ..base.errors import InputError
from ..base.report import ModelProvenance
from ..datasets.collection import read_dataset
from ..datasets.records import Record, fold_of
from ..evaluation.grades import predictions
from ..evaluation.predictions import GRADING, Case, Run
from ..models.loading import channels_last
from ..models.region_network import RegionNetwork
from ..steps.classification import CONTRASTS, Classifier
from ..steps.heads import Heads


def out_of_fold_run(runs: list[Path], data: Path) -> Run:
    """The grades of every patient by the run that left the patient out, at the data set's own points, not calibrated.

    :param runs: folders of finished runs with different ``left_out`` folds of one configuration.
    :param data: folder of the data sets.
    :raises InputError: if a run left no fold out, or two left out the same.
    """
    configs = [json.loads((run / "config.json").read_text(encoding="utf-8")) for run in runs]
    _check(runs, configs)
    cases: list[Case] = []
    digest = hashlib.sha256()
    for run, config in zip(runs, configs, strict=True):
        weights = run / "weights.safetensors"
        digest.update(weights.read_bytes())
        cases += predictions(left_out_records(config, data), None, _classifier(config, weights))
    config = configs[0]
    model = ModelProvenance(config["name"], config["version"], digest.hexdigest(), config["license"], config["research_only"])
    dataset = next(iter(config["datasets"]))
    title = f"Grades at the data set's own points, {len(runs)} of {config['folds']} folds left out in turn"
    return Run(title, GRADING, dataset, tuple(config["splits"]), (model,), tuple(cases), calibrated=False)


def left_out_records(config: dict[str, Any], data: Path) -> list[Record]:
    """Planes of the patients that a configuration leaves out, without the slices of stacks, of which a patient has many."""
    return [
        record
        for name in config["datasets"]
        for record in read_dataset(name, data, tuple(config["splits"]))
        if record.mask is None and fold_of(record.dataset, record.patient, config["folds"]) == config["left_out"]
    ]


def _classifier(config: dict[str, Any], weights: Path) -> Classifier:
    findings = {name: finding(name).class_names for name in config["findings"]}
    network = RegionNetwork(
        len(CONTRASTS),
        len(KEY_POINTS),
        sum(map(len, findings.values())),
        config["widths"],
        dropout=config["dropout"],
        encoder_stages=config.get("encoder_stages", 0),
    )
    network.load_state_dict(load_file(weights))
    heads = Heads(findings)
    return Classifier(channels_last(network.eval()), heads, config["name"], torch.device("cpu"), int(config["region_pixels"]))


def _check(runs: list[Path], configs: list[dict[str, Any]]) -> None:
    left_out = [config.get("left_out") for config in configs]
    if None in left_out or len(set(left_out)) < len(left_out):
        raise InputError(
            f"The runs left out {', '.join('none' if fold is None else f'fold {fold}' for fold in left_out)}.",
            "Each patient should be predicted once, by a run that left the patient out.",
            "Train one run a fold with train fit --left-out.",
            code="predictions",
        )
    different = [run.name for run, config in zip(runs, configs, strict=True) if _shape(config) != _shape(configs[0])]
    if different:
        raise InputError(
            f"{', '.join(different)} was trained by another configuration than {runs[0].name}.",
            remedy="Pass the runs of one configuration.",
            code="predictions",
        )


def _shape(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in ("left_out", "seed")}
