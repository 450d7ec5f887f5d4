"""The webhook as a process: started, watched, told to end (I/O)."""

import asyncio
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import kubeapi

_SERVED = Path(__file__).with_name("served.py")
_SETPIPE = getattr(fcntl, "F_SETPIPE_SZ", 1031)
_PATIENCE = 30.0


@dataclass(frozen=True)
class Size:
    """How much of the machine a process takes. `rss` in MiB."""

    tasks: int
    descriptors: int
    threads: int
    rss: float


@dataclass
class Log:
    """Reads what the process logs, through a small pipe; `stalled` while nobody does; `copy`: a file for all of it."""

    lines: list[bytes] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)
    keep: int = 2000
    copy: Path | None = None

    def follow(self, pipe: IO[bytes]) -> None:
        """Read until the process ends."""
        while True:
            while self.stalled.is_set():
                time.sleep(0.05)
            line = pipe.readline()
            if not line:
                return
            self.lines.append(line)
            del self.lines[: -self.keep]
            if self.copy is not None:
                with self.copy.open("ab") as file:
                    file.write(line)

    @property
    def text(self) -> str:
        return b"".join(self.lines).decode("utf-8", "replace")


class Webhook:
    """One `pullproof serve`."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], folder: Path) -> None:
        """`folder` is where its peephole is; arguments name everything but the port."""
        self._arguments = arguments
        self._environment = environment
        self._folder = folder
        self._peephole = ""
        self._process: subprocess.Popen[bytes] | None = None
        self.log = Log()
        self.port = kubeapi.free_port()
        self.metrics_port = kubeapi.free_port()

    def start(self) -> None:
        """Start it; `ready` tells when it serves."""
        self._peephole = tempfile.mktemp(prefix="peephole-", dir=self._folder)  # noqa: S306 - a socket of our own
        ports = ["--address", "127.0.0.1", "--port", str(self.port), "--metrics-port", str(self.metrics_port)]
        command = ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, str(_SERVED), self._peephole]
        self._process = subprocess.Popen(
            [*command, "serve", *self._arguments, *ports], stderr=subprocess.PIPE, env=dict(self._environment)
        )
        if self._process.stderr is None:
            raise RuntimeError("the webhook has no pipe")
        fcntl.fcntl(self._process.stderr, _SETPIPE, 4096)
        threading.Thread(target=self.log.follow, args=(self._process.stderr,), daemon=True).start()

    async def ready(self) -> None:
        """Wait until it listens; raise with the end of its log where it does not."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
        raise RuntimeError(f"the webhook does not serve:\n{self.log.text[-3000:]}")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the webhook was not started")
        return self._process

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def end(self) -> int:
        """Wait for its end and return the code; kill it after a while."""
        end = time.monotonic() + _PATIENCE
        while self.alive and time.monotonic() < end:  # noqa: ASYNC110 - a process sets no event
            await asyncio.sleep(0.02)
        self.process.kill()
        return self.process.wait()

    def size(self) -> Size:
        """Measure it."""
        place = Path(f"/proc/{self.process.pid}")
        status = dict(
            line.split(":", 1) for line in (place / "status").read_text(encoding="ascii").splitlines() if ":" in line
        )
        return Size(
            tasks=self._tasks(),
            descriptors=len(os.listdir(place / "fd")),
            threads=int(status["Threads"]),
            rss=int(status["VmRSS"].split()[0]) / 1024,
        )

    def _tasks(self) -> int:
        with socket.socket(socket.AF_UNIX) as looking:
            looking.settimeout(10)
            looking.connect(self._peephole)
            return int(json.loads(looking.recv(4096))["tasks"])
