"""How many descriptors there are, and what connections may take of them."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from webhook.server.accepting import descriptors

TELL = "from webhook.server.accepting import descriptors; print(descriptors(4096), descriptors(4096))"


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ("ulimit -Sn 1024; ulimit -Hn 3000", "3000 3000"),
        ("ulimit -Sn 1024; ulimit -Hn 8000", "4096 4096"),
        ("ulimit -n 512", "512 512"),
    ],
    ids=["all that may be had", "as many as are wanted", "no more than there are"],
)
def test_the_soft_limit_is_raised(limits: str, told: str) -> None:
    command = ["bash", "-c", f'{limits}; exec "$@"', "x", sys.executable, "-c", TELL]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == told


def test_where_no_more_may_be_had_there_are_those_there_are() -> None:
    """A sandbox may forbid to ask, and so does a system whose `fs.nr_open` was lowered below the hard limit."""
    forbid = """
import resource, sys

def refuse(event, _):
    if event == "resource.setrlimit":
        raise ValueError("not allowed to raise maximum limit")

sys.addaudithook(refuse)
"""
    command = ["bash", "-c", 'ulimit -Sn 1024; exec "$@"', "x", sys.executable, "-c", forbid + TELL]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1024 1024"


async def test_connections_leave_descriptors_for_registries(serve: Any) -> None:
    async with serve() as served:
        listener = served.server._main
        assert listener._bounds.connections == min(4096, descriptors() // 2)
        listener.close()
        await listener.open(200)
        assert listener._bounds.connections == 100
        assert listener.servers[0]._most() == 100


async def test_where_no_descriptor_is_left_it_goes_on_later(serve: Any) -> None:
    """A listener is left alone for a moment, and taken up again."""
    async with serve() as served:
        (server,) = served.server._main.servers
        (listening,) = server.sockets

        class Full:
            """Stands for a socket of a system that has no descriptor left."""

            def accept(self) -> None:
                raise OSError(24, "Too many open files")

            def fileno(self) -> int:
                return int(listening.fileno())

        server._accept(Full())
        asyncio.get_running_loop().call_later(0.1, server._listen, listening)
        assert (await served.post("pod-create")).status_code == 200
