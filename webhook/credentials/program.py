"""Run a small program that answers on its standard output, bounded in time and in size (I/O).

It gets a session of its own, so that at the end of its time it is ended with everything it started. Its standard error
is not read: what such programs print there may hold what they were asked to keep.
"""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

MAX_OUTPUT: Final = 1 << 20
_REAP_SECONDS: Final = 1.0


class ProgramFailed(Exception):
    """It could not be started, or gave no answer; the text says why. Ends in the modules that run programs."""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """How a program ended and what it wrote; that may be a secret, so it has no repr."""

    status: int
    output: bytes


async def run(
    command: Sequence[str],
    *,
    given: bytes,
    environment: Mapping[str, str],
    seconds: float,
    max_output: int = MAX_OUTPUT,
) -> Answer:
    """Run `command` with `given` on its standard input and just this environment; raise `ProgramFailed`."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ProgramFailed(f"cannot be run: {why.lower()}") from error
    try:
        async with asyncio.timeout(seconds):
            output = await _talk(process, given, max_output)
            return Answer(await process.wait(), output)
    except TimeoutError as error:
        raise ProgramFailed(f"gave no answer within {seconds:.3g} s") from error
    finally:
        await _end(process)


async def _talk(process: asyncio.subprocess.Process, given: bytes, max_output: int) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise ProgramFailed("has no pipes")
    # A program that does not listen breaks the pipe: its answer counts all the same.
    process.stdin.write(given)
    process.stdin.close()
    output = bytearray()
    while chunk := await process.stdout.read(1 << 16):
        output += chunk
        if len(output) > max_output:
            raise ProgramFailed(f"wrote more than {max_output} bytes")
    return bytes(output)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End what still runs, the program's own children too."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):  # only what left the session and kept the pipe open can make this wait
        async with asyncio.timeout(_REAP_SECONDS):
            await process.wait()
