"""Training of the published localizers: targets, losses, runs and bundles."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data.box_utils import box_pair_giou
from safetensors.torch import load_file

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.options import SHORT_NAMES
from SpinalDiseaseAILib.datasets.collection import read_dataset
from SpinalDiseaseAILib.models.box_detector import BoxDetector
from SpinalDiseaseAILib.models.vnet2d import VNet2d
from SpinalDiseaseAILib.pipelines.model_store import ModelStore
from SpinalDiseaseAILib.steps.published_localization import PublishedLocalizer
from SpinalDiseaseAILib.training.box_detection import box_loss, boxes_of, overlap_loss, owners, train_boxes
from SpinalDiseaseAILib.training.cli import configuration
from SpinalDiseaseAILib.training.examples import ExampleFolder
from SpinalDiseaseAILib.training.focal_loss import focal_loss
from SpinalDiseaseAILib.training.heat_map_regression import gaussians, heat_map_loss, train_heat_maps
from SpinalDiseaseAILib.training.localizer import planes_to_fit
from SpinalDiseaseAILib.training.packing import pack_runs
from SpinalDiseaseAILib.training.whole_planes import SquarePlane, WholePlaneSampler, sampler_of, square_plane

SIDE = 64


def column_of_points(count: int = 1) -> torch.Tensor:
    """Key points 5 pixels below each other, (N, K, 2)."""
    return torch.tensor([(30.0, 6 + 5.0 * index) for index in range(len(KEY_POINTS))]).expand(count, -1, 2).clone()


@pytest.fixture
def heat_map_config(localizer_config: dict[str, Any]) -> dict[str, Any]:
    """A configuration of a small V-Net."""
    return localizer_config | {
        "name": "spinal-disease-2020-heatmap",
        "license": "research-only",
        "research_only": True,
        "network": "VNet2d",
        "datasets": {"tianchi2020": 1.0},
        "widths": [2, 4],
        "kernel": 3,
        "size": SIDE,
        "sigma": 2.0,
        "least_score": 0.2,
    }


@pytest.fixture
def detector_config(heat_map_config: dict[str, Any]) -> dict[str, Any]:
    """A configuration of a small detector."""
    return heat_map_config | {
        "name": "spinal-disease-2020-detector",
        "network": "BoxDetector",
        "encoder_stages": 4,
        "width": 8,
    }


def test_the_focal_loss_is_least_at_its_target_and_nearly_ignores_small_errors() -> None:
    target = torch.tensor([0.4])
    losses = {p: float(focal_loss(torch.logit(torch.tensor([p])), target)) for p in (0.05, 0.2, 0.4, 0.6, 0.95)}
    assert losses[0.4] == pytest.approx(0, abs=1e-6) and losses[0.05] > losses[0.2] > losses[0.4] < losses[0.6] < losses[0.95]
    plain = torch.nn.functional.binary_cross_entropy(torch.tensor([0.05]), torch.zeros(1))
    assert focal_loss(torch.logit(torch.tensor([0.05])), torch.zeros(1)) == pytest.approx(0.05**2 * float(plain), rel=1e-4)


def test_a_gaussian_has_height_one_and_its_width_around_its_point() -> None:
    points = torch.full((1, 2, 2), math.nan)
    points[0, 0] = torch.tensor([20.0, 30.0])
    maps = gaussians(points, SIDE, 5.0)
    assert maps.shape == (1, 2, SIDE, SIDE) and maps[0, 0, 30, 20] == 1
    assert maps[0, 0, 30, 25] == pytest.approx(math.exp(-0.5)) and maps[0, 0, 40, 20] == pytest.approx(math.exp(-2))
    assert not maps[0, 1].any()


def test_a_point_outside_the_view_has_an_empty_map() -> None:
    assert not gaussians(torch.tensor([[[-1.0, 30.0], [30.0, SIDE + 1.0]]]), SIDE, 5.0).any()


def test_a_box_is_as_wide_as_the_distance_between_its_points_neighbours() -> None:
    points = column_of_points()
    points[0, -1, 1] += 3  # the last step has 8 pixels
    boxes = boxes_of(points)
    assert ((boxes[..., :2] + boxes[..., 2:]) / 2 - points).abs().max() < 1e-5
    sides = (boxes[0, :, 2:] - boxes[0, :, :2])[:, 0]
    assert (boxes[0, :, 3] - boxes[0, :, 1]).tolist() == pytest.approx(sides.tolist())
    assert sides.tolist() == pytest.approx([10.0] * 9 + [13.0, 16.0])


def test_a_point_between_unknown_neighbours_has_no_box() -> None:
    points = column_of_points()
    points[0, [3, 5]] = math.nan
    boxes = boxes_of(points)
    assert boxes[0, 3:6].isnan().all() and not boxes[0, [0, 1, 2, 6, 7, 8, 9, 10]].isnan().any()


def test_the_overlap_of_boxes_is_that_worked_out_by_hand() -> None:
    truth = torch.tensor([[0.0, 0.0, 10.0, 10.0]]).expand(3, 4)
    found = torch.tensor([[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 10.0], [20.0, 0.0, 30.0, 10.0]])
    loss, overlap = overlap_loss(found, truth)
    assert overlap.tolist() == pytest.approx([1, 50 / 150, 0])
    assert loss.tolist() == pytest.approx([0, 1 - 50 / 150, 1 + 100 / 300])


def test_the_overlap_of_boxes_is_that_of_monai() -> None:
    torch.manual_seed(0)
    corners, sizes = torch.rand(2, 50, 2) * 20, torch.rand(2, 50, 2) * 15 + 1
    found, truth = torch.cat([corners, corners + sizes], -1)
    assert (1 - overlap_loss(found, truth)[0]).tolist() == pytest.approx(box_pair_giou(found, truth).tolist(), abs=1e-5)


def test_a_cell_predicts_the_nearest_key_point_within_one_and_a_half_cells() -> None:
    points = torch.tensor([[[20.0, 20.0], [20.0, 36.0], [60.0, 60.0]]])
    owner = owners(points, torch.tensor([[True, True, False]]), 8, 8, 8)[0]
    assert owner[2, 2] == 0 and owner[4, 2] == 1
    assert owner[2, 4] == -1 and owner[7, 7] == -1
    assert {int(value) for value in owner.unique()} == {-1, 0, 1}


@pytest.mark.parametrize("kind", ["heat map", "boxes"])
def test_a_few_steps_on_one_plane_bring_the_loss_down(kind: str) -> None:
    torch.manual_seed(0)
    images, points = torch.rand(1, 1, SIDE, SIDE), column_of_points()
    for column, row in points[0].int().tolist():
        images[0, 0, row - 1 : row + 2, column - 4 : column + 5] = 1.5
    network = VNet2d(len(KEY_POINTS), (4, 8), 3) if kind == "heat map" else BoxDetector(len(KEY_POINTS), 4, 8)
    optimizer = torch.optim.AdamW(network.parameters(), 0.01)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        batch = images, points
        loss = heat_map_loss(network, batch, 2.0) if isinstance(network, VNet2d) else box_loss(network, batch)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("kind", ["heat map", "boxes"])
def test_a_view_in_which_nothing_is_known_has_a_finite_loss_with_finite_gradients(kind: str) -> None:
    torch.manual_seed(0)
    points = torch.full((2, len(KEY_POINTS), 2), math.nan)
    points[1] = column_of_points()[0] + 1000
    network = VNet2d(len(KEY_POINTS), (2, 4), 3) if kind == "heat map" else BoxDetector(len(KEY_POINTS), 4, 8)
    batch = torch.rand(2, 1, SIDE, SIDE), points
    loss = heat_map_loss(network, batch, 2.0) if isinstance(network, VNet2d) else box_loss(network, batch)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(value.grad).all() for value in network.parameters() if value.grad is not None)


def test_a_plane_is_kept_whole_and_its_points_match_the_image(data: Path) -> None:
    record = read_dataset("tianchi2020", data, ("train",))[0]
    plane = square_plane(record, 280)
    assert plane.image.shape == (1, 280, 280) and plane.points.shape == (len(KEY_POINTS), 2)
    for name, (x, y) in zip(KEY_POINTS, plane.points.tolist(), strict=True):
        patch = plane.image[0, round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].float().mean()
        assert patch > (0.25 if "-" in name else 0.45), name


def test_views_match_their_points_and_the_seed_determines_them() -> None:
    plane, points = torch.zeros(1, 256, 256), column_of_points()[0] * 4
    for column, row in points.int().tolist():
        plane[0, row - 3 : row + 4, column - 3 : column + 4] = 1
    sampler = WholePlaneSampler([(1.0, [SquarePlane(plane.half(), points)])])
    batches = [sampler.batch(4, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(batches[0][0], batches[1][0]) and not torch.equal(batches[0][0], batches[2][0])
    images, places = batches[0]
    assert images.shape == (4, 1, 256, 256)
    for image, where in zip(images[:, 0], places, strict=True):
        shown = [image[round(y), round(x)] for x, y in where.tolist() if 0 <= x <= 255 and 0 <= y <= 255]
        assert np.mean(shown) > image.mean() + 0.3


@pytest.mark.parametrize("kind", ["heat map", "boxes"])
def test_a_run_becomes_a_bundle_that_the_store_reads_by_its_short_name(
    kind: str, heat_map_config: dict[str, Any], detector_config: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    config, train = (heat_map_config, train_heat_maps) if kind == "heat map" else (detector_config, train_boxes)
    weights = train(config, data, tmp_path / "run")
    assert all(torch.isfinite(value).all() for value in load_file(weights).values())
    place = pack_runs(config, [tmp_path / "run"], data, tmp_path / "models")
    short = {name: key for key, name in SHORT_NAMES.items()}[place.name]
    store = ModelStore()
    localizer, bundle = store.localizer(short, str(place.parent), store.device("cpu"))
    assert isinstance(localizer, PublishedLocalizer) and localizer.side == SIDE and localizer.least_score == 0.2
    assert localizer.confidence == (1.0, 0.0)  # hardly trained, it finds no points that could be right or wrong
    assert bundle.options["calibrated_on"] == "tuning patients"
    assert bundle.name == config["name"] and bundle.research_only and bundle.data_sets == ("tianchi2020",)
    assert bundle.provenance.research_only


def test_the_seed_determines_the_training(heat_map_config: dict[str, Any], data: Path, tmp_path: Path) -> None:
    runs = [load_file(train_heat_maps(heat_map_config, data, tmp_path / name)) for name in ("one", "two")]
    assert all(torch.equal(value, runs[1][key]) for key, value in runs[0].items())


def test_only_planes_of_the_wanted_splits_are_trained_on(heat_map_config: dict[str, Any], data: Path, tmp_path: Path) -> None:
    wanted = [record for record in read_dataset("tianchi2020", data, ("train",)) if record.points]
    records = planes_to_fit(heat_map_config, data)
    assert [len(planes) for _, planes in sampler_of(heat_map_config, records, ExampleFolder(tmp_path)).groups] == [len(wanted)]


def test_several_runs_of_a_published_localizer_cannot_become_a_bundle(
    heat_map_config: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    train_heat_maps(heat_map_config, data, tmp_path / "run")
    with pytest.raises(InputError, match="no members"):
        pack_runs(heat_map_config, [tmp_path / "run"] * 2, data, tmp_path / "models")


def test_the_packaged_configurations_follow_the_published_recipe_as_they_state() -> None:
    heat_map, detector = (configuration(name) for name in SHORT_NAMES.values())
    assert (heat_map["size"], heat_map["sigma"], heat_map["learning_rate"], heat_map["kernel"]) == (512, 5.0, 0.001, 5)
    assert len(heat_map["widths"]) == 5
    for config in (heat_map, detector):
        assert config["research_only"] and config["datasets"] == {"tianchi2020": 1.0} and config["splits"] == ["train"]
