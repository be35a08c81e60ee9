"""Examples on disk: the same numbers as in memory, written completely or not at all, using memory only for what is read."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from torch import Tensor

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.datasets.collection import read_dataset
from SpinalDiseaseAILib.training.examples import ExampleFolder, key_of
from SpinalDiseaseAILib.training.localizer import PlaneSampler, planes_to_fit, store, stored_groups


@dataclass(frozen=True)
class Thing:
    """An example with every kind of value."""

    large: Tensor
    small: Tensor
    whole: Tensor
    name: str
    known: bool
    spacing: tuple[float, float]


def thing(index: int) -> Thing:
    generator = torch.Generator().manual_seed(index)
    return Thing(
        torch.rand(2, 3 + index, 5, generator=generator).half(),
        torch.tensor([math.nan, index]),
        torch.full((4, 4), index, dtype=torch.uint8).T[1:],
        f"Größe {index}",
        bool(index % 2),
        (0.5, 1.0 + index),
    )


@pytest.fixture
def folder(tmp_path: Path) -> ExampleFolder:
    return ExampleFolder(tmp_path / "examples")


def test_examples_come_back_as_they_were(folder: ExampleFolder) -> None:
    found = folder.stored("things", "key", Thing, map(thing, range(5)))
    assert len(found) == 5
    for index in (4, 0, 2):
        expected, item = thing(index), found[index]
        assert torch.equal(item.large, expected.large) and item.large.dtype == torch.float16
        assert torch.equal(item.whole, expected.whole) and item.whole.dtype == torch.uint8
        assert item.small[0].isnan() and item.small[1] == index
        assert (item.name, item.known, item.spacing) == (expected.name, expected.known, expected.spacing)


def test_examples_are_a_sequence(folder: ExampleFolder) -> None:
    found = folder.stored("things", "key", Thing, map(thing, range(5)))
    assert [item.name for item in found] == [f"Größe {index}" for index in range(5)]
    assert [item.name for item in found[1:3]] == ["Größe 1", "Größe 2"] and found[-1].name == "Größe 4"
    chosen = found.chosen([3, 1])
    assert len(chosen) == 2 and [item.name for item in chosen] == ["Größe 3", "Größe 1"] == [item.name for item in chosen[:]]
    with pytest.raises(IndexError):
        found[5]


def test_examples_are_made_once_and_again_if_the_key_differs(folder: ExampleFolder) -> None:
    folder.stored("things", "one", Thing, map(thing, range(2)))
    assert len(folder.stored("things", "one", Thing, never())) == 2
    assert len(folder.stored("things", "two", Thing, map(thing, range(3)))) == 3
    assert [path.name for path in folder.path.iterdir()] == ["things-two.examples"]


def never() -> Iterator[Thing]:
    raise AssertionError("made again")
    yield


def test_a_half_written_file_is_never_used(folder: ExampleFolder) -> None:
    def breaks() -> Iterator[Thing]:
        yield thing(0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.stored("things", "key", Thing, breaks())
    assert not list(folder.path.glob("*.examples"))
    assert len(folder.stored("things", "key", Thing, map(thing, range(2)))) == 2
    assert [path.name for path in folder.path.iterdir()] == ["things-key.examples"]


def test_a_data_set_without_examples_is_refused_with_a_sentence(folder: ExampleFolder) -> None:
    with pytest.raises(InputError, match="things has nothing to train on") as caught:
        folder.stored("things", "key", Thing, iter(()))
    assert caught.value.code == "dataset"


def test_drawing_while_examples_are_made_changes_no_other_random_numbers(folder: ExampleFolder) -> None:
    def drawing() -> Iterator[Thing]:
        torch.rand(7)
        yield thing(0)

    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    folder.stored("things", "key", Thing, drawing())
    assert torch.equal(torch.rand(3), expected)


def test_a_key_distinguishes_settings_records_and_files(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    path.write_bytes(b"1")
    first = key_of(0.8, "record", files=[path, None])
    assert first == key_of(0.8, "record", files=[path, None])
    assert len({first, key_of(0.9, "record", files=[path]), key_of(0.8, "other", files=[path]), key_of(0.8, "record")}) == 4
    path.write_bytes(b"12")
    assert key_of(0.8, "record", files=[path]) != first
    path.write_bytes(b"1")
    os.utime(path, (1, 1))
    assert key_of(0.8, "record", files=[path]) != first


def test_views_from_disk_are_those_from_memory(localizer_config: dict[str, Any], data: Path, folder: ExampleFolder) -> None:
    groups = stored_groups(localizer_config, planes_to_fit(localizer_config, data), folder)
    in_memory = []
    for name, weight in localizer_config["datasets"].items():
        patients: dict[str, list[Any]] = {}
        for record in read_dataset(name, data, ("train",)):
            if record.points:
                patients.setdefault(record.patient, []).append(store(record))
        in_memory.append((weight, patients))
    batches = [PlaneSampler(each, 96, 0.3).batch(6, torch.Generator().manual_seed(2)) for each in (groups, in_memory)]
    for one, other in zip(*batches, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


@dataclass(frozen=True)
class Volume:
    """An example as large as a study."""

    voxels: Tensor


@pytest.mark.skipif(not hasattr(__import__("mmap"), "MADV_DONTNEED"), reason="mapped pages cannot be given back here")
def test_memory_does_not_grow_with_the_number_of_studies(folder: ExampleFolder) -> None:
    megabytes, count = 4, 80
    process = psutil.Process()
    made = (Volume(torch.full((megabytes << 20,), index, dtype=torch.uint8)) for index in range(count))
    before = process.memory_info().rss
    volumes = folder.stored("volumes", "key", Volume, made)
    peak = 0
    for index in range(count):
        assert int(volumes[index].voxels.sum(dtype=torch.int64)) == index * (megabytes << 20)
        peak = max(peak, process.memory_info().rss)
    assert volumes.path.stat().st_size > megabytes * count << 20
    assert peak - before < megabytes * count / 3 * (1 << 20)
