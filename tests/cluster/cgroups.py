"""Control groups of the cluster's own, removed when it is gone.

What containers leave in their control groups would stay on the machine. So the cluster lives below a group of its own,
in a cgroup namespace where that is the root, and a process outside waits for its end and removes the group.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

GENERAL_OPTIONS = {"rw", "ro", "relatime", "noatime", "nosuid", "nodev", "noexec", "nsdelegate", "memory_recursiveprot"}


@dataclass(frozen=True)
class Hierarchy:
    """One mounted hierarchy: version 1 has one per controller (or more), version 2 one in all."""

    folder: Path
    kind: str
    controllers: str

    @property
    def ours(self) -> Path:
        """Return the group that this process is in."""
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if set(controllers.split(",")) == set(self.controllers.split(",")):
                return self.folder / path.lstrip("/")
        return self.folder


def hierarchies() -> Iterator[Hierarchy]:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, folder, kind, options, *_ = line.split()
        if kind in ("cgroup", "cgroup2"):
            controllers = [option for option in options.split(",") if option not in GENERAL_OPTIONS]
            yield Hierarchy(Path(folder), kind, "" if kind == "cgroup2" else ",".join(controllers))


def prepare() -> str:
    """Make new groups, removed some moments after this process, and all that it becomes, has ended; return their name.

    The pipe's writing end is inherited by what this process executes; its end, SIGKILL or not, closes the pipe.
    """
    name = f"pullproof-{os.getpid()}"
    groups = [hierarchy.ours / name for hierarchy in hierarchies()]
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.close(theirs)
        os.read(ours, 1)
        remove(groups)
        os._exit(0)
    os.close(ours)
    os.set_inheritable(theirs, True)
    for group in groups:
        group.mkdir()
        for setting in ("cpuset.cpus", "cpuset.mems"):  # version 1 starts groups without any
            if not (group / "cgroup.controllers").exists() and (group / setting).exists():
                (group / setting).write_text((group.parent / setting).read_text())
    return name


def join(name: str) -> None:
    """Put this process into the prepared groups."""
    for group in [hierarchy.ours / name for hierarchy in hierarchies()]:
        (group / "cgroup.procs").write_text("0")


def remove(groups: list[Path]) -> None:
    for _ in range(50):  # the last processes may still be on their way out
        left = [folder for group in groups for folder in group.glob("**")]
        for folder in sorted(left, reverse=True):
            with suppress(OSError):
                folder.rmdir()
        if not left:
            return
        time.sleep(0.1)


def mount_own() -> None:
    """Show the namespace's groups in place of the machine's."""
    for hierarchy in list(hierarchies()):
        subprocess.run(["umount", hierarchy.folder], check=True)
        which = ["-o", hierarchy.controllers] if hierarchy.controllers else []
        subprocess.run(["mount", "-t", hierarchy.kind, *which, "cgroup", hierarchy.folder], check=True)
        if hierarchy.kind == "cgroup2":
            delegate(hierarchy.folder)


def delegate(root: Path) -> None:
    """Move ourselves out of the root: version 2 wants groups with children to hold no processes."""
    (root / "cluster").mkdir()
    for process in (root / "cgroup.procs").read_text().split():
        with suppress(OSError):
            (root / "cluster/cgroup.procs").write_text(process)
    controllers = (root / "cgroup.controllers").read_text().split()
    (root / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))
