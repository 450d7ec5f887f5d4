"""A real kube-apiserver and etcd on loopback ports, without a node (I/O)."""

import http.client
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

PARTS = Path(os.environ.get("PARTS") or Path.home() / ".cache/pullproof-parts") / "bin"
USERS = ("someone", "reader", "writer")


class NotUp(Exception):
    """The API server did not come up; the text is the end of its log."""


@dataclass(frozen=True)
class ApiServer:
    """A running API server: where it is, whom it is signed by, and where its files are."""

    url: str
    ca: Path
    folder: Path

    def kubeconfig(
        self,
        user: str,
        *,
        namespace: str = "default",
        token: str | None = None,
        url: str | None = None,
        tls_name: str | None = None,
    ) -> str:
        """Write a kubeconfig for `user`; `token` where it should not be the right one.

        `url` leads there by another way, `tls_name` is then whose certificate is to be expected.
        """
        path = self.folder / f"{user}-{namespace}-{abs(hash((token, url)))}.kubeconfig"
        cluster = {"server": url or self.url, "certificate-authority": str(self.ca)}
        if tls_name is not None:
            cluster["tls-server-name"] = tls_name
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


def absent(*programs: str) -> list[str]:
    """Return which of the programs were not built."""
    return [name for name in programs if not (PARTS / name).exists()]


def free_port() -> int:
    """Return a loopback port for a program that binds it in a moment.

    Below what the system gives to outgoing connections by itself, which would take some in that moment.
    """
    while True:
        port = secrets.SystemRandom().randrange(20000, 32000)
        with socket.socket() as held, suppress(OSError):
            held.bind(("127.0.0.1", port))
            return port


def start(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    """Start a server that does not outlive us, however we end."""
    leash = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        return subprocess.Popen([*leash, *command], stdout=log, stderr=log, cwd=folder)


@contextmanager
def running(
    folder: Path, *, pair: Path | None = None, ca: Path | None = None, more: Mapping[str, str] | None = None
) -> Iterator[ApiServer]:
    """Run both until the block is left; `pair`: certificate and key in one file, signed by `ca`, else its own.

    `more`: flags of the API server beside the usual ones.
    """
    (folder / "tokens.csv").write_text(
        "admin,admin,admin,system:masters\n" + "".join(f"{user},{user},{user},\n" for user in USERS)
    )
    etcd, etcd_url = _etcd(folder)
    port, key = free_port(), _account_key(folder)
    flags = {
        "etcd-servers": etcd_url,
        "cert-dir": "certs",
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "endpoint-reconciler-type": "none",
        "secure-port": str(port),
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-signing-key-file": key,
        "service-account-key-file": key,
        "service-cluster-ip-range": "10.96.0.0/16",
        "authorization-mode": "RBAC",
        "token-auth-file": "tokens.csv",
        "watch-cache": "true",
    }
    flags |= more or {}
    if pair is not None:
        flags |= {"tls-cert-file": str(pair), "tls-private-key-file": str(pair)}
    server = start(folder, str(PARTS / "kube-apiserver"), *(f"--{name}={value}" for name, value in flags.items()))
    trusted = ca or folder / "certs/apiserver.crt"
    try:
        _await_ready(server, port, trusted, folder)
        yield ApiServer(url=f"https://127.0.0.1:{port}", ca=trusted, folder=folder)
    finally:
        for process in (server, etcd):
            process.kill()
            process.wait()


def _etcd(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    flags = {"data-dir": "etcd", "listen-client-urls": client, "advertise-client-urls": client}
    flags |= {"listen-peer-urls": peer, "initial-advertise-peer-urls": peer, "initial-cluster": f"default={peer}"}
    return start(folder, str(PARTS / "etcd"), "--unsafe-no-fsync", *(f"--{k}={v}" for k, v in flags.items())), client


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
    raise NotUp("kube-apiserver did not come up:\n" + (folder / "kube-apiserver.log").read_text()[-2000:])
