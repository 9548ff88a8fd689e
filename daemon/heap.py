"""Tells the C library's allocator to give back what an answer took: a process with many threads keeps it otherwise.

glibc gives each thread an arena of its own and raises the size from which a block is mapped, and so given back at
once, to that of the largest that was ever freed (mallopt(3)). Sixty threads that answer in turn then hold sixty
answers' memory.
"""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8
ARENAS = 1
MAPPED_BYTES = 1 << 18
TRIMMED_BYTES = 1 << 20


def keep_small() -> bool:
    """Before the first thread begins. Whether it was done: not every C library has the call."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = ((M_ARENA_MAX, ARENAS), (M_MMAP_THRESHOLD, MAPPED_BYTES), (M_TRIM_THRESHOLD, TRIMMED_BYTES))
    done = [mallopt(ctypes.c_int(name), ctypes.c_int(value)) for name, value in settings]
    return all(done)
