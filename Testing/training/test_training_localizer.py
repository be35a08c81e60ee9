"""The key point network's views and its loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from plain_data_sets import SPACING
from safetensors.torch import load_file

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.datasets.collection import read_dataset
from SpinalDiseaseAILib.models.localizer_network import LocalizerNetwork
from SpinalDiseaseAILib.training.examples import ExampleFolder
from SpinalDiseaseAILib.training.localizer import (
    STORED_SPACING,
    PlaneSampler,
    StoredPlane,
    localizer_loss,
    planes_to_fit,
    store,
    stored_groups,
    train_localizer,
)

SIZE = 64


class Fixed(LocalizerNetwork):
    """Returns given maps."""

    def __init__(self, heat: torch.Tensor, outside: torch.Tensor, canal: torch.Tensor) -> None:
        super().__init__(len(KEY_POINTS), (2, 2))
        self.maps = heat, outside, canal

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.maps


def truth(place: tuple[float, float] = (30.0, 24.0)) -> tuple[torch.Tensor, ...]:
    """A batch of one image with every key point at one place."""
    where = torch.tensor(place).expand(1, len(KEY_POINTS), 2).clone()
    return torch.rand(1, 1, SIZE, SIZE), where, torch.zeros(1, 1, SIZE, SIZE), torch.tensor([False])


def loss_at(place: tuple[float, float] | None, batch: tuple[torch.Tensor, ...], canal: float = 0.0) -> float:
    """Loss of a network that is certain of a place (column, row) in image pixels, or that there is none."""
    heat = torch.zeros(1, len(KEY_POINTS), SIZE // 2, SIZE // 2)
    outside = torch.full((1, len(KEY_POINTS)), 10.0 if place is None else 0.0)
    if place is not None:
        rows, columns = torch.meshgrid(torch.arange(SIZE // 2), torch.arange(SIZE // 2), indexing="ij")
        column, row = ((value + 0.5) / 2 - 0.5 for value in place)
        heat += 10 - 0.5 * ((columns - column) ** 2 + (rows - row) ** 2) / 1.5**2
    network = Fixed(heat, outside, torch.full((1, 1, SIZE // 2, SIZE // 2), canal))
    return float(localizer_loss(network, batch, 3.0))  # type: ignore[arg-type]


def test_the_loss_is_least_at_the_truth_and_grows_with_the_distance() -> None:
    losses = [loss_at((30.0 + shift, 24.0), truth()) for shift in (0, 4, 8, 16)]
    assert losses == sorted(losses)
    assert losses[0] < loss_at(None, truth())


def test_a_key_point_outside_the_image_should_be_called_outside() -> None:
    for place in ((-20.0, 24.0), (30.0, SIZE + 9.0), (-1e4, -1e4)):
        assert loss_at(None, truth(place)) < 0.1 < loss_at((5.0, 24.0), truth(place))


def test_unknown_key_points_do_not_count() -> None:
    batch = truth()
    expected = loss_at((30.0, 24.0), batch)
    batch[1][0, 3:] = math.nan
    assert loss_at((30.0, 24.0), batch) == pytest.approx(expected, rel=1e-5)


def test_the_canal_counts_only_if_it_is_known() -> None:
    images, where, canal, known = truth()
    right, wrong = (loss_at((30.0, 24.0), (images, where, canal, known), logit) for logit in (-8.0, 8.0))
    assert right == wrong
    known = torch.tensor([True])
    right, wrong = (loss_at((30.0, 24.0), (images, where, canal, known), logit) for logit in (-8.0, 8.0))
    assert wrong > right + 10


def test_the_loss_has_finite_gradients() -> None:
    torch.manual_seed(0)
    network = LocalizerNetwork(len(KEY_POINTS), (2, 2))
    images, where, canal, _ = truth()
    where[0, 0] = math.nan
    where[0, 1] = -1e4
    batch = images.repeat(2, 1, 1, 1), where.repeat(2, 1, 1), canal.repeat(2, 1, 1, 1), torch.tensor([True, False])
    localizer_loss(network, batch, 3.0).backward()
    assert all(torch.isfinite(value.grad).all() for value in network.parameters() if value.grad is not None)


def test_stored_points_match_the_stored_image(data: Path) -> None:
    record = next(item for item in read_dataset("spider_space", data, ("train",)))
    plane = store(record)
    assert plane.has_canal and plane.image.shape[0] == 2
    rows, columns = record.pixels().shape
    assert plane.image.shape[1:] == (
        math.ceil(rows * SPACING[1] / STORED_SPACING),
        math.ceil(columns * SPACING[0] / STORED_SPACING),
    )
    for name, (x, y) in zip(KEY_POINTS, plane.points.tolist(), strict=True):
        patch = plane.image[0, round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].float().mean()
        assert patch > (0.2 if "-" in name else 0.4), name
    expected = np.diff(np.array(list(record.points.values())) * SPACING, axis=0)
    assert np.diff(plane.points.numpy(), axis=0) * STORED_SPACING == pytest.approx(expected, abs=0.05)


def test_a_plane_without_spacing_is_stored_at_an_assumed_one_and_unknown_points_are_nan(data: Path) -> None:
    record = read_dataset("sudirman", data, ("train",))[0]
    plane = store(record)
    assert max(plane.image.shape[1:]) == pytest.approx(320 / STORED_SPACING, abs=1)
    assert plane.points[0].isnan().all() and not plane.points[1:].isnan().any()
    assert not plane.has_canal and not plane.image[1].any()


def sampler(cut: float = 0.0) -> PlaneSampler:
    image = torch.zeros(2, 400, 300)
    where = torch.tensor([[150.0 + index, 95 + 20.0 * index] for index in range(len(KEY_POINTS))])
    for x, y in where.tolist():
        image[0, int(y) - 4 : int(y) + 5, int(x) - 4 : int(x) + 5] = 1
    return PlaneSampler([(1.0, {"one": [StoredPlane(image.half(), where, True)]})], 256, cut)


def test_the_seed_determines_the_views() -> None:
    batches = [sampler(0.5).batch(3, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert all(torch.equal(a, b) for a, b in zip(batches[0], batches[1], strict=True))
    assert not torch.equal(batches[0][0], batches[2][0])


def test_views_have_the_shapes_that_the_loss_takes(generator: torch.Generator) -> None:
    grey, where, canal, known = sampler().batch(3, generator)
    assert grey.shape == canal.shape == (3, 1, 256, 256)
    assert where.shape == (3, len(KEY_POINTS), 2) and known.tolist() == [True, True, True]


def test_points_beyond_a_cut_of_the_field_of_view_are_outside() -> None:
    plain = sampler()
    image = torch.ones(2, 256, 256)
    ends = set()
    for seed in range(12):
        where = torch.tensor([[128.0, 30 + 20.0 * index] for index in range(len(KEY_POINTS))])
        cut = plain._cut(image, where, torch.Generator().manual_seed(seed))
        dark = (cut[0, :, 0] == 0).nonzero()[:, 0]
        for index in range(len(KEY_POINTS)):
            row = 30 + 20 * index
            assert (where[index, 1] == -1e4) == bool(cut[0, row, 0] == 0)
        if len(dark):
            ends.add("upper" if dark[0] == 0 else "lower")
    assert ends == {"upper", "lower"} and image.all()


def test_planes_are_grouped_by_patient_and_report_patients_are_left_out(
    localizer_config: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    groups = stored_groups(localizer_config, planes_to_fit(localizer_config, data), ExampleFolder(tmp_path))
    assert [weight for weight, _ in groups] == [1.0, 0.5, 0.5]
    assert [sorted(group) for _, group in groups] == [["3", "4", "5"], ["3", "5"], ["1", "3"]]
    assert [len(planes) for planes in groups[0][1].values()] == [2, 2, 2]


def test_a_short_training_is_reproducible_even_after_an_interruption(
    localizer_config: dict[str, Any], data: Path, tmp_path: Path, kill_at_first_checkpoint: Callable[[], list[int]]
) -> None:
    expected = load_file(train_localizer(localizer_config, data, tmp_path / "whole"))
    steps = kill_at_first_checkpoint()
    with pytest.raises(KeyboardInterrupt):
        train_localizer(localizer_config, data, tmp_path / "killed")
    found = load_file(train_localizer(localizer_config, data, tmp_path / "killed"))
    assert steps[0] == 2
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    assert any(not torch.equal(value, found[key]) for key, value in LocalizerNetwork(11, (4, 6)).state_dict().items())
