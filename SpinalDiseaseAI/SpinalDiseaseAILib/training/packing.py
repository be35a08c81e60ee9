"""A bundle from runs: metadata from the configuration, calibration on the tuning patients, and the text of the model card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import __version__
from ..base.anatomy import finding, structure
from ..base.documents import read_text
from ..datasets.collection import read_dataset
from ..evaluation.grades import predictions
from ..evaluation.predictions import Graded, collect
from ..models.bundle import CARD, METADATA, read_bundle
from ..models.loading import load_network
from ..models.metadata import read_metadata, write_metadata
from ..models.region_network import RegionNetwork
from ..models.region_resnet import RegionResNet
from ..steps.classification import Classifier
from ..steps.heads import Heads
from ..steps.regions import RegionLayout
from .bundle_files import pack
from .calibration import best_temperature
from .configuration import configuration_of_run
from .network_data import is_published, network_metadata, uses_encoder
from .point_confidence import fitted_confidence
from .regions import class_balance, targets, visits

CARDS = Path(__file__).with_name("cards")

LICENCES = {
    "CC-BY-4.0": "The weights are licensed under the Creative Commons Attribution 4.0 International licence,\n"
    "https://creativecommons.org/licenses/by/4.0/. Attribution as in docs/README.md.\n",
    "research-only": "The weights were trained on data of the Spinal Disease 2020 competition (Tianchi), whose terms allow\n"
    "research use only. They may be used for research; any other use, commercial or clinical, is not allowed.\n",
}


def metadata_of(config: dict[str, Any], members: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Metadata with the keys of a MONAI bundle and the product's own.

    :param members: configurations of the packed runs.
    """
    return {
        "name": config["name"],
        "version": config["version"],
        "changelog": config.get("changelog", {config["version"]: "first version"}),
        "pytorch_version": torch.__version__.split("+")[0],
        "numpy_version": np.__version__,
        "title": config["title"],
        "task": config["task"],
        "description": config["description"],
        "authors": "SpinalDiseaseAI contributors",
        "copyright": "SpinalDiseaseAI contributors",
        "intended_use": "Research. Not a medical device.",
        "license": config["license"],
        "research_only": config["research_only"],
        "data_source": config["data_source"],
        "training": {
            key: value for key, value in config.items() if key not in ("changelog", "description", "title", "data_source")
        },
        "software": f"SpinalDiseaseAI {__version__}",
        **network_metadata(config, members),
    }


def pack_runs(config: dict[str, Any], runs: list[Path], data: Path, output: Path) -> Path:
    """Write the bundle of some runs.

    A classifier that was also trained on the tuning patients is calibrated afterwards with out-of-fold predictions, see
    :mod:`.calibrating`.

    Runs of a classifier or a localizer become members of one network; the weights of segmentation runs are averaged.

    :param data: folder of the data sets, for the calibration of a classifier or of a published localizer.
    :returns: the bundle's folder.
    :raises InputError: if a folder holds no finished run.
    """
    configs = {run: configuration_of_run(run) for run in runs}
    runs = sorted(runs, key=lambda run: uses_encoder(configs[run]))  # the networks' own order of members
    members = [configs[run] for run in runs]
    metadata = metadata_of(config, members)
    metadata["training"]["members"] = members
    previous = output / config["name"] / CARD
    card = read_text(previous if previous.is_file() else CARDS / f"{config['name']}.md")
    weights = [run / "weights.safetensors" for run in runs]
    averaged = config["task"] == "segmentation"
    place = pack(metadata, weights, card, LICENCES[config["license"]], output, averaged=averaged)
    fitted: dict[str, Any] = {}
    if metadata["findings"] and "tune" not in config["splits"]:
        fitted = calibration(config, place, data)
    elif "confidence" in metadata["options"]:
        fitted = {"confidence": fitted_confidence(config, place, data)}
    if fitted:
        document = read_metadata(place / METADATA)
        document["options"] |= {**fitted, "calibrated_on": "tuning patients"}
        write_metadata(place / METADATA, document)
    return place


def class_biases(config: dict[str, Any], data: Path) -> dict[str, list[float]]:
    """The biases that undo the class weights of the training: minus the logarithm of each class's weight."""
    findings = tuple(finding(name) for name in config["findings"])
    kinds = {item.kind for item in findings}
    rows = [
        targets(visit["T2"], name, findings)
        for dataset in config["datasets"]
        for visit in visits(read_dataset(dataset, data, tuple(config["splits"])))
        for name in visit["T2"].points
        if structure(name).kind in kinds and visit["T2"].findings.get(name)
    ]
    logarithms = (-class_balance(torch.stack(rows), findings).log()).tolist()
    result = {}
    for item in findings:
        result[item.name] = [round(value, 4) for value in logarithms[: len(item.classes)]]
        logarithms = logarithms[len(item.classes) :]
    return result


def calibration(config: dict[str, Any], place: Path, data: Path) -> dict[str, dict[str, Any]]:
    """Bias and temperature of each finding, by the log loss on the tuning patients at the data sets' own key points.

    The class weights of the training are undone only if that lowers the loss, and never for more than two grades, so that the
    middle grades do not crowd out the others. The published networks were trained without such weights.
    """
    bundle = read_bundle(place.name, place.parent)
    device = torch.device("cpu")
    network = load_network(bundle, device)
    assert isinstance(network, RegionNetwork | RegionResNet)
    records = [record for name in config["datasets"] for record in read_dataset(name, data, ("tune",)) if record.mask is None]
    layout = RegionLayout.of_options(bundle.options)
    classifier = Classifier(network, Heads(bundle.findings), bundle.name, device, layout)
    plain = collect(predictions(records, None, classifier), list(bundle.findings))
    result: dict[str, dict[str, Any]] = {"bias": {}, "temperature": {}}
    for name, bias in class_biases(config, data).items():
        graded = finding(name).ordinal and len(bias) > 2
        tried = [[0.0] * len(bias)] if graded or is_published(config) else [[0.0] * len(bias), bias]
        options = {tuple(values): shifted(plain[name], values) for values in tried}
        chosen = min(options, key=lambda values: best_temperature(options[values])[1])
        result["bias"][name] = list(chosen)
        result["temperature"][name] = round(best_temperature(options[chosen])[0], 3)
    return result


def shifted(graded: Graded, bias: list[float]) -> Graded:
    """The same predictions with a bias, one number per class, added to the logits."""
    clipped = np.clip(graded.probability, 1e-6, 1 - 1e-6)
    if finding(graded.name).exclusive:
        scaled = clipped * np.exp(bias)
        return replace(graded, probability=scaled / scaled.sum(1, keepdims=True))
    odds = clipped / (1 - clipped) * np.exp(bias)
    return replace(graded, probability=odds / (1 + odds))
