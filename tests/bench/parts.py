"""The processes that are measured, each pinned to a core, and what Linux says of them (I/O)."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from certs.issue import issue_authority, issue_leaf

HERE = Path(__file__).resolve().parent
SERVER_CORE = 0
LOAD_CORE = 1
HOST = "localhost"

_PATIENCE = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A webhook under measurement: where it listens, its process, and the seconds it took to answer at all."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    ready: float
    path: str = "/validate?timeout=10s"

    def cpu(self) -> float:
        """Return the processor seconds it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rss(self) -> float:
        """Return its resident memory in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


class Told:
    """A process that answers each line on its stdin by a line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("it was started without pipes")
        self._stdin, self._stdout = process.stdin, process.stdout

    def tell(self) -> bytes:
        """Send a line; return the next one that comes."""
        self._stdin.write(b"\n")
        self._stdin.flush()
        return self.heard()

    def heard(self) -> bytes:
        """Return the next line."""
        return self._stdout.readline()


class Registry(Told):
    """The embedded registry as a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], ca: Path) -> None:
        super().__init__(process)
        self.ca = ca
        self.port = int(self.heard())

    def image(self, number: int) -> str:
        """Return the reference of one of its images."""
        return f"{HOST}:{self.port}/bench/app:v{number}"

    def asked(self) -> dict[str, int]:
        """Return how many requests of which method came since this was last called."""
        counted: dict[str, int] = json.loads(self.tell())
        return counted


class StandIn(Told):
    """An API server with thousands of nodes, see standin.py."""

    def __init__(self, process: subprocess.Popen[bytes], kubeconfig: Path) -> None:
        super().__init__(process)
        self.kubeconfig = kubeconfig
        self.port = int(self.heard())

    def relist(self) -> None:
        """Have the nodes listed again; return when the last page has been asked for."""
        self.tell()


class Probed(Told):
    """A webhook with a probe of its event loop, see probed.py."""

    def __init__(self, server: Server) -> None:
        super().__init__(server.process)
        self.server = server

    def lateness(self) -> dict[str, Any]:
        """Return how late its timers were since this was last asked, in milliseconds."""
        seen: dict[str, Any] = json.loads(self.tell())
        return seen


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a P-256 certificate for localhost that every server of the bench shows, and its key."""
    now = datetime.now(UTC)
    pair = issue_leaf(issue_authority(now, timedelta(days=2)), [HOST, "127.0.0.1"], now, timedelta(days=1))
    files = folder / "tls.crt", folder / "tls.key"
    for file, content in zip(files, (pair.certificate, pair.key), strict=True):
        file.write_bytes(content)
    return files


def build_noop(folder: Path) -> Path:
    """Build the no-op webhook; it needs nothing but Go's own library."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    binary = folder / "noop"
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOPROXY": "off"}
    subprocess.run([go, "build", "-o", str(binary), "."], cwd=HERE / "noop", env=environment, check=True)
    return binary


@contextmanager
def registry(folder: Path, tags: int, *, delay: float = 0.0) -> Iterator[Registry]:
    """Run the embedded registry on the core of the load; `delay`: the seconds that it takes to answer."""
    ca = folder / f"registry-{delay:g}.crt"
    command = [sys.executable, str(HERE / "registry.py"), str(tags), str(ca), str(delay)]
    with running(command, LOAD_CORE, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Registry(process, ca)


@contextmanager
def standin(folder: Path, nodes: int) -> Iterator[StandIn]:
    """Run the stand-in for an API server on the core of the load."""
    kubeconfig = folder / f"kubeconfig-{nodes}"
    command = [sys.executable, str(HERE / "standin.py"), str(nodes), str(kubeconfig)]
    with running(command, LOAD_CORE, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield StandIn(process, kubeconfig)


@contextmanager
def noop(binary: Path, pair: tuple[Path, Path]) -> Iterator[Server]:
    """Run the no-op webhook on the core of the servers."""
    port = free_port()
    with _serving("noop", [str(binary), f"127.0.0.1:{port}", *map(str, pair)], port) as server:
        yield server


@contextmanager
def pullproof(
    folder: Path,
    pair: tuple[Path, Path],
    registries: Sequence[Registry],
    documents: Sequence[Path] = (),
    kubeconfig: Path | None = None,
) -> Iterator[Server]:
    """Run `pullproof serve` on the core of the servers, with the defaults but for the registries' authorities."""
    port = free_port()
    config = configuration(folder, pair, registries)
    command = [str(Path(sys.executable).parent / "pullproof"), "serve", "--address", "127.0.0.1"]
    command += ["--port", str(port), "--metrics-port", str(free_port()), "--config", str(config)]
    command += ["--kubeconfig", str(kubeconfig)] if kubeconfig else ["--no-cluster"]
    for document in documents:
        command += ["--documents", str(document)]
    with _serving("pullproof", command, port) as server:
        yield server


