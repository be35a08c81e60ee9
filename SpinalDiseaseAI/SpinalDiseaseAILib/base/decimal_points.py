"""Numbers in files have decimal points: the libraries that write images and scenes ask the program's locale for theirs.

A program with windows, or one that calls ``locale.setlocale(locale.LC_ALL, "")``, has decimal commas in much of Europe; an NRRD
file with commas cannot be read by anything.
"""

from __future__ import annotations

import locale
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_outside = "C"  # the program's own locale of numbers while a block runs


@contextmanager
def decimal_points() -> Iterator[None]:
    """Let the C libraries of this program write and read numbers with decimal points while a block runs, on any thread."""
    global _inside, _outside
    with _lock:
        if _inside == 0:
            _outside = locale.setlocale(locale.LC_NUMERIC)
            locale.setlocale(locale.LC_NUMERIC, "C")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                locale.setlocale(locale.LC_NUMERIC, _outside)
