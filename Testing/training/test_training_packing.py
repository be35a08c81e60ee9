"""From runs to bundles: how they are written, calibrated and loaded again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS, finding
from SpinalDiseaseAILib.evaluation.predictions import Graded
from SpinalDiseaseAILib.models.bundle import CARD, METADATA, WEIGHTS, list_bundles, read_bundle
from SpinalDiseaseAILib.models.loading import load_network
from SpinalDiseaseAILib.models.region_network import RegionNetwork
from SpinalDiseaseAILib.models.segmentation_network import SegmentationNetwork
from SpinalDiseaseAILib.pipelines.model_store import ModelStore
from SpinalDiseaseAILib.training.bundle_files import half_precision, mean_of
from SpinalDiseaseAILib.training.cli import configuration
from SpinalDiseaseAILib.training.packing import LICENCES, best_temperature, metadata_of, pack_runs, shifted

CPU = torch.device("cpu")


def run_of(config: dict[str, Any], folder: Path, seed: int) -> Path:
    """A run with fresh weights of a classifier."""
    torch.manual_seed(seed)
    outputs = sum(len(finding(name).classes) for name in config["findings"])
    network = RegionNetwork(2, len(KEY_POINTS), outputs, config["widths"])
    folder.mkdir()
    save_file(network.state_dict(), folder / "weights.safetensors")
    (folder / "config.json").write_text(json.dumps({**config, "seed": seed}), encoding="utf-8")
    return folder


@pytest.fixture
def place(regions_config: dict[str, Any], data: Path, tmp_path: Path) -> Path:
    """A bundle of two members."""
    runs = [run_of(regions_config, tmp_path / name, seed) for seed, name in enumerate(("one", "two"))]
    return pack_runs(regions_config, runs, data, tmp_path / "models")


def test_a_packed_bundle_is_one_that_loads_and_grades(place: Path) -> None:
    assert [item.name for item in list_bundles(place.parent)] == ["lumbar-mr-degeneration"]
    classifier, bundle = ModelStore().classifier(place.name, str(place.parent), ModelStore().device("cpu"))
    assert classifier.layout.side == 32 and bundle.data_sets == ("spider", "spider_space")
    assert bundle.sha256 == hashlib.sha256((place / WEIGHTS).read_bytes()).hexdigest()
    assert (place / "LICENSE").read_text(encoding="utf-8") == LICENCES["CC-BY-4.0"]


def test_runs_become_members_whose_outputs_are_averaged(place: Path) -> None:
    network = load_network(read_bundle(place.name, place.parent), CPU)
    assert isinstance(network, RegionNetwork) and len(network.members) == 2
    packed = load_file(place / WEIGHTS)
    for number, name in enumerate(("one", "two")):
        for key, value in load_file(place.parents[1] / name / "weights.safetensors").items():
            found = packed[key.replace("members.0.", f"members.{number}.", 1)]
            torch.testing.assert_close(found.to(value.dtype), value, atol=1e-3, rtol=1e-3)


def test_the_metadata_state_how_each_member_was_trained(place: Path) -> None:
    members = json.loads((place / METADATA).read_text(encoding="utf-8"))["training"]["members"]
    assert [member["seed"] for member in members] == [0, 1]


def test_grades_keep_the_class_weights_of_the_training(place: Path) -> None:
    assert read_bundle(place.name, place.parent).options["bias"]["pfirrmann"] == [0.0] * 5


def test_probabilities_are_calibrated_on_the_tuning_patients(place: Path) -> None:
    options = json.loads((place / METADATA).read_text(encoding="utf-8"))["options"]
    assert set(options["temperature"]) == {"pfirrmann", "narrowing", "modic"}
    assert all(0.5 <= value <= 3 for value in options["temperature"].values())
    assert options["region_pixels"] == 32


@pytest.mark.parametrize(
    ("name", "bias", "expected"),
    [
        ("narrowing", [0.0, np.log(3)], [1 / 4, 3 / 4]),  # of one structure, the classes exclude each other
        ("disc_disease", [0.0, np.log(3), 0.0, 0.0, -np.log(4)], [0.5, 3 / 4, 0.5, 0.5, 1 / 5]),  # each class on its own
    ],
)
def test_a_bias_multiplies_the_odds(name: str, bias: list[float], expected: list[float]) -> None:
    even = np.full((2, len(bias)), 0.5)
    graded = Graded(name, even, even, ("a", "b"), ("L4-L5", "L4-L5"))
    np.testing.assert_allclose(shifted(graded, bias).probability, [expected, expected])
    np.testing.assert_allclose(shifted(graded, [0.0] * len(bias)).probability, even)


def test_the_class_weights_of_the_training_are_undone(place: Path) -> None:
    bias = read_bundle(place.name, place.parent).options["bias"]
    assert {name: len(values) for name, values in bias.items()} == {"pfirrmann": 5, "narrowing": 2, "modic": 4}
    assert bias["modic"][0] > 0 > bias["modic"][3]  # training weighted the most frequent class down, and an unseen one up


def test_a_card_with_figures_is_kept_when_a_bundle_is_packed_again(
    place: Path, regions_config: dict[str, Any], data: Path
) -> None:
    (place / CARD).write_text("# Card with figures\n", encoding="utf-8")
    pack_runs(regions_config, [place.parents[1] / "one"], data, place.parent)
    assert (place / CARD).read_text(encoding="utf-8") == "# Card with figures\n"


def test_metadata_of_a_localizer_have_its_key_points_and_no_findings(localizer_config: dict[str, Any]) -> None:
    metadata = metadata_of(localizer_config, [localizer_config])
    assert metadata["network"] == {"name": "LocalizerNetwork", "arguments": {"key_points": 11, "widths": [4, 6]}}
    assert metadata["findings"] == {} and metadata["options"] == {}
    assert metadata["network_data_format"]["outputs"]["pred"]["channel_def"] == list(KEY_POINTS)


def test_research_only_passes_from_the_configuration_to_the_metadata(regions_config: dict[str, Any]) -> None:
    assert metadata_of(regions_config | {"research_only": True}, [regions_config])["research_only"] is True
    assert metadata_of(regions_config, [regions_config])["research_only"] is False


def test_half_precision_keeps_small_variances_and_counts() -> None:
    state = {
        "members.0.weight": torch.ones(2),
        "members.0.n.running_var": torch.full((2,), 1e-9),
        "members.0.count": torch.tensor(5),
    }
    packed = half_precision([state, state])
    assert packed["members.1.weight"].dtype == torch.float16
    assert packed["members.1.n.running_var"].tolist() == pytest.approx([1e-9] * 2)
    assert packed["members.1.count"].dtype == torch.int64


def test_several_localizers_become_members_and_one_stays_as_it_is() -> None:
    state = {"head.weight": torch.ones(2)}
    assert set(half_precision([state])) == {"head.weight"}
    assert set(half_precision([state, state])) == {"members.0.head.weight", "members.1.head.weight"}


def graded(name: str, temperature: float) -> Graded:
    """Truths drawn from probabilities, which a temperature then makes over- or underconfident."""
    random = np.random.default_rng(0)
    count = len(finding(name).classes)
    logits = random.normal(0, 1.5, (6000, count))
    if finding(name).exclusive:
        true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        truth = np.eye(count)[[random.choice(count, p=row) for row in true]]
        stated = np.exp(logits * temperature)
        stated /= stated.sum(1, keepdims=True)
    else:
        truth = (random.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(float)
        stated = 1 / (1 + np.exp(-logits * temperature))
    return Graded(name, truth, stated, ("p",) * 6000, ("L4-L5",) * 6000)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.0])
@pytest.mark.parametrize("name", ["pfirrmann", "narrowing", "disc_disease"])
def test_the_temperature_undoes_overconfidence(name: str, temperature: float) -> None:
    assert best_temperature(graded(name, temperature))[0] == pytest.approx(temperature, rel=0.1)


def test_successive_runs_of_a_segmentation_become_one_network_with_their_mean_weights(tmp_path: Path) -> None:
    states = [{"a": torch.full((2,), value), "count": torch.tensor(number)} for number, value in enumerate((1.0, 4.0))]
    assert torch.equal(mean_of(states)["a"], torch.full((2,), 2.5)) and mean_of(states)["count"] == 1
    config = configuration("segmentation-4")
    runs = []
    for number in range(2):
        torch.manual_seed(number)
        runs.append(tmp_path / str(number))
        runs[-1].mkdir()
        (runs[-1] / "config.json").write_text(json.dumps(config), encoding="utf-8")
        save_file(SegmentationNetwork(config["widths"]).state_dict(), runs[-1] / "weights.safetensors")
    place = pack_runs(config, runs, tmp_path, tmp_path / "models")
    found = load_file(place / WEIGHTS)
    first, second = (load_file(run / "weights.safetensors") for run in runs)
    torch.testing.assert_close(
        found["head.weight"].float(), (first["head.weight"] + second["head.weight"]) / 2, atol=1e-3, rtol=1e-3
    )
    load_network(read_bundle(place.name, place.parent), CPU)
