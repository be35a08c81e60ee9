"""Training of the segmentation network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..datasets.space_stacks import read_space_stacks
from ..models.loading import channels_last
from ..models.segmentation_network import SegmentationNetwork
from .loop import Loop
from .teaching import taught_stacks, teacher_of
from .tissue_views import StoredStack, TissueSampler, store


def segmentation_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy and one minus the mean Dice of the tissues over the batch (Milletari et al., V-Net, 2016).

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


def stored_groups(config: dict[str, Any], data: Path) -> list[tuple[float, list[StoredStack]]]:
    """The stacks of a configuration's data sets, and their weights.

    ``spider_space`` has masks. ``spider`` has none: a trained network, ``teacher``, outlines its T2 planes.
    """
    splits = tuple(config["splits"])
    groups = []
    for name, weight in config["datasets"].items():
        if name == "spider_space":
            stacks = [store(stack) for stack in read_space_stacks(data, splits)]
        else:
            teacher = teacher_of(config)
            stacks = [store(stack, painted=contrast == "T2") for contrast, stack in taught_stacks(teacher, name, data, splits)]
        groups.append((float(weight), stacks))
    return groups


def train_segmentation(config: dict[str, Any], data: Path, run: Path) -> Path:
    """Train by a configuration; a run that was stopped goes on where its last checkpoint stands.

    :param data: folder of the data sets.
    :param run: folder of checkpoints and logs.
    :returns: path of the averaged weights.
    """
    network = channels_last(SegmentationNetwork(config["widths"]))
    rows, columns = config["view"]
    sampler = TissueSampler(stored_groups(config, data), (rows, columns), config["spacing"], config["painted"])

    def losses(model: nn.Module, generator: torch.Generator) -> Iterator[Tensor]:
        while True:
            planes, target = sampler.batch(config["batch"], generator)
            yield segmentation_loss(model(planes.contiguous(memory_format=torch.channels_last)), target)

    return Loop(network, config, run).fit(losses)
