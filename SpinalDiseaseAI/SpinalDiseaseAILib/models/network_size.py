"""Refuses networks that would exhaust the memory, before any is allocated: a few bytes of metadata can ask for any size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

MAXIMUM_PARAMETERS = 1 << 27
"""Weights of a network; those of the product have some four million at most."""

MAXIMUM_TENSORS = 1 << 13
"""Parameter tensors of a network; those of the product have some hundreds."""


class TooLargeError(Exception):
    """A network has more weights than any that is loaded."""


def check_network_size(build: Callable[[], nn.Module]) -> None:
    """Build a network without memory for its weights, and stop at the first one beyond the limits.

    :param build: makes the network; other exceptions that it raises are passed on.
    :raises TooLargeError: if the network has more weights or tensors than the limits.
    """
    with _counting(), torch.device("meta"):
        build()


@contextmanager
def _counting() -> Iterator[None]:
    weights, tensors = 0, 0

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal weights, tensors
        if parameter is not None:
            weights, tensors = weights + parameter.numel(), tensors + 1
        if weights > MAXIMUM_PARAMETERS or tensors > MAXIMUM_TENSORS:
            raise TooLargeError

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()
