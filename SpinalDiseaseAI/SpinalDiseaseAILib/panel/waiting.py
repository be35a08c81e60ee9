"""Short work on the main thread: shows the wait cursor during it, and errors after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer

from ..base.errors import SpinalDiseaseAIError
from .host import Host


@contextmanager
def waiting(host: Host, message: str) -> Iterator[None]:
    """Show the wait cursor during a ``with`` block, and remove it before an error pops up.

    The product's own errors are shown with their text, and execution continues after the block; others are shown with their
    details and raised. Nothing in the block may ask the user anything.

    :param message: what could not be done, for errors other than the product's own.
    """
    failure: SpinalDiseaseAIError | None = None
    with slicer.util.tryWithErrorDisplay(message, waitCursor=True):
        try:
            yield
        except SpinalDiseaseAIError as error:
            failure = error
    if failure is not None:
        host.fail(failure)
