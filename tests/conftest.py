"""Cases as data: `tests/vectors/*.json`, what upstream code was seen to do.

A test takes one vector at a time by its marker, or whole files by the `vectors` fixture:

    @pytest.mark.vectors("keyring", "url_match")
    def test_url_match(case): ...

    def test_meta(vectors): vectors("keyring")["meta"]

A real kube-apiserver and etcd on loopback ports, for tests that want a cluster and need no node: `apiserver` is that
server; `cluster` an admin's open way to it, per test; `login(name)` a kubeconfig of a user without any rights, to be
given some by RBAC objects. Skipped where the parts are not built, failed where they are required.
"""

import http.client
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from webhook.cluster.client import KubernetesApi, open_cluster

_FOLDER = Path(__file__).parent / "vectors"


@cache
def _load(name: str) -> Any:
    return json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def pytest_configure(config: pytest.Config) -> None:
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


PARTS = Path(os.environ.get("PARTS") or Path.home() / ".cache/pullproof-parts") / "bin"
USERS = ("someone", "reader", "writer")


@dataclass(frozen=True)
class ApiServer:
    url: str
    ca: Path
    folder: Path

    def kubeconfig(self, user: str, *, namespace: str = "default", token: str | None = None) -> str:
        """Write a kubeconfig for `user`; `token` where it should not be the right one."""
        path = self.folder / f"{user}-{namespace}-{abs(hash(token))}.kubeconfig"
        cluster = {"server": self.url, "certificate-authority": str(self.ca)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": token or user}}],
            "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u", "namespace": namespace}}],
            "current-context": "main",
        }
        path.write_text(json.dumps(config))
        return str(path)


def _free_port() -> int:
    """Return a port for a program that binds it in a moment.

    Below what the system gives to outgoing connections by itself, which would take some in that moment.
    """
    while True:
        port = secrets.SystemRandom().randrange(20000, 32000)
        with socket.socket() as held, suppress(OSError):
            held.bind(("127.0.0.1", port))
            return port


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Choose a port for a program that is told which one to bind."""
    return _free_port


@pytest.fixture(scope="session")
def parts() -> Path:
    """The folder of the real programs."""
    absent = [name for name in ("etcd", "kube-apiserver", "helm") if not (PARTS / name).exists()]
    if absent:
        reason = f"{', '.join(absent)} not in {PARTS}: run `make parts`"
        if os.environ.get("PULLPROOF_REQUIRE_PARTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return PARTS


def _start(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    """Start a server that does not outlive us, however we end."""
    leash = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        return subprocess.Popen([*leash, *command], stdout=log, stderr=log, cwd=folder)


def _etcd(parts: Path, folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    client, peer = (f"http://127.0.0.1:{_free_port()}" for _ in range(2))
    flags = {"data-dir": "etcd", "listen-client-urls": client, "advertise-client-urls": client}
    flags |= {"listen-peer-urls": peer, "initial-advertise-peer-urls": peer, "initial-cluster": f"default={peer}"}
    return _start(folder, str(parts / "etcd"), "--unsafe-no-fsync", *(f"--{k}={v}" for k, v in flags.items())), client


def _account_key(folder: Path) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (folder / "sa.key").write_bytes(pem)
    return str(folder / "sa.key")


def _await_ready(server: subprocess.Popen[bytes], port: int, ca: Path, folder: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        try:
            trust = ssl.create_default_context(cafile=str(ca))
            asking = http.client.HTTPSConnection("127.0.0.1", port, context=trust, timeout=2)
            asking.request("GET", "/readyz", headers={"Authorization": "Bearer admin"})
            if asking.getresponse().status == 200:
                return asking.close()
            asking.close()
        except OSError:
            pass
        time.sleep(0.1)
    pytest.fail("kube-apiserver did not come up:\n" + (folder / "kube-apiserver.log").read_text()[-2000:])


@pytest.fixture(scope="session")
def apiserver(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    folder = tmp_path_factory.mktemp("apiserver")
    (folder / "tokens.csv").write_text(
        "admin,admin,admin,system:masters\n" + "".join(f"{user},{user},{user},\n" for user in USERS)
    )
    etcd, etcd_url = _etcd(parts, folder)
    port, key = _free_port(), _account_key(folder)
    flags = {
        "etcd-servers": etcd_url,
        "cert-dir": "certs",
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "endpoint-reconciler-type": "none",
        "secure-port": port,
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-signing-key-file": key,
        "service-account-key-file": key,
        "service-cluster-ip-range": "10.96.0.0/16",
        "authorization-mode": "RBAC",
        "token-auth-file": "tokens.csv",
        "watch-cache": "true",
    }
    server = _start(folder, str(parts / "kube-apiserver"), *(f"--{name}={value}" for name, value in flags.items()))
    url, ca = f"https://127.0.0.1:{port}", folder / "certs/apiserver.crt"
    try:
        _await_ready(server, port, ca, folder)
        yield ApiServer(url=url, ca=ca, folder=folder)
    finally:
        for process in (server, etcd):
            process.kill()
            process.wait()


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
