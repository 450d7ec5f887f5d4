"""How the process's memory goes back to the system (I/O: switches of the C library).

glibc keeps what was freed, for the next time, where it is no block of its own at the heap's end. A process that lives
for months is measured by the most that it ever held, so it is told to give back. Other C libraries have neither of the
two functions, and need none.
"""

import asyncio
import ctypes
import resource
from pathlib import Path

LARGE = 320 * 1024
"""Bytes from which on a block is a mapping of its own, which ends with it: more than is read of a connection at once.

uvloop takes 256 KiB for each read from TLS and gives back what it does not need. Were those mappings, each would cost
three calls of the kernel and three page faults or more: 80 us of processor instead of 60 for a review of 5 kB, 180
instead of 110 for one of 40 kB.
"""

_KEPT = 1024 * 1024
"""Bytes at the heap's end that stay for the next read."""

_GROWN = 48 * 1024 * 1024
_SOON = 1.0
_STATM = Path("/proc/self/statm")

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def give_back_large_blocks() -> bool:
    """Have every block of `LARGE` bytes go back as soon as it is free; tell whether the C library knows how.

    glibc raises its own bound to the largest block that it has seen freed, up to 32 MiB, and what is below comes from
    the heap, of which a small block at the end keeps all before it: a registry that answered with bodies of 4 MiB had
    the process hold a hundred MiB for good. A bound that is set stays. Source: mallopt(3), M_MMAP_THRESHOLD and
    M_TRIM_THRESHOLD.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_MMAP_THRESHOLD, LARGE) == 1 and mallopt(_M_TRIM_THRESHOLD, _KEPT) == 1


async def give_back_at_times(every: float = 15.0, look: float = 0.5) -> None:
    """Give back every so many seconds, on a thread, for ever: what a flood of bodies or an old configuration left.

    A look, every so many seconds, that finds `_GROWN` bytes more than were left the last time has it done at once, and
    again after one second, two, four and so on, as what is in use then is let go of: two thousand new connections in a
    burst leave a hundred MiB in pieces, and the next burst would take others.
    """
    known, wait, rest, left = True, every, every, _resident()
    while known:
        await asyncio.sleep(min(look, every))
        rest -= look
        grown = _resident() > left + _GROWN
        if grown or rest <= 0:
            known = await asyncio.to_thread(give_back)
            wait = min(_SOON if grown else 2 * wait, every)
            rest, left = wait, _resident()


def _resident() -> int:
    """Return the bytes that the process holds, 0 where the system has no /proc. Source: proc(5), statm."""
    try:
        return int(_STATM.read_bytes().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def give_back() -> bool:
    """Give back what is free by now; tell whether the C library knows how. Milliseconds. Source: malloc_trim(3)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return False
    trim(0)
    return True
