"""Memory settings of processes that compute: when freed memory is kept and when it is returned to the system.

A network allocates and frees tens of megabytes per layer. The C library of Linux returns such blocks to the system at once and
requests them again, and each time the kernel has to clear the pages: half of the time of a segmentation on a CPU.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

# Parameters of mallopt, from malloc.h
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8

_MOST = 2**31 - 1  # largest C int
_STEP = 64 << 20  # bytes by which the heap grows


def keep_freed_memory() -> bool:
    """Let this process reuse freed memory instead of returning it: for processes that do nothing but compute.

    :returns: True if the C library has such settings.
    """
    library = _library("mallopt")
    if library is None:
        return False
    settings = {_MMAP_MAX: 0, _TRIM_THRESHOLD: _MOST, _TOP_PAD: _STEP, _ARENA_MAX: 1}
    taken = [library.mallopt(parameter, value) == 1 for parameter, value in settings.items()]
    return all(taken)


def give_back_freed_memory() -> bool:
    """Return all memory that this process keeps but does not use to the system; the next computation requests it again.

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