@contextmanager
def probed(
    folder: Path, pair: tuple[Path, Path], registries: Sequence[Registry], kubeconfig: Path | None = None
) -> Iterator[Probed]:
    """Run the webhook with a probe of its event loop on the core of the servers."""
    port = free_port()
    command = [sys.executable, str(HERE / "probed.py"), str(configuration(folder, pair, registries)), *map(str, pair)]
    command += [str(port), str(free_port()), *([str(kubeconfig)] if kubeconfig else [])]
    with _serving("pullproof", command, port, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        yield Probed(server)


def configuration(
    folder: Path,
    pair: tuple[Path, Path],
    registries: Sequence[Registry],
    note: str = "",
    tags: str = "3600s",
    store: str = "",
) -> Path:
    """Write a configuration; with another `note` it is another one, though it says the same.

    `tags`: their lifetime. `store`: the URL of a cache that replicas share.
    """
    (folder / "store-password").write_text("of the store")
    shared = (
        f', shared: {{enabled: true, url: "{store}", passwordFile: "{folder / "store-password"}"}}' if store else ""
    )
    known = ", ".join(f'{{match: "{HOST}:{each.port}", caFile: "{each.ca}"}}' for each in registries)
    config = folder / "pullproof.yaml"
    config.write_text(
        f"# {note}\n"
        "apiVersion: config.pullproof.dev/v1alpha1\n"
        "kind: PullproofConfiguration\n"
        f"registries: [{known}]\n"
        f'server: {{certFile: "{pair[0]}", keyFile: "{pair[1]}", drain: 0s}}\n'
        f"cache: {{tags: {tags}{shared}}}\n"
    )
    return config


@contextmanager
def silent_store() -> Iterator[str]:
    """Listen and never say a word; yield the URL of a shared cache there, over TLS."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
        yield f"rediss://127.0.0.1:{listening.getsockname()[1]}"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def client_context() -> ssl.SSLContext:
    """Return a context that takes any certificate: the bench talks to itself."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def _serving(
    name: str,
    command: list[str],
    port: int,
    *,
    stdin: int | None = subprocess.DEVNULL,
    stdout: int | None = subprocess.DEVNULL,
) -> Iterator[Server]:
    began = time.perf_counter()
    with running(command, SERVER_CORE, stdin=stdin, stdout=stdout) as process:
        while not _ready(port):
            if process.poll() is not None or time.perf_counter() - began > _PATIENCE:
                raise RuntimeError(f"{name} did not start: {command}")
            time.sleep(0.005)
        yield Server(name, port, process, time.perf_counter() - began)


def _ready(port: int) -> bool:
    """Tell whether /readyz is answered over TLS (the no-op answers 404, which is an answer)."""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            client_context().wrap_socket(plain, server_hostname=HOST) as secure,
        ):
            secure.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return secure.recv(12) in (b"HTTP/1.1 200", b"HTTP/1.1 404")
    except OSError:
        return False


@contextmanager
def running(
    command: list[str],
    core: int,
    *,
    stdin: int | None = subprocess.DEVNULL,
    stdout: int | None = subprocess.DEVNULL,
    log: Path = Path(os.devnull),
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process on one core; `log`: what it says on stderr; `environment`: beside our own."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdin=stdin,
            stdout=stdout,
            stderr=said,
            env={**os.environ, **(environment or {})},
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
