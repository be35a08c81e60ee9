"""Losses of random views, which are made while the network computes the step before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn

from .hardware import Hardware

LossStream = Callable[[nn.Module, torch.Generator], Iterator[Tensor]]
"""Endless losses of a network, each computed when it is asked for; all randomness of the views is the generator's."""

Batch = tuple[Tensor, ...]
MakeBatch = Callable[[int, torch.Generator], Batch]
"""Makes a batch of so many views, in the processor's memory."""


def losses_of(batch: MakeBatch, loss: Callable[..., Tensor], config: dict[str, Any], hardware: Hardware) -> LossStream:
    """The losses of batches of views.

    :param batch: draws from the generator it is given and from nothing else.
    :param loss: called with the network and the tensors of a batch on the device. It calls the network; of several processes each
        has one that averages gradients, whose attributes are not those of the network.
    :param config: ``batch``, which the processes share.
    :raises InputError: if the batch does not divide over the processes.
    """
    count = hardware.share(config["batch"])

    def losses(model: nn.Module, generator: torch.Generator) -> Iterator[Tensor]:
        for views in prefetched(batch, count, generator):
            yield loss(model, *hardware.moved(views))

    return losses


def prefetched(batch: MakeBatch, count: int, generator: torch.Generator) -> Iterator[Batch]:
    """Endless batches, each made in a thread while the one before is used.

    They are the batches that would be made one by one: ``generator`` always has the state after the batch that was given last, so
    that a checkpoint that keeps it goes on with the next one.
    """
    ahead = torch.Generator()
    ahead.set_state(generator.get_state())

    def make() -> tuple[Batch, Tensor]:
        return batch(count, ahead), ahead.get_state()

    with ThreadPoolExecutor(1, "views") as pool:
        coming = pool.submit(make)
        while True:
            views, state = coming.result()
            coming = pool.submit(make)
            generator.set_state(state)
            yield views
