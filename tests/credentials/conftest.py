"""Programs of the tests' own: small shell scripts in a folder, which note each time that they are asked.

They are run on both loops: the server's and the command line's differ in what a pipe is.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@dataclass(frozen=True)
class Programs:
    folder: Path

    def write(self, name: str, script: str) -> Path:
        """Write a program; `$REQUEST` is what it was given on its standard input."""
        path = self.folder / name
        path.write_text(f'#!/bin/sh\nREQUEST=$(cat)\nprintf "%s\\n" "$REQUEST" >> "{path}.asked"\n{script}\n')
        path.chmod(0o755)
        return path

    def asked(self, name: str) -> list[str]:
        """Return what a program was given, each time."""
        noted = self.folder / f"{name}.asked"
        return noted.read_text().splitlines() if noted.exists() else []


@pytest.fixture
def appearing() -> Callable[[Path], Awaitable[str]]:
    """Wait for a file that a program writes, and return what it holds."""

    def wait(path: Path) -> str:
        end = time.monotonic() + 20
        while not (path.exists() and path.read_text().endswith("\n")) and time.monotonic() < end:
            time.sleep(0.01)
        return path.read_text()

    return lambda path: asyncio.to_thread(wait, path)


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Programs(folder)
