"""Memory that a training frees is kept by its process, for its next step.

Every step of an optimiser makes and frees arrays of some megabytes. glibc gives such blocks back to the system at once, and each comes back page
by page, filled with zeros: on a CPU a twentieth of an epoch and more (docs/performance.md). Settings of the user's own, and other allocators, stay as they are.
"""

from __future__ import annotations

import ctypes
import functools
import os
from typing import Final

KEPT_BYTES: Final = 256 * 2**20
"""Free memory at the end of the heap beyond which glibc gives some back."""
LARGEST_BYTES: Final = 32 * 2**20
"""Larger blocks come from the system and go back to it: the most that glibc allows."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names in glibc's ``malloc.h`` (mallopt(3))."""
_OF_THE_USER: Final = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


@functools.cache
def keep_freed_memory() -> bool:
    """Set it for this process, once. False where nothing was set: another C library than glibc, or the user has chosen."""
    if any(name in os.environ for name in _OF_THE_USER):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, LARGEST_BYTES)) and bool(mallopt(_TRIM_THRESHOLD, KEPT_BYTES))
