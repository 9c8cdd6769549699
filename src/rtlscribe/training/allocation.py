"""How the C library gives out memory for tensors on a CPU. Measures nothing."""

from __future__ import annotations

import ctypes

# mallopt's parameters and its largest value, as malloc.h of glibc has them.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
MOST = 2**31 - 1
MOST_OF_OLD = 32 << 20  # that older ones take as the threshold of mmap


def keep_freed() -> bool:
    """Have this process keep the memory that it frees, for the next step; whether the C library can (glibc).

    Else each large block goes back to the system, which clears its pages when the next step asks for the same.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    kept = mallopt(MMAP_THRESHOLD, MOST) or mallopt(MMAP_THRESHOLD, MOST_OF_OLD)
    return bool(mallopt(TRIM_THRESHOLD, MOST) and kept)
