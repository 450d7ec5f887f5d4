"""A place of one's own: network, mounts and processes in namespaces that end with the run (I/O, root).

    127.0.0.0/8     all of it is ours, so ports and addresses are the same in every run
    /etc/resolv.conf   names the run's own name server (names.py), and nobody else

The kernel takes everything away when the run ends, however it ends.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

NAMESERVER = "127.0.0.53"
FOLDER = Path("/media")
"""Where the tmpfs of a run is mounted: an empty folder on every Debian; nothing of it is seen outside."""

_STAGE = "PULLPROOF_CHAOS_STAGE"
_SIZE = "64m"


def entered() -> bool:
    """Tell whether this process is on its stage."""
    return os.environ.get(_STAGE) == "ready"


def command(*arguments: str) -> list[str]:
    """Return the command that runs this program again, with `arguments`, on a stage of its own."""
    namespaces = ("--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
    return ["setpriv", "--pdeathsig", "KILL", "unshare", *namespaces, sys.executable, sys.argv[0], *arguments]


def environment() -> dict[str, str]:
    """Return the environment in which `command` is to run."""
    return os.environ | {_STAGE: "ready"}


def enter(*arguments: str) -> NoReturn:
    """Become the same program on a stage."""
    words = command(*arguments)
    os.execvpe(words[0], words, environment())  # noqa: S606


def prepare() -> None:
    """Set the stage: links, files, the firewall's table.

    SIGTERM, to which the first process of a stage is deaf by itself, ends it from now on as Ctrl-C does.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _run("ip", "link", "set", "lo", "up")
    _run("mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=755", "chaos", str(FOLDER))
    names = FOLDER / "resolv.conf"
    names.write_text(f"nameserver {NAMESERVER}\n", encoding="ascii")
    _run("mount", "--bind", str(names), "/etc/resolv.conf")
    _run("nft", "add table inet chaos")
    _run("nft", "add chain inet chaos input { type filter hook input priority 0; }")


def drop(address: str) -> None:
    """Have every packet to `address` vanish, as if its machine had lost power."""
    _run("nft", f"add rule inet chaos input ip daddr {address} drop")


def drop_nothing() -> None:
    """Let all packets through again."""
    _run("nft", "flush chain inet chaos input")


def remount(folder: Path, options: str) -> None:
    """Change how a mount of ours may be used: `ro`, `rw`."""
    _run("mount", "-o", f"remount,{options}", str(folder))


def mount_small(folder: Path, size: str) -> None:
    """Mount a small disk."""
    folder.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size}", "small", str(folder))


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)!r}: {done.stderr.strip()}")
