"""Losses of random views, each batch made while the network computes the previous step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn

from .hardware import Hardware

LossStream = Callable[[nn.Module, torch.Generator], Iterator[Tensor]]
"""Makes an endless stream of a network's losses, each computed on request; all randomness of views comes from the generator."""

Batch = tuple[Tensor, ...]
MakeBatch = Callable[[int, torch.Generator], Batch]
"""Makes a batch of the given number of views, in CPU memory."""


def losses_of(batch: MakeBatch, loss: Callable[..., Tensor], config: dict[str, Any], hardware: Hardware) -> LossStream:
    """The losses of batches of views.

    :param batch: draws random numbers only from the generator passed to it.
    :param loss: called with the network and the tensors of a batch on the device. It must only call the network: with several
        processes, it gets a wrapper that averages gradients and lacks the network's attributes.
    :param config: ``batch`` is the batch size, shared by the processes.
    :raises InputError: if the batch cannot be divided evenly among the processes.
    """
    count = hardware.share(config["batch"])

    def losses(model: nn.Module, generator: torch.Generator) -> Iterator[Tensor]:
        for views in prefetched(batch, count, generator):
            yield loss(model, *hardware.moved(views))

    return losses


def prefetched(batch: MakeBatch, count: int, generator: torch.Generator) -> Iterator[Batch]:
    """Endless batches, each made in a thread while the previous one is used.

    The batches are the same as without prefetching: ``generator`` always has the state after the batch that was yielded last, so
    a run that is resumed from its state continues with the next batch.
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
