"""Training of the segmentation network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..datasets.collection import read_dataset
from ..datasets.space_stacks import each_space_stack, space_files
from ..models.loading import channels_last
from ..models.segmentation_network import SegmentationNetwork
from .examples import ExampleFolder, Examples, key_of
from .hardware import PROCESSOR, Hardware
from .loop import Loop
from .streams import losses_of
from .teaching import taught_stacks, teacher_of
from .tissue_views import STORAGE, StoredStack, TissueSampler, store


def segmentation_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy plus one minus the mean Dice of the tissues over the batch (Milletari et al., V-Net, 2016).

    :param logits: (N, 4, H, W).
    :param target: shares of the tissues, same shape.
    """
    logarithms = logits.log_softmax(1)
    entropy = -(target * logarithms).sum(1).mean()
    found = logarithms.exp()[:, 1:]
    truth = target[:, 1:]
    both = (found * truth).sum((0, 2, 3))
    dice = (2 * both + 1) / (found.sum((0, 2, 3)) + truth.sum((0, 2, 3)) + 1)
    return entropy + 1 - dice.mean()


def stored_groups(config: dict[str, Any], data: Path, folder: ExampleFolder) -> list[tuple[float, Examples[StoredStack]]]:
    """The stacks of a configuration's data sets, and their weights.

    ``spider_space`` has masks. ``spider`` has none: a trained network, ``teacher``, segments its T2 planes.
    """
    splits = tuple(config["splits"])
    groups = []
    for name, weight in config["datasets"].items():
        if name == "spider_space":
            key = key_of(STORAGE, splits, files=space_files(data))
            stacks = folder.stored(name, key, StoredStack, map(store, each_space_stack(data, splits)))
        else:
            records = read_dataset(name, data, splits)
            key = key_of(
                STORAGE, config["spacing"], *records, files=[Path(config["teacher"]), *(record.path for record in records)]
            )
            stacks = folder.stored(name, key, StoredStack, _taught(config, name, data))
        groups.append((float(weight), stacks))
    return groups


def _taught(config: dict[str, Any], dataset: str, data: Path) -> Iterator[StoredStack]:
    for contrast, stack in taught_stacks(teacher_of(config), dataset, data, tuple(config["splits"])):
        yield store(stack, painted=contrast == "T2")


def train_segmentation(config: dict[str, Any], data: Path, run: Path, hardware: Hardware = PROCESSOR) -> Path:
    """Train as a configuration says; an interrupted run resumes from its last checkpoint.

    :param data: folder of the data sets.
    :param run: folder of checkpoints and logs.
    :returns: path of the averaged weights.
    """
    rows, columns = config["view"]
    loop = Loop(channels_last(SegmentationNetwork(config["widths"])), config, run, hardware)

    def loss(model: nn.Module, planes: Tensor, target: Tensor) -> Tensor:
        return segmentation_loss(model(planes.contiguous(memory_format=torch.channels_last)), target)

    with loop.examples() as folder:
        sampler = TissueSampler(stored_groups(config, data, folder), (rows, columns), config["spacing"], config["painted"])
        return loop.fit(losses_of(sampler.batch, loss, config, hardware))
