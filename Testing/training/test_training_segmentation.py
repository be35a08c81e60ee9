"""The segmentation network's views, its loss, and a teacher's masks for planes without masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.losses import DiceLoss
from safetensors.torch import load_file

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.datasets.space_stacks import SpaceStack, read_space_stacks
from SpinalDiseaseAILib.models.bundle import read_bundle
from SpinalDiseaseAILib.models.segmentation_network import TISSUES, SegmentationNetwork
from SpinalDiseaseAILib.pipelines.model_store import ModelStore
from SpinalDiseaseAILib.training.packing import pack_runs
from SpinalDiseaseAILib.training.segmentation import segmentation_loss, train_segmentation
from SpinalDiseaseAILib.training.teaching import taught_stacks, teacher_of
from SpinalDiseaseAILib.training.tissue_views import TissueSampler, random_resolution, store


@pytest.fixture
def config() -> dict[str, Any]:
    """A configuration of a small network on small views."""
    return {
        "name": "lumbar-mr-segmentation",
        "task": "segmentation",
        "version": "1.0.0",
        "title": "Title",
        "description": "Description",
        "license": "CC-BY-4.0",
        "research_only": False,
        "data_source": "Drawn",
        "datasets": {"spider_space": 1.0},
        "splits": ["train"],
        "initial": "",
        "widths": [4, 4, 6, 6],
        "view": [96, 64],
        "spacing": 2.0,
        "painted": 0.3,
        "batch": 2,
        "steps": 2,
        "learning_rate": 0.002,
        "weight_decay": 0.01,
        "average": 0.9,
        "seed": 1,
    }


@pytest.fixture
def stack(data: Path) -> SpaceStack:
    return read_space_stacks(data, ("train",))[0]


def sampler_of(stack: SpaceStack, painted: float = 0.0) -> TissueSampler:
    return TissueSampler([(1.0, [store(stack)])], (96, 64), 2.0, painted)


def test_shares_of_the_tissues_sum_to_one_in_every_pixel_of_a_view(stack, generator) -> None:
    planes, tissues = sampler_of(stack).batch(4, generator)
    assert planes.shape == (4, 3, 96, 64) and tissues.shape == (4, len(TISSUES), 96, 64)
    assert torch.allclose(tissues.sum(1), torch.ones(4, 96, 64), atol=1e-4)
    assert (tissues > -1e-4).all() and (tissues[:, 1:].sum((2, 3)) > 0).any()


def test_the_same_seed_gives_the_same_views(stack) -> None:
    first, second = (sampler_of(stack, 0.5).batch(3, torch.Generator().manual_seed(7))[0] for _ in range(2))
    assert torch.equal(first, second)


def test_a_painted_view_has_a_dark_canal(stack) -> None:
    def canal_over_bone(painted: float) -> float:
        planes, tissues = sampler_of(stack, painted).batch(24, torch.Generator().manual_seed(3))
        canal, bone = (tissues[:, TISSUES.index(name)] > 0.9 for name in ("canal", "vertebra"))
        return float(planes[:, 0][canal].median() / planes[:, 0][bone].median())

    assert canal_over_bone(0.0) > 1.1 > 0.9 > canal_over_bone(1.0)


def test_a_stack_of_one_slice_is_its_own_neighbour(stack, generator) -> None:
    single = SpaceStack(stack.patient, stack.pixels[:1], stack.tissues[:1], stack.spacing)
    planes, _ = sampler_of(single).batch(2, generator)
    assert planes.shape[1] == 3


def test_coarser_planes_keep_their_size_and_mean(generator) -> None:
    images = torch.rand(16, 3, 64, 48, generator=generator)
    coarse = random_resolution(images, generator)
    assert coarse.shape == images.shape
    assert torch.allclose(coarse.mean((1, 2, 3)), images.mean((1, 2, 3)), atol=0.01)
    assert float((coarse - images).abs().max()) > 0.05


def test_the_loss_falls_from_wrong_to_unsure_to_right() -> None:
    truth = torch.zeros(1, 4, 16, 16)
    truth[:, 0], truth[:, 2, 4:8], truth[:, 0, 4:8] = 1, 1, 0
    right = segmentation_loss(20 * truth, truth)
    unsure = segmentation_loss(0 * truth, truth)
    wrong = segmentation_loss(-20 * truth, truth)
    assert right < 0.05 < unsure < wrong


def test_the_loss_is_the_cross_entropy_and_the_dice_loss_of_monai() -> None:
    torch.manual_seed(0)
    logits, truth = torch.randn(3, 4, 8, 8), torch.rand(3, 4, 8, 8).softmax(1)
    dice = DiceLoss(include_background=False, softmax=True, batch=True, smooth_nr=1, smooth_dr=1)(logits, truth)
    entropy = torch.nn.functional.cross_entropy(logits, truth)
    assert float(segmentation_loss(logits, truth)) == pytest.approx(float(dice + entropy), rel=1e-5)


def test_a_run_gives_weights_that_are_packed_loaded_and_know_their_spacing(config, data: Path, tmp_path: Path) -> None:
    weights = train_segmentation(config, data, tmp_path / "run")
    network = SegmentationNetwork(config["widths"])
    network.load_state_dict(load_file(weights))
    place = pack_runs(config, [tmp_path / "run"], data, tmp_path / "models")
    bundle = read_bundle(place.name, place.parent)
    assert bundle.task == "segmentation" and not bundle.findings
    store_ = ModelStore()
    segmenter, _ = store_.segmenter(place.name, str(place.parent), store_.device("cpu"))
    assert segmenter.tissues.spacing == 2.0 and segmenter.model == "lumbar-mr-segmentation"


def test_a_teacher_segments_t2_and_t1_of_the_same_view_but_no_t2_space(config, data: Path, tmp_path: Path) -> None:
    weights = train_segmentation(config, data, tmp_path / "run")
    network = load_file(weights)
    network["head.bias"] = torch.tensor([0.0, 5.0, 0.0, 0.0])  # bone everywhere, so that there is something to teach
    from safetensors.torch import save_file

    save_file(network, tmp_path / "teacher.safetensors")
    teacher = teacher_of({**config, "teacher": str(tmp_path / "teacher.safetensors")})
    taught = list(taught_stacks(teacher, "spider", data, ("train",)))
    assert {contrast for contrast, _ in taught} == {"T1", "T2"}
    by_patient: dict[str, list[SpaceStack]] = {}
    for _, item in taught:
        by_patient.setdefault(item.patient, []).append(item)
    for first, second in by_patient.values():
        assert np.array_equal(first.tissues, second.tissues) and len(first.pixels) == 1
        assert first.pixels.shape == first.tissues.shape == second.pixels.shape
    config = {**config, "datasets": {"spider_space": 1.0, "spider": 1.0}, "teacher": str(tmp_path / "teacher.safetensors")}
    assert train_segmentation(config, data, tmp_path / "second").is_file()


def test_a_teacher_without_weights_is_refused_with_a_sentence(config, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no weights"):
        teacher_of({**config, "teacher": str(tmp_path / "none.safetensors")})


@pytest.mark.parametrize("name", ["segmentation", "segmentation-2"])
def test_the_packaged_configurations_fit_only_training_patients(name: str) -> None:
    from SpinalDiseaseAILib.training.cli import configuration

    assert configuration(name)["splits"] == ["train"]
    assert json.dumps(configuration(name)["widths"]) == "[16, 32, 48, 64]"
