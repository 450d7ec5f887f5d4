"""How the process's memory goes back to the system (I/O: a switch of the C library)."""

import ctypes

LARGE = 64 * 1024
"""Bytes from which on a block is a mapping of its own, which ends with it: what is read of a connection at once."""

_M_MMAP_THRESHOLD = -3


def give_back_large_blocks() -> bool:
    """Have every block of `LARGE` bytes go back as soon as it is free; tell whether the C library knows how.

    glibc raises its own bound to the largest block that it has seen freed, up to 32 MiB, and what is below comes from
    the heap, of which a small block at the end keeps all before it: a registry that answered with bodies of 4 MiB had
    the process hold a hundred MiB for good. A bound that is set stays. Source: mallopt(3), M_MMAP_THRESHOLD.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_MMAP_THRESHOLD, LARGE) == 1
