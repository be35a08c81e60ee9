"""Decimal points for the libraries that write images and scenes: they use the decimal separator of the program's locale.

In much of Europe that is a comma in programs with a GUI and in those that call ``locale.setlocale(locale.LC_ALL, "")``, and
nothing can read an NRRD file with decimal commas.
"""

from __future__ import annotations

import locale
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_outside = "C"  # the program's own LC_NUMERIC, kept while a block runs


@contextmanager
def decimal_points() -> Iterator[None]:
    """Make C libraries read and write numbers with decimal points while a block runs, in all threads."""
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
