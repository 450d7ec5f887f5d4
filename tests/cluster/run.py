#!/usr/bin/env python3
"""Run a command inside a real one-node Kubernetes cluster that leaves nothing behind.

    .venv/bin/python tests/cluster/run.py COMMAND [ARGUMENT…]        e.g. … kubectl get nodes

Network, mounts and processes are namespaces of their own, and every file the cluster writes is on a tmpfs in them; what
its parts write into folders of the machine goes there too (`SHIELDED`). When the command ends, or this program is
told to end or killed (SIGKILL too, or its parent), the kernel takes all of it away. Needs root and the parts of
`make parts`; KUBE_VERSION chooses among those that were built.

The command finds KUBECONFIG, a PATH with the parts, and $CLUSTER, the folder that node.py describes. Where it fails,
the logs are kept in build/cluster-logs.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cgroups
from node import Node, NotUp

CLUSTER = Path("/media")
"""Where the tmpfs is mounted: an empty folder on every Debian, and a short path (sockets have at most 108 letters)."""

SHIELDED = ("/etc", "/run", "/usr/libexec", "/var/lib", "/var/log")
"""Folders in which containerd, its shims, CNI plugins and the kubelet keep what no option puts elsewhere."""

STAGE = "PULLPROOF_CLUSTER_STAGE"
LOGS = Path("build/cluster-logs")
BOUND = ("setpriv", "--pdeathsig", "KILL")
OURSELVES = (sys.executable, *sys.argv)


def enter() -> None:
    """Come back as the same program inside new namespaces, bound to the life of our parent.

    In three steps: one process stays outside and hands on what it is told to end by, for `unshare` is deaf to it; the
    control groups are joined by the first process inside, so that none outside is in them.
    """
    stage = os.environ.pop(STAGE, "")
    if stage == "ready":
        return
    if stage == "outside":
        sys.exit(stay_outside())
    if stage:
        cgroups.join(stage)
        os.environ[STAGE] = "ready"
        os.execvp("unshare", ["unshare", "--cgroup", *OURSELVES])  # noqa: S606
    if os.geteuid() != 0:
        sys.exit("cluster: only root can make namespaces; run it as root")
    os.environ[STAGE] = "outside"
    os.execvp("setpriv", [*BOUND, *OURSELVES])  # noqa: S606


def stay_outside() -> int:
    """Wait for the cluster's end, or bring it about; return its exit code."""
    os.environ[STAGE] = cgroups.prepare()
    namespaces = ("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
    inside = subprocess.Popen([*BOUND, *namespaces, *OURSELVES], close_fds=False)  # the groups' pipe stays open
    signal.signal(signal.SIGTERM, lambda *_: inside.kill())
    signal.signal(signal.SIGINT, lambda *_: None)  # a terminal tells those inside itself
    return inside.wait() % 256


def main(command: list[str]) -> int:
    """Boot, run the command, and reap whatever becomes an orphan meanwhile: here we are process 1."""
    if not command:
        sys.exit(__doc__)
    enter()
    cgroups.mount_own()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "cluster", CLUSTER], check=True)
    shield()
    parts = Path(os.environ.get("PARTS") or Path.home() / ".cache/pullproof-parts")
    node = Node(CLUSTER, parts, os.environ.get("KUBE_VERSION", ""))
    try:
        node.boot()
    except NotUp as error:
        print(f"cluster: {error}", file=sys.stderr)
        keep_logs()
        return 1
    code = wait_for(subprocess.Popen(command, env=node.environment).pid)
    if code:
        keep_logs()
    return code


def shield() -> None:
    """Let what is written into the machine's folders go to the tmpfs."""
    for folder in map(Path, SHIELDED):
        place = CLUSTER / "machine" / folder.name
        layers = {"lowerdir": folder, "upperdir": place / "changed", "workdir": place / "work"}
        for name in ("upperdir", "workdir"):
            layers[name].mkdir(parents=True)
        options = ",".join(f"{name}={path}" for name, path in layers.items())
        subprocess.run(["mount", "-t", "overlay", "-o", options, "cluster", folder], check=True)


def wait_for(process: int) -> int:
    while True:
        ended, status = os.wait()
        if ended == process:
            return os.waitstatus_to_exitcode(status) % 256


def keep_logs() -> None:
    if not (CLUSTER / "logs").is_dir():
        return
    LOGS.mkdir(parents=True, exist_ok=True)
    shutil.copytree(CLUSTER / "logs", LOGS, dirs_exist_ok=True)
    print(f"cluster: the logs are in {LOGS}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
