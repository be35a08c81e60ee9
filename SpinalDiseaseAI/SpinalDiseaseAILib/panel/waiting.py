"""Work that takes a moment on the main thread: the wait cursor while it lasts, what went wrong once it is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer

from ..base.errors import SpinalDiseaseAIError
from .host import Host


@contextmanager
def waiting(host: Host, message: str) -> Iterator[None]:
    """Show the wait cursor during a ``with`` block, and end it before an error pops up.

    An error of the product's own is told in its words, and what follows the block runs; another one is told with its details and
    raised. Nothing in the block may ask the user anything.

    :param message: what could not be done, for an error that is not the product's own.
    """
    failure: SpinalDiseaseAIError | None = None
    with slicer.util.tryWithErrorDisplay(message, waitCursor=True):
        try:
            yield
        except SpinalDiseaseAIError as error:
            failure = error
    if failure is not None:
        host.fail(failure)
