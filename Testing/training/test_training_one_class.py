"""The published region classifier: trained with one class per structure; packed, read, used and measured like any other."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS, finding
from SpinalDiseaseAILib.base.errors import InputError, ModelError
from SpinalDiseaseAILib.base.geometry import FloatArray
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.datasets.collection import read_dataset
from SpinalDiseaseAILib.evaluation.figures import Figures
from SpinalDiseaseAILib.models.bundle import CARD, LICENCE, METADATA, WEIGHTS, read_bundle
from SpinalDiseaseAILib.models.loading import load_network
from SpinalDiseaseAILib.models.metadata import read_metadata, write_metadata
from SpinalDiseaseAILib.models.region_resnet import RegionResNet, log_odds
from SpinalDiseaseAILib.pipelines.model_store import ModelStore
from SpinalDiseaseAILib.steps.regions import RegionLayout
from SpinalDiseaseAILib.training.cli import configuration
from SpinalDiseaseAILib.training.one_class import one_class, one_class_loss
from SpinalDiseaseAILib.training.out_of_fold import out_of_fold_run
from SpinalDiseaseAILib.training.packing import pack_runs
from SpinalDiseaseAILib.training.regions import plane_of, region_network, stored_regions, train_regions

NAME = "spinal-disease-2020-resnet"
BOTH = (finding("disc_disease"), finding("vertebra_disease"))
UNKNOWN = [math.nan]


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """The packaged configuration with a small network and a few steps."""
    return configuration(NAME) | {"widths": [2, 3, 4, 5], "steps": 4, "batch": 6}


@pytest.fixture(scope="module")
def run(config: dict[str, Any], data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "resnet"
    train_regions(config, data, folder)
    return folder


@pytest.fixture(scope="module")
def models(config: dict[str, Any], run: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundles with the packed run."""
    return pack_runs(config, [run], data, tmp_path_factory.mktemp("models")).parent


@pytest.fixture
def plane(data: Path) -> tuple[SagittalVolume, dict[str, FloatArray]]:
    return plane_of(read_dataset("tianchi2020", data, ("report",))[0])


@pytest.mark.parametrize(
    ("classes", "expected"),
    [((0, 1, 0, 0, 0), 1), ((0, 1, 0, 0, 1), 1), ((0, 0, 0, 1, 1), 3), ((0, 0, 0, 0, 1), 4)],
    ids=["v2", "v2,v5", "v4,v5", "v5"],
)
def test_a_disc_with_several_classes_is_trained_as_the_first_of_them(classes: tuple[int, ...], expected: int) -> None:
    assert one_class(torch.tensor([classes], dtype=torch.float32)).tolist() == [expected]


def test_the_loss_is_the_cross_entropy_of_each_network_and_unknown_findings_do_not_count() -> None:
    scores = torch.randn(4, 7)
    logits = torch.cat([log_odds(scores[:, :5]), scores[:, 5:]], 1)
    target = torch.tensor(
        [
            [0, 1, 0, 0, 1.0, *UNKNOWN * 2],
            [1.0, 0, 0, 0, 0, *UNKNOWN * 2],
            [*UNKNOWN * 5, 0, 1.0],
            [*UNKNOWN * 7],
        ]
    )
    discs = torch.nn.functional.cross_entropy(scores[:2, :5], torch.tensor([1, 0]))
    vertebrae = torch.nn.functional.cross_entropy(scores[2:3, 5:], torch.tensor([1]))
    assert float(one_class_loss(logits, target, BOTH)) == pytest.approx(float(discs + vertebrae), rel=1e-5)
    assert float(one_class_loss(logits[3:], target[3:], BOTH)) == 0


def test_the_packaged_configuration_is_the_published_recipe() -> None:
    config = configuration(NAME)
    layout = RegionLayout.of_options(config)
    assert (layout.side, layout.turned, layout.own, layout.contrasts) == (48, False, 1.0, ("T2",))
    assert (config["learning_rate"], config["research_only"], config["splits"]) == (0.001, True, ["train"])


