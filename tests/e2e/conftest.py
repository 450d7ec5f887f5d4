"""The chart, and the image of the Dockerfile, in the real cluster of tests/cluster: `make e2e` runs pytest inside it.

    docker/build build/e2e/pullproof.tar ghcr.io/pullproof/pullproof:0.1.0
    python tests/cluster/run.py python -m pytest tests/e2e

The cluster is started once per run and shared; without one, nothing here is collected. The image is there under the
name that the chart gives it, so no value has to be set to have it run.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "oracle"))
sys.path.insert(0, str(Path(__file__).parent))

from case import entry
from installation import Installation, Kubectl
from scene import NODE, name_hosts

from webhook.demo.authority import Authority
from webhook.demo.images import ImageSpec
from webhook.demo.server import Server
from webhook.demo.site import Repository, Site
from webhook.demo.world import Listener, World

collect_ignore_glob = [] if "CLUSTER" in os.environ else ["test_*.py"]

SITES = (
    Site(hosts=("reg.corp.example",), personality="basic", users={"bob": "s3cret"}),
    Site(
        hosts=("open.corp.example",),
        repositories=(
            Repository(name="app", tags={"1": ImageSpec()}),
            Repository(name="stream/app", tags={"latest": ImageSpec()}),
        ),
    ),
    *(
        Site(
            hosts=(host,),
            personality="basic",
            users={"bob": "s3cret"},
            repositories=(Repository(name="shop/app", public=False, tags={"1": ImageSpec()}),),
        )
        for host in ("held.corp.example", "given.corp.example")
    ),
    Site(hosts=("open.test",), repositories=(Repository(name="mutated/good", tags={"1": ImageSpec()}),)),
)
NUMBERS = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            item.add_marker(pytest.mark.timeout(400))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what the tests have counted."""
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, value in report.user_properties:
            if name == "seen":
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {value}")


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
    logins = {"auths": {"held.corp.example": entry("bob", "s3cret")}}  # read by the kubelet at its first pull
    (cluster / "home/.docker/config.json").write_text(json.dumps(logins))
    yield world
    asyncio.run_coroutine_threadsafe(server.close(), background).result(10)


@pytest.fixture(scope="session")
def chart(cluster: Path, kubectl: Kubectl, authority: Authority) -> Installation:
    """The chart, whose image the node has; what is installed of it is left to the tests."""
    archive = os.environ.get("PULLPROOF_IMAGE", "build/e2e/pullproof.tar")
    command = ["ctr", "-a", str(cluster / "containerd.sock"), "-n", "k8s.io", "images", "import", archive]
    subprocess.run(command, check=True, capture_output=True)
    return Installation(cluster, kubectl, authority.file)


@pytest.fixture
def pullproof(chart: Installation, world: World) -> Installation:
    """The chart, installed as it comes but for the authority of the registries here."""
    chart.ensure()
    return chart


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """Run kubectl; `stdin` is what it reads."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=150
        )

    return run


@pytest.fixture
def namespace(kubectl: Kubectl) -> str:
    """A namespace of the test's own; its name is short, as long ones are cut in messages."""
    name = f"shop{next(NUMBERS)}"
    assert kubectl("create", "namespace", name).returncode == 0
    return name
