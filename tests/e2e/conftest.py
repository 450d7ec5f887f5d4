"""The real webhook in the real cluster of tests/cluster: `make e2e` runs pytest inside it.

    python tests/cluster/run.py python -m pytest tests/e2e

The cluster is started once per run and shared; without one, nothing here is collected.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "oracle"))

from kube import Api
from pullproof import register, serving
from scene import NODE, name_hosts

from webhook.demo.authority import Authority
from webhook.demo.server import Server
from webhook.demo.site import Site
from webhook.demo.world import Listener, World

collect_ignore_glob = [] if "CLUSTER" in os.environ else ["test_*.py"]

SITES = (
    Site(hosts=("reg.corp.example",), personality="basic", users={"bob": "s3cret"}),
    Site(hosts=("open.corp.example",)),
)
NUMBERS = count(1)
Kubectl = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def cluster() -> Path:
    """The cluster's folder; tests/cluster/node.py says what is in it."""
    return Path(os.environ["CLUSTER"])


@pytest.fixture(scope="session")
def background() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread, for servers that live as long as the session."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="session")
def authority(cluster: Path) -> Authority:
    folder = cluster / "e2e"
    folder.mkdir()
    return Authority(folder, certificate=cluster / "ca.crt", key=cluster / "ca.key")


@pytest.fixture(scope="session")
def world(cluster: Path, authority: Authority, background: asyncio.AbstractEventLoop) -> Iterator[World]:
    """Registries under real names, to put images into."""
    world = World(SITES)
    server = Server(world, authority)
    listening = server.listen(Listener(address=NODE, port=443))
    asyncio.run_coroutine_threadsafe(listening, background).result(10)
    name_hosts(cluster, dict.fromkeys(world.hosts, NODE))
    yield world
    asyncio.run_coroutine_threadsafe(server.close(), background).result(10)


@pytest.fixture(scope="session")
def pullproof(
    cluster: Path, world: World, authority: Authority, background: asyncio.AbstractEventLoop
) -> Iterator[None]:
    """The webhook with the settings it comes with, registered for namespaces labelled `judged`."""
    stack = AsyncExitStack()

    async def begin() -> None:
        await stack.enter_async_context(serving(cluster, authority, {}))
        api = await stack.enter_async_context(Api(cluster))
        judged = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "judged", "labels": {"judged": "yes"}}}
        await api.create(judged)
        await register(api, authority.file, selector={"matchLabels": {"judged": "yes"}}, probe="judged")

    asyncio.run_coroutine_threadsafe(begin(), background).result(60)
    yield
    asyncio.run_coroutine_threadsafe(stack.aclose(), background).result(60)


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """Run kubectl; `stdin` is what it reads."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=60
        )

    return run


@pytest.fixture
def namespace(kubectl: Kubectl, pullproof: None) -> str:
    """A namespace of the test's own, in which workloads are judged; its name is short, as long ones are cut."""
    name = f"shop{next(NUMBERS)}"
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"judged": "yes"}}}
    assert kubectl("create", "-f", "-", stdin=json.dumps(document)).returncode == 0
    return name
