"""The grading network's regions and its loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS, finding
from SpinalDiseaseAILib.datasets.collection import read_dataset
from SpinalDiseaseAILib.steps.regions import RegionLayout
from SpinalDiseaseAILib.training.regions import (
    RegionSampler,
    StoredRegion,
    class_balance,
    region_loss,
    stored_regions,
    targets,
    train_regions,
    visits,
)

GRADE, SEVERAL = (finding("pfirrmann"),), (finding("disc_disease"),)


def one_hot(*classes: int, size: int = 5) -> torch.Tensor:
    return torch.eye(size)[list(classes)]


def loss(logits: torch.Tensor, target: torch.Tensor, findings: Any = GRADE, weights: dict[str, float] | None = None) -> float:
    return float(region_loss(logits, target, findings, torch.ones(logits.shape[1]), weights or {}))


@pytest.mark.parametrize("true", range(5))
def test_the_loss_of_a_grade_is_least_at_the_truth(true: int) -> None:
    losses = [loss(6 * one_hot(said), one_hot(true)) for said in range(5)]
    assert min(range(5), key=losses.__getitem__) == true


def test_an_error_of_two_grades_costs_more_than_one_of_one() -> None:
    losses = [loss(6 * one_hot(said), one_hot(0)) for said in range(5)]
    assert losses == sorted(losses) and losses[2] - losses[1] > 0.5


def test_a_finding_of_two_classes_has_no_loss_for_the_distance_of_grades() -> None:
    logits, truth = torch.tensor([[1.0, -2.0]]), one_hot(1, size=2)
    smooth = truth * 0.95 + 0.025
    expected = -(smooth * logits.log_softmax(1)).sum()
    assert loss(logits, truth, (finding("narrowing"),)) == pytest.approx(float(expected))


def test_errors_between_unordered_classes_cost_the_same() -> None:
    modic = (finding("modic"),)
    losses = [loss(6 * one_hot(said, size=4), one_hot(0, size=4), modic) for said in (1, 2, 3)]
    assert losses == pytest.approx([losses[0]] * 3)


def test_classes_that_can_occur_together_are_judged_one_by_one() -> None:
    truth = torch.tensor([[0.0, 1, 0, 0, 1]])
    right = loss(12 * (truth - 0.5), truth, SEVERAL)
    for index in range(5):
        said = truth.clone()
        said[0, index] = 1 - said[0, index]
        assert loss(12 * (said - 0.5), truth, SEVERAL) > right


def test_what_is_not_known_does_not_count() -> None:
    both = GRADE + (finding("narrowing"),)
    known = torch.cat([one_hot(1), torch.full((1, 2), math.nan)], 1)
    logits = torch.randn(1, 7)
    assert loss(logits, known, both) == pytest.approx(loss(logits[:, :5], one_hot(1)))
    assert loss(logits, torch.full((1, 7), math.nan), both) == 0


def test_a_weight_multiplies_the_loss_of_its_finding() -> None:
    logits = torch.randn(3, 5)
    assert loss(logits, one_hot(0, 1, 2), weights={"pfirrmann": 2.5}) == pytest.approx(2.5 * loss(logits, one_hot(0, 1, 2)))


def region(target: torch.Tensor, pixels: torch.Tensor | None = None) -> StoredRegion:
    return StoredRegion(torch.rand(2, 48, 48) if pixels is None else pixels, 4, target, "patient")


def test_rare_classes_weigh_more_and_the_mean_weight_is_one() -> None:
    target = one_hot(*[0] * 16, *[1] * 4, 4)
    balance = class_balance(target, GRADE)
    assert balance[0] < balance[1] < balance[4]
    assert float((target * balance).sum(1).mean()) == pytest.approx(1, abs=0.25)
    assert torch.isfinite(balance).all()


def test_rare_classes_that_can_occur_together_weigh_at_most_four() -> None:
    truth = torch.zeros(100, 5)
    truth[:50, 0] = 1
    truth[0, 4] = 1
    balance = class_balance(truth, SEVERAL)
    assert balance[0] == pytest.approx(1) and balance[4] == 4


def test_targets_are_ones_zeros_or_unknown(data: Path) -> None:
    record = next(item for item in read_dataset("tianchi2020", data, ("train",)))
    both = SEVERAL + (finding("vertebra_disease"),)
    assert targets(record, "L2-L3", both)[:5].tolist() == [0, 1, 0, 0, 1]
    assert targets(record, "L2-L3", both)[5:].isnan().all()
    assert targets(record, "L3", both)[:5].isnan().all() and targets(record, "L3", both)[5:].sum() == 1


def test_a_visit_is_a_t2_plane_with_the_t1_of_the_same_patient(data: Path) -> None:
    records = read_dataset("spider", data, ("train",))
    found = visits(records)
    assert [(visit["T2"].series, visit["T1"].series) for visit in found] == [
        (f"{key}_t2", f"{key}_t1") for key in ("3", "4", "5")
    ]
    alone = visits(tuple(record for record in records if record.contrast == "T2"))
    assert [set(visit) for visit in alone] == [{"T2"}] * 3
    space = visits(read_dataset("spider_space", data, ("train",)) + records)
    assert all("T1" not in visit for visit in space if "SPACE" in visit["T2"].series)


def test_every_graded_disc_gives_a_region_with_both_contrasts(data: Path) -> None:
    regions = list(stored_regions(read_dataset("spider", data, ("train",)), GRADE, RegionLayout(32)))
    assert len(regions) == 3 * 6 and {item.pixels.shape for item in regions} == {(2, 48, 48)}
    assert {KEY_POINTS[item.structure] for item in regions} == {name for name in KEY_POINTS if "-" in name}
    assert all(item.pixels[channel].any() for item in regions for channel in (0, 1))
    assert {item.patient for item in regions} == {"3", "4", "5"}


def test_a_contrast_is_dropped_only_if_both_exist(generator: torch.Generator) -> None:
    both, alone = region(one_hot(1)[0]), region(one_hot(2)[0], torch.stack([torch.rand(48, 48), torch.zeros(48, 48)]))
    images, codes, target = RegionSampler([(1.0, [both, alone])], 1.0, 32, 0.6).batch(40, generator)
    seen = images.flatten(2).any(2)
    assert images.shape == (40, 2, 32, 32) and codes.shape == (40, len(KEY_POINTS)) and target.shape == (40, 5)
    assert seen.any(1).all(), "no region loses both contrasts"
    assert (seen.sum(1) == 1).all()
    assert seen[target[:, 2] == 1].tolist() == [[True, False]] * int(target[:, 2].sum())
    kept, _, _ = RegionSampler([(1.0, [both])], 0.0, 32, 0.6).batch(10, generator)
    assert kept.flatten(2).any(2).all()


def test_of_two_contrasts_the_t1_is_dropped_more_often_but_not_always(generator: torch.Generator) -> None:
    images, _, _ = RegionSampler([(1.0, [region(one_hot(1)[0])])], 1.0, 16, 0.6).batch(200, generator)
    t2, t1 = images.flatten(2).any(2).float().mean(0).tolist()
    assert t2 == pytest.approx(0.7, abs=0.1) and t1 == pytest.approx(0.3, abs=0.1)


def test_the_seed_determines_the_regions() -> None:
    regions = [region(one_hot(grade)[0]) for grade in range(5)]
    batches = [RegionSampler([(1.0, regions)], 0.5, 32, 0.6).batch(8, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert all(torch.equal(a, b) for a, b in zip(batches[0], batches[1], strict=True))
    assert not torch.equal(batches[0][0], batches[2][0])


def test_a_short_training_is_reproducible_even_after_an_interruption(
    regions_config: dict[str, Any], data: Path, tmp_path: Path, kill_at_first_checkpoint: Callable[[], list[int]]
) -> None:
    expected = load_file(train_regions(regions_config, data, tmp_path / "whole"))
    kill_at_first_checkpoint()
    with pytest.raises(KeyboardInterrupt):
        train_regions(regions_config, data, tmp_path / "killed")
    torch.rand(3)
    found = load_file(train_regions(regions_config, data, tmp_path / "killed"))
    assert all(torch.equal(found[key], expected[key]) for key in expected)
