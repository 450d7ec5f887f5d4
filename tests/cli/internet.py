"""An internet of our own, for processes: registries under their real names, in a network namespace (I/O).

    python tests/cli/internet.py SCRIPT.yaml FOLDER        run in namespaces of its own; `Internet` starts it there

Inside there is one machine with one address, and a hosts file: every registry of the script (webhook/demo) has its real
name and answers on port 443 with a certificate that only those trust who are given the folder's `ca.crt`. No other name
exists, and nothing leads outside.
"""

import asyncio
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from webhook.demo.server import serving
from webhook.demo.world import Listener, Script, World

ROOT = Path(__file__).parents[2]
PATIENT = ("--config", str(ROOT / "tests/cli/worlds/patient.config.yaml"), "--timeout", "200s")
"""Options for what is to be found out however busy the machine is."""

ADDRESS = "10.77.0.1"
_UP = 0x1  # IFF_UP
_SIOCSIFADDR, _SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8916, 0x8913, 0x8914


class Internet:
    """A namespace that is up, and how to run things in it."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process = process
        self.ca = folder / "ca.crt"
        self.asked = folder / "asked.txt"

    patient = PATIENT

    def close(self) -> None:
        """End it; `asked` then tells every request, a line each."""
        if self._process.poll() is None:
            self._process.communicate()  # its standard input ends, which ends it

    def command(self, *argv: str | Path) -> list[str]:
        """Return what runs a command inside."""
        inside = ["nsenter", "--target", str(self._process.pid), "--user", "--preserve-credentials", "--net", "--mount"]
        return [*inside, f"--wd={os.getcwd()}", *map(str, argv)]

    def environ(self, **more: str) -> dict[str, str]:
        """Return an environment without logins or proxies, in which the authority is trusted."""
        kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
        return {**kept, "HOME": str(self.ca.parent), "SSL_CERT_FILE": str(self.ca), "PYTHONPATH": str(ROOT), **more}

    def run(
        self, *argv: str | Path, stdin: str = "", cwd: Path = ROOT, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run pullproof inside and wait for it."""
        command = self.command(sys.executable, "-m", "webhook", *argv)
        command = [f"--wd={cwd}" if word.startswith("--wd=") else word for word in command]
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, env=self.environ(**environ)
        )


def lacking() -> str:
    """Say why there can be no such namespace here, or ""."""
    if not (shutil.which("unshare") and shutil.which("nsenter")):
        return "unshare and nsenter are not installed: apt-get install util-linux"
    tried = subprocess.run(["unshare", *_NAMESPACES, "true"], capture_output=True, text=True, check=False)
    return f"no network namespaces here: {tried.stderr.strip()}" if tried.returncode else ""


_NAMESPACES = ("--map-root-user", "--net", "--mount")


@contextmanager
def internet(script: Path, folder: Path) -> Iterator[Internet]:
    """Open the namespace with the registries of a script; they end with the block."""
    command: Sequence[str] = (*("unshare", *_NAMESPACES), sys.executable, __file__, str(script), str(folder))
    environ: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=environ)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield (found := Internet(process, folder))
        found.close()
    finally:
        process.kill()
        process.communicate()


def _interface_up() -> None:
    """Bring the loopback interface up, with one more address on it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = struct.unpack("16sh", fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16sh", b"lo", 0)))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | _UP))
        address = struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(ADDRESS))
        fcntl.ioctl(control, _SIOCSIFADDR, address)


def _names_are(hosts: Sequence[str], folder: Path) -> None:
    """Let these names lead to our address, and no other name to anything."""
    names = "".join(f"{ADDRESS} {host}\n" for host in hosts)
    for file, text in {"/etc/hosts": f"127.0.0.1 localhost\n{names}", "/etc/nsswitch.conf": "hosts: files\n"}.items():
        ours = folder / Path(file).name
        ours.write_text(text)
        Path(file).touch(exist_ok=True)
        subprocess.run(["mount", "--bind", str(ours), file], check=True)


async def _serve(decoded: Script, folder: Path) -> None:
    world = World(decoded.sites, decoded.rules)
    named = {rule.host.partition(":")[0] for rule in decoded.rules if rule.host}
    _names_are(sorted({host.partition(":")[0] for host in world.hosts} | named), folder)
    listeners = [each if each.port else Listener(address=ADDRESS, port=443) for each in decoded.listeners]
    async with serving(world, listeners) as server:
        (folder / "ca.crt").write_bytes(server.ca.read_bytes())
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    (folder / "asked.txt").write_text("".join(f"{a.method} {a.authority} {a.path} {a.status}\n" for a in world.asked))


if __name__ == "__main__":
    _interface_up()
    asyncio.run(_serve(msgspec.yaml.decode(Path(sys.argv[1]).read_bytes(), type=Script), Path(sys.argv[2])))
