"""Cases as data: `tests/vectors/*.json`, what upstream code was seen to do.

A test takes one vector at a time by its marker, or whole files by the `vectors` fixture:

    @pytest.mark.vectors("keyring", "url_match")
    def test_url_match(case): ...

    def test_meta(vectors): vectors("keyring")["meta"]

A real kube-apiserver and etcd on loopback ports, for tests that want a cluster and need no node: `apiserver` is that
server; `cluster` an admin's open way to it, per test; `login(name)` a kubeconfig of a user without any rights, to be
given some by RBAC objects. Skipped where the parts are not built, failed where they are required.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from webhook.cluster.client import KubernetesApi, open_cluster

sys.path.insert(0, str(Path(__file__).parent))

import kubeapi
from kubeapi import ApiServer

settings.register_profile("untimed", deadline=None)  # a busy machine is no finding; timings belong into benchmarks
settings.load_profile("untimed")

_FOLDER = Path(__file__).parent / "vectors"


@cache
def _load(name: str) -> Any:
    return json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def pytest_configure(config: pytest.Config) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever is started in the background ignores it
    config.addinivalue_line("markers", "vectors(file, *keys): one test per case of tests/vectors/FILE.json, as `case`")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("vectors")
    if marker is None or "case" not in metafunc.fixturenames:
        return
    cases = _load(marker.args[0])
    for key in marker.args[1:]:
        cases = cases[key]
    metafunc.parametrize("case", cases, ids=[_name(number, case) for number, case in enumerate(cases)])


def _name(number: int, case: Any) -> str:
    for key in ("id", "name", "case", "input", "key", "glob", "auth"):
        if isinstance(case, dict) and isinstance(case.get(key), str):
            return f"{number}-{case[key][:40]}"
    return str(number)


@pytest.fixture(scope="session")
def vectors() -> Callable[[str], Any]:
    """Load one file of vectors by its name without `.json`."""
    return _load


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Choose a port for a program that is told which one to bind."""
    return kubeapi.free_port


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[str]:
    """The URL of a Redis of its own, on a loopback port, that keeps nothing; its password is "of the store"."""
    server = shutil.which("redis-server")
    if server is None:
        (pytest.fail if os.environ.get("PULLPROOF_REQUIRE_PARTS") else pytest.skip)("redis-server is not installed")
    port = free_port()
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--requirepass", "of the store"]
    folder = tmp_path_factory.mktemp("redis")
    with subprocess.Popen(
        [*command, "--save", "", "--appendonly", "no"], cwd=folder, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            while b"Ready to accept connections" not in (line := process.stdout.readline()):
                assert line, "redis-server did not start"
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def parts() -> Path:
    """The folder of the real programs."""
    absent = kubeapi.absent("etcd", "kube-apiserver", "helm")
    if absent:
        reason = f"{', '.join(absent)} not in {kubeapi.PARTS}: run `make parts`"
        if os.environ.get("PULLPROOF_REQUIRE_PARTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return kubeapi.PARTS


@pytest.fixture(scope="session")
def apiserver(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with kubeapi.running(tmp_path_factory.mktemp("apiserver")) as server:
        yield server


@pytest.fixture
def login(apiserver: ApiServer) -> Callable[[str], str]:
    """Path of a kubeconfig for one of `USERS`."""
    return apiserver.kubeconfig


@pytest.fixture
async def cluster(apiserver: ApiServer) -> AsyncIterator[KubernetesApi]:
    async with open_cluster(apiserver.kubeconfig("admin")) as api:
        yield api


@pytest.fixture
async def namespace(cluster: KubernetesApi, request: pytest.FixtureRequest) -> str:
    """A namespace of this test's own, with a default ServiceAccount as the controllers would make it."""
    name = f"t{abs(hash(request.node.nodeid)) % 10**12}"
    await cluster.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    accounts = f"/api/v1/namespaces/{name}/serviceaccounts"
    await cluster.request("POST", accounts, body={"metadata": {"name": "default"}})
    return name
