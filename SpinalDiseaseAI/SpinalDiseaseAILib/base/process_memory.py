"""How this process keeps and gives back memory, where it is one that computes.

A network allocates and frees tens of megabytes a layer. The C library of Linux gives such blocks back to the system at once and
asks for them again, each time as pages that the kernel must find and clear: half of the time of a segmentation on a processor.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

# Parameters of mallopt, from malloc.h
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8

_MOST = 2**31 - 1  # of a C int
_STEP = 64 << 20  # bytes that the heap grows by


def keep_freed_memory() -> bool:
    """Let this process use memory that it freed again, in place of giving it back: for processes that do nothing but compute.

    :returns: True if the C library has such settings.
    """
    library = _library("mallopt")
    if library is None:
        return False
    settings = {_MMAP_MAX: 0, _TRIM_THRESHOLD: _MOST, _TOP_PAD: _STEP, _ARENA_MAX: 1}
    taken = [library.mallopt(parameter, value) == 1 for parameter, value in settings.items()]
    return all(taken)


def give_back_freed_memory() -> bool:
    """Give all memory back to the system that this process keeps without need; the next computation asks for it again.

    :returns: True if the C library can.
    """
    library = _library("malloc_trim")
    if library is None:
        return False
    library.malloc_trim(0)
    return True


def _library(function: str) -> Any:
    """The C library of this process, None if it has no such function."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, function) else None
