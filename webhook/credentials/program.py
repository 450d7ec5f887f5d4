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
from typing import Final, Protocol, runtime_checkable

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
        transport, talk = await _start(command, environment, max_output)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ProgramFailed(f"cannot be run: {why.lower()}") from error
    try:
        _give(transport, given)
        await asyncio.wait({talk.over}, timeout=seconds)
        if talk.too_much:
            raise ProgramFailed(f"wrote more than {max_output} bytes")
        status = transport.get_returncode()
        if not talk.over.done() or status is None:
            raise ProgramFailed(f"gave no answer within {seconds:.3g} s")
        return Answer(status, bytes(talk.output))
    finally:
        await _end(transport, talk)


async def _start(
    command: Sequence[str], environment: Mapping[str, str], max_output: int
) -> tuple[asyncio.SubprocessTransport, "_Talk"]:
    """Start it; whoever is cancelled meanwhile leaves nothing running: a loop by itself would end the program alone."""
    loop = asyncio.get_running_loop()
    starting = asyncio.ensure_future(
        loop.subprocess_exec(
            lambda: _Talk(loop.create_future(), max_output),
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting})
        if starting.exception() is None:
            await _end(*starting.result())
        raise


@runtime_checkable
class _Writable(Protocol):
    """A pipe's end; uvloop's is no `asyncio.WriteTransport`, though it does what one does."""

    def is_closing(self) -> bool: ...

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class _Talk(asyncio.SubprocessProtocol):
    """Collects what a program writes; over when it has ended and nobody can write any more, or wrote too much."""

    def __init__(self, over: asyncio.Future[None], max_output: int) -> None:
        self.over = over
        self.output = bytearray()
        self.too_much = False
        self.gone = asyncio.Event()
        self._max_output = max_output

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        del fd  # only standard output is a pipe
        if len(self.output) + len(data) > self._max_output:
            self.too_much = True
            self._finish()
        elif not self.too_much:
            self.output += data

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.gone.set()
        self._finish()

    def _finish(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


def _give(transport: asyncio.SubprocessTransport, given: bytes) -> None:
    """Write and close; a program that does not listen breaks the pipe, and its answer counts all the same."""
    pipe = transport.get_pipe_transport(0)
    if isinstance(pipe, _Writable) and not pipe.is_closing():
        pipe.write(given)
        pipe.close()


async def _end(transport: asyncio.SubprocessTransport, talk: _Talk) -> None:
    """End what still runs, the program's own children too, and close the pipes."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(transport.get_pid(), signal.SIGKILL)
    transport.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_REAP_SECONDS):
            await talk.gone.wait()