def test_discs_and_vertebrae_that_differ_are_distinguished_after_a_few_steps(config: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = region_network([config])
    place = torch.arange(20) % 2  # a disc, a vertebra, a disc …
    bright = torch.arange(20) // 2 % 2
    images = torch.rand(20, 1, 48, 48) * 0.2 + bright[:, None, None, None]
    codes = torch.eye(len(KEY_POINTS))[place]
    target = torch.full((20, 7), math.nan)
    target[place == 0, :5] = torch.eye(5)[3 * bright[place == 0]]  # a bright disc is extruded
    target[place == 1, 5:] = torch.eye(2)[bright[place == 1]]
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    for _ in range(25):
        optimizer.zero_grad()
        one_class_loss(network(images, codes), target, BOTH).backward()
        optimizer.step()
    logits = network(images, codes)
    assert (logits[place == 0, :5].argmax(1) == 3 * bright[place == 0]).all()
    assert (logits[place == 1, 5:].argmax(1) == bright[place == 1]).all()


def test_a_packed_bundle_states_the_layout_of_its_regions_and_loads(models: Path) -> None:
    bundle = read_bundle(NAME, models)
    assert bundle.research_only and bundle.network["name"] == "RegionResNet"
    assert bundle.network["arguments"]["findings"] == list(bundle.findings) == ["disc_disease", "vertebra_disease"]
    classifier, _ = ModelStore().classifier(NAME, str(models), ModelStore().device("cpu"))
    assert isinstance(classifier.network, RegionResNet)
    assert classifier.layout == RegionLayout.of_options(configuration(NAME))


def test_calibration_is_one_temperature_per_finding_and_changes_no_predicted_class(models: Path) -> None:
    options = read_bundle(NAME, models).options
    assert options["bias"] == {"disc_disease": [0.0] * 5, "vertebra_disease": [0.0] * 2}
    assert set(options["temperature"]) == {"disc_disease", "vertebra_disease"}


def test_every_structure_of_a_study_has_one_class(models: Path, plane: tuple[SagittalVolume, dict[str, FloatArray]]) -> None:
    volume, points = plane
    classifier, _ = ModelStore().classifier(NAME, str(models), ModelStore().device("cpu"))
    graded = classifier.classify({"T2": volume}, points, KEY_POINTS)
    assert list(graded) == list(KEY_POINTS)
    assert [item.name for item in graded["L4"]] == ["vertebra_disease"]
    assert all(len(item.predicted) == 1 for items in graded.values() for item in items)


def test_t1_in_addition_to_t2_changes_nothing_and_t1_alone_is_refused_with_a_sentence(
    models: Path, plane: tuple[SagittalVolume, dict[str, FloatArray]]
) -> None:
    volume, points = plane
    classifier, _ = ModelStore().classifier(NAME, str(models), ModelStore().device("cpu"))
    alone = classifier.classify({"T2": volume}, points, ("L4-L5",))
    assert classifier.classify({"T2": volume, "T1": volume}, points, ("L4-L5",)) == alone
    with pytest.raises(InputError, match=f"{NAME} grades T2 images; the study has T1 only") as error:
        classifier.classify({"T1": volume}, points, ("L4-L5",))
    assert error.value.code == "contrast"


def test_training_regions_are_those_of_the_analysis_with_a_margin(data: Path) -> None:
    layout = RegionLayout.of_options(configuration(NAME))
    records = read_dataset("tianchi2020", data, ("train",))
    regions = list(stored_regions(records, BOTH, layout))
    assert {item.pixels.shape for item in regions} == {(1, 72, 72)}
    assert {KEY_POINTS[item.structure] for item in regions} == set(KEY_POINTS)


def test_it_is_measured_and_compared_with_the_published_figures(models: Path, data: Path) -> None:
    figures = Figures(data, "report", ModelStore().device("cpu"), str(models))
    bundle = read_bundle(NAME, models)
    tables = list(figures._graded(bundle, bundle, "tianchi2020", given=True, use_t1=False))
    rows = {row.name: row for row in tables[0].rows}
    source = "published: Spinal Disease 2020 system"
    assert rows["Disc disease: macro F1"].further[source] == 0.23
    assert rows["Vertebra disease: accuracy"].further[source] == 0.81
    assert any(table.title.startswith("Score of the Spinal Disease 2020 challenge") for table in tables)


def test_folds_are_predicted_by_the_runs_that_left_them_out(config: dict[str, Any], data: Path, tmp_path: Path) -> None:
    folded = config | {"splits": ["train", "tune", "report"], "folds": 2, "steps": 1}
    runs = [tmp_path / str(fold) for fold in range(2)]
    for fold, place in enumerate(runs):
        train_regions(folded | {"left_out": fold}, data, place)
    assert len(out_of_fold_run(runs, data).cases) == len(read_dataset("tianchi2020", data, tuple(folded["splits"])))


def test_several_runs_cannot_be_members_and_are_refused_with_a_sentence(
    config: dict[str, Any], run: Path, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="2 runs of a RegionResNet"):
        pack_runs(config, [run, run], data, tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda item: item["options"].update(contrasts=["T2", "T1"]), "model-classes"),
        (lambda item: item["options"].update(contrasts=["FLAIR"]), "model-metadata"),
        (lambda item: item["options"].update(region_turned="no"), "model-metadata"),
        (lambda item: item["options"].update(region_levels=0), "model-metadata"),
        (lambda item: item["options"].update(region_own=1.5), "model-metadata"),
        (
            lambda item: item.update(findings={key: item["findings"][key] for key in reversed(item["findings"])}),
            "model-classes",
        ),
    ],
    ids=["more channels", "no such contrast", "turned in words", "no size", "more than a whole", "findings in another order"],
)
def test_a_bundle_that_does_not_fit_its_network_is_refused(models: Path, tmp_path: Path, change: Any, code: str) -> None:
    for file in (METADATA, WEIGHTS, CARD, LICENCE):
        (tmp_path / NAME / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / NAME / file).write_bytes((models / NAME / file).read_bytes())
    document = read_metadata(tmp_path / NAME / METADATA)
    change(document)
    write_metadata(tmp_path / NAME / METADATA, document)
    with pytest.raises(ModelError) as error:
        ModelStore().classifier(NAME, str(tmp_path), ModelStore().device("cpu"))
    assert error.value.code == code


def test_a_configuration_makes_the_network_that_its_bundle_names(config: dict[str, Any], models: Path) -> None:
    made = region_network([config]).state_dict()
    loaded = load_network(read_bundle(NAME, models), torch.device("cpu"))
    assert isinstance(loaded, RegionResNet)
    assert all(np.shape(value) == np.shape(made[key]) for key, value in loaded.state_dict().items() if key in made)
