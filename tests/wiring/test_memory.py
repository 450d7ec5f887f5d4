"""In a process of its own, for the switch stays as it was set."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from webhook.wiring.memory import give_back_large_blocks

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024

if sys.argv[1] == "given back":
    assert give_back_large_blocks()
before, kept = resident(), []
for turn in range(10):
    bodies = [bytearray() for _ in range(16)]
    for part in range(100):
        for number, body in enumerate(bodies):
            body += bytes(20_000 + 1300 * (part * number % 31))
            if part % 10 == number % 10:
                kept.append(bytes(2000) + bytes(number * 100))  # what a cache keeps: it comes to lie between them
    read = [bytes(body) for body in bodies]
    del bodies, body, read
print(resident() - before)
"""


GIVING_BACK = """
from webhook.wiring.memory import give_back

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024

blocks = [bytes(3000) for _ in range(20_000)]
kept = blocks[::50]  # what a cache keeps: it comes to lie between them
held = resident()
del blocks
assert give_back()
print(held - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no such switch")
def test_what_was_large_goes_back_to_the_system() -> None:
    def grown(how: str) -> int:
        command = [sys.executable, "-c", PROGRAM, how]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert grown("given back") < 20
    assert grown("kept") > 30


READS = """
import resource
from webhook.wiring.memory import give_back_large_blocks

assert give_back_large_blocks()

def read():
    block = bytearray(256 * 1024)  # as uvloop takes one for each read from TLS
    block[:8000] = bytes(8000)
    del block[8000:]

read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for turn in range(1000):
    read()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no such switch")
def test_a_read_takes_no_memory_anew_from_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", READS], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 500, "a thousand reads, each three faults if its block were a mapping of its own"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps nothing")
def test_what_was_small_goes_back_when_asked_for() -> None:
    done = subprocess.run([sys.executable, "-c", GIVING_BACK], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 30


AT_TIMES = """
import asyncio
from webhook.wiring.memory import give_back_at_times

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024

async def main():
    blocks = [bytes(3000) for _ in range(20_000)]
    kept = blocks[::50]
    held = resident()
    giving = asyncio.create_task(give_back_at_times(0.01))
    del blocks
    while resident() > held - 30:
        await asyncio.sleep(0.01)
    giving.cancel()

asyncio.run(asyncio.wait_for(main(), 60))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps nothing")
def test_what_is_free_goes_back_by_itself() -> None:
    subprocess.run([sys.executable, "-c", AT_TIMES], capture_output=True, text=True, check=True)


AT_ONCE = AT_TIMES.replace(
    """    blocks = [bytes(3000) for _ in range(20_000)]
    kept = blocks[::50]
    held = resident()
    giving = asyncio.create_task(give_back_at_times(0.01))
""",
    """    giving = asyncio.create_task(give_back_at_times(3600.0, 0.01))
    await asyncio.sleep(0.05)
    blocks = [bytes(3000) for _ in range(30_000)]
    kept = blocks[::50]
    held = resident()
    await asyncio.sleep(0.1)  # it is noticed while all of it is in use
""",
)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps nothing")
def test_what_came_in_a_burst_goes_back_soon_after_it() -> None:
    assert "3600.0" in AT_ONCE
    subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=True)
