"""Prefetched views are the same as views made one by one, whenever a training stops."""

from __future__ import annotations

import threading
from itertools import islice
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.models.region_resnet import RegionResNet
from SpinalDiseaseAILib.training.hardware import PROCESSOR, Hardware
from SpinalDiseaseAILib.training.streams import losses_of, prefetched


def views(count: int, generator: torch.Generator) -> tuple[Tensor, ...]:
    return torch.rand(count, 2, generator=generator), torch.randn(count, generator=generator)


def test_prefetched_batches_are_the_same_as_batches_made_one_by_one(generator: torch.Generator) -> None:
    other = torch.Generator().manual_seed(0)
    for found in islice(prefetched(views, 3, generator), 5):
        expected = views(3, other)
        assert all(torch.equal(one, two) for one, two in zip(found, expected, strict=True))
        assert torch.equal(generator.get_state(), other.get_state()), "a checkpoint would skip or repeat views"


def test_a_stream_continues_from_the_state_of_its_generator(generator: torch.Generator) -> None:
    whole = list(islice(prefetched(views, 3, torch.Generator().manual_seed(0)), 6))
    list(islice(prefetched(views, 3, generator), 2))
    again = torch.Generator()
    again.set_state(generator.get_state())
    rest = list(islice(prefetched(views, 3, again), 4))
    assert all(torch.equal(one[0], two[0]) for one, two in zip(rest, whole[2:], strict=True))


def test_the_next_batch_is_made_while_one_is_used(generator: torch.Generator) -> None:
    made = threading.Semaphore(0)

    def told(count: int, draw: torch.Generator) -> tuple[Tensor, ...]:
        made.release()
        return views(count, draw)

    stream = prefetched(told, 3, generator)
    next(stream)
    assert all(made.acquire(timeout=10) for _ in range(2))


def test_an_error_in_the_views_ends_the_training(generator: torch.Generator) -> None:
    def broken(count: int, draw: torch.Generator) -> tuple[Tensor, ...]:
        raise InputError("The file is gone.")

    with pytest.raises(InputError, match="The file is gone"):
        next(prefetched(broken, 3, generator))


@pytest.mark.parametrize(("processes", "own"), [(1, 12), (2, 6), (3, 4)])
def test_each_process_computes_the_loss_of_its_part_of_the_batch(processes: int, own: int, generator: torch.Generator) -> None:
    def loss(model: nn.Module, places: Tensor, truth: Tensor) -> Tensor:
        assert len(places) == len(truth) == own
        return (model(places)[:, 0] - truth).square().mean()

    stream = losses_of(views, loss, {"batch": 12}, Hardware(processes=processes))(nn.Linear(2, 1), generator)
    assert all(value.requires_grad for value in islice(stream, 2))


@pytest.mark.parametrize("processes", [2, 5])
def test_a_batch_that_does_not_divide_is_refused(processes: int) -> None:
    config: dict[str, Any] = {"batch": 7}
    with pytest.raises(InputError, match=f"batch of 7 does not divide over {processes} processes") as caught:
        losses_of(views, lambda model, *batch: batch[0].sum(), config, Hardware(processes=processes))
    assert caught.value.code == "batch"


def test_each_process_has_a_seed_of_its_own_and_the_first_the_configurations() -> None:
    seeds = [Hardware(rank=rank, processes=4).seed(seed) for seed in (1, 2) for rank in range(4)]
    assert seeds[0] == 1 and seeds[4] == 2 and len(set(seeds)) == 8


def test_with_one_process_the_network_is_not_wrapped_and_values_are_not_gathered() -> None:
    network = nn.BatchNorm1d(2)
    assert PROCESSOR.parallel(network) is network and PROCESSOR.synchronized(network) is network
    assert PROCESSOR.gathered("value") == ["value"]


def test_several_gpus_share_their_batch_norm_and_cpus_do_not() -> None:
    gpus, processors = (Hardware(torch.device(name), processes=2) for name in ("cuda:1", "cpu"))
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    names = list(network.state_dict())
    assert isinstance(processors.synchronized(network)[1], nn.BatchNorm2d)
    converted = gpus.synchronized(network)
    assert isinstance(converted[1], nn.SyncBatchNorm) and list(converted.state_dict()) == names


def test_a_network_whose_parts_do_not_always_run_is_not_synchronized() -> None:
    network = RegionResNet(1, len(KEY_POINTS), 7, ["disc_disease", "vertebra_disease"], (2, 2, 2, 2))
    Hardware(torch.device("cuda:0"), processes=2).synchronized(network)
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in network.modules())


@pytest.mark.parametrize(("precision", "expected"), [("fp32", None), ("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_products_are_computed_in_the_chosen_precision(precision: str, expected: torch.dtype | None) -> None:
    hardware = Hardware(precision=precision)
    with hardware.autocast():
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype == (expected or torch.float32)
    assert hardware.scaler().is_enabled() is (precision == "fp16")


def test_the_random_numbers_of_networks_continue_from_a_saved_state() -> None:
    state = PROCESSOR.random_state()
    expected = torch.rand(3)
    PROCESSOR.set_random_state(state)
    assert torch.equal(torch.rand(3), expected)
