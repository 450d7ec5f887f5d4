"""The processes that are measured, each pinned to a core, and what Linux says of them (I/O)."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

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

    def cpu(self) -> float:
        """Return the processor seconds it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rss(self) -> float:
        """Return its resident memory in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


class Registry:
    """The embedded registry as a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], ca: Path, port: int) -> None:
        self._process = process
        self.ca = ca
        self.port = port

    def image(self, number: int) -> str:
        """Return the reference of one of its images."""
        return f"{HOST}:{self.port}/bench/app:v{number}"

    def asked(self) -> dict[str, int]:
        """Return how many requests of which method came since this was last called."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the registry has no pipes")
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        counted: dict[str, int] = json.loads(self._process.stdout.readline())
        return counted


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
def registry(folder: Path, tags: int) -> Iterator[Registry]:
    """Run the embedded registry on the core of the load."""
    ca = folder / "registry-ca.crt"
    command = [sys.executable, str(HERE / "registry.py"), str(tags), str(ca)]
    with _running(command, LOAD_CORE, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdout is None:
            raise RuntimeError("the registry has no pipes")
        yield Registry(process, ca, int(process.stdout.readline()))


@contextmanager
def noop(binary: Path, pair: tuple[Path, Path]) -> Iterator[Server]:
    """Run the no-op webhook on the core of the servers."""
    port = free_port()
    with _serving("noop", [str(binary), f"127.0.0.1:{port}", *map(str, pair)], port) as server:
        yield server


@contextmanager
def pullproof(
    folder: Path, pair: tuple[Path, Path], registry: Registry, documents: Sequence[Path] = ()
) -> Iterator[Server]:
    """Run `pullproof serve` on the core of the servers, with the defaults but for the registry's authority."""
    port, metrics = free_port(), free_port()
    config = folder / "pullproof.yaml"
    config.write_text(
        "apiVersion: config.pullproof.dev/v1alpha1\n"
        "kind: PullproofConfiguration\n"
        f'registries: [{{match: "{HOST}:{registry.port}", caFile: "{registry.ca}"}}]\n'
        f'server: {{certFile: "{pair[0]}", keyFile: "{pair[1]}", drain: 0s}}\n'
        "cache: {tags: 3600s}\n"
    )
    command = [str(Path(sys.executable).parent / "pullproof"), "serve", "--no-cluster", "--address", "127.0.0.1"]
    command += ["--port", str(port), "--metrics-port", str(metrics), "--config", str(config)]
    for document in documents:
        command += ["--documents", str(document)]
    with _serving("pullproof", command, port) as server:
        yield server


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
def _serving(name: str, command: list[str], port: int) -> Iterator[Server]:
    began = time.perf_counter()
    with _running(command, SERVER_CORE) as process:
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
def _running(
    command: list[str], core: int, *, stdin: int | None = subprocess.DEVNULL, stdout: int | None = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command], stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=_PATIENCE)
