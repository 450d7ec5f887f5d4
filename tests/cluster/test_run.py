"""The cluster leaves nothing behind, however it ends."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("run.py")
GROUPS = ("pullproof-*", "*pod*")
STATE = (
    *("/etc/cni", "/etc/containerd", "/run/containerd", "/run/netns", "/run/runc", "/usr/libexec/kubernetes", "/media"),
    *("/var/lib/cni", "/var/lib/containerd", "/var/lib/kubelet", "/var/log/containers", "/var/log/pods"),
)
PARTS = Path(os.environ.get("PARTS") or Path.home() / ".cache/pullproof-parts")


@pytest.fixture(autouse=True)
def possible() -> None:
    """Skip (fail, where parts are required) without root or the parts."""
    there = os.geteuid() == 0 and (PARTS / "bin/kubelet").exists() and shutil.which("dnsmasq", path="/usr/sbin:/sbin")
    if not there:
        reason = "root and the parts of `make parts` are needed"
        (pytest.fail if os.environ.get("PULLPROOF_REQUIRE_PARTS") else pytest.skip)(reason)


@contextmanager
def started(command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command of the shell in a cluster; what it says to both its outputs is read from one."""
    with subprocess.Popen(
        [sys.executable, SCRIPT, "sh", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | environment,
    ) as cluster:
        try:
            yield cluster
        finally:
            cluster.kill()


def said_by(cluster: subprocess.Popen[str], pattern: str) -> str:
    """Read on to the first line that fits, and return what it says at the end."""
    lines = []
    for line in cluster.stdout:
        lines.append(line)
        if found := re.fullmatch(f"{pattern}(.*)\n", line):
            return found[1]
    pytest.fail(f"no line {pattern!r} in: {''.join(lines)}")


def traces() -> dict[str, object]:
    """Return what a cluster could leave on the machine: mounts, links, networks with names, control groups, files."""
    folders = [Path(folder) for folder in STATE if Path(folder).exists()]
    return {
        "mounts": Path("/proc/self/mounts").read_text(),
        "links": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "groups": sorted(str(group) for name in GROUPS for group in Path("/sys/fs/cgroup").glob(f"**/{name}")),
        "files": {str(folder): sorted(map(str, folder.glob("**/*"))) for folder in folders},
    }


def inside(line: str) -> list[Path]:
    """Return the processes of the PID namespace that a line names."""
    return [link for link in Path("/proc").glob("[0-9]*/ns/pid") if namespace_of(link) == line.strip()]


def namespace_of(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


def until(gone, seconds=15) -> bool:
    over = time.monotonic() + seconds
    while time.monotonic() < over:
        if gone():
            return True
        time.sleep(0.1)
    return False


def test_a_command_finds_a_cluster_that_works():
    with started("kubectl get nodes -o name && kubectl get --raw /readyz && exit 3") as cluster:
        said, _ = cluster.communicate(timeout=100)
    assert "\nnode/node1\nok" in said
    assert cluster.returncode == 3


POD = "kubectl run x --image=localhost/sandbox:1 --image-pull-policy=Never; kubectl wait --for=condition=Ready pod/x"
IDLE = f"{POD}; echo settled; sleep 600"
BUSY = f"{POD}; {sys.executable} {SCRIPT.parents[1] / 'oracle'} workloads"
"""One pod on the pods' network; and with it, half a hundred that start, wait and end."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("command", "point", "number"),
    [
        pytest.param(IDLE, "settled", signal.SIGKILL, id="idle, SIGKILL"),
        pytest.param(IDLE, "settled", signal.SIGTERM, id="idle, SIGTERM"),
        pytest.param(
            BUSY, r"oracle: [1-9]\d* of \d+ settled", signal.SIGKILL, id="in the middle of the oracle, SIGKILL"
        ),
    ],
)
def test_nothing_is_left_after_a_signal(command, point, number):
    before = traces()
    with started(f"echo namespace $(readlink /proc/self/ns/pid); {command}") as cluster:
        namespace = said_by(cluster, "namespace ")
        said_by(cluster, point)
        assert len(inside(namespace)) > 10
        cluster.send_signal(number)
        cluster.wait(10)
        assert until(lambda: inside(namespace) == [])
    assert until(lambda: traces() == before), differences(before, traces())


def differences(before: dict[str, object], after: dict[str, object]) -> str:
    return "\n".join(
        f"{name}: {before[name]!r} became {after[name]!r}" for name in before if before[name] != after[name]
    )


def test_a_version_that_nobody_built_is_refused():
    with started("true", KUBE_VERSION="v1.0.0") as cluster:
        said, _ = cluster.communicate(timeout=100)
    assert cluster.returncode == 1
    assert "and not v1.0.0; `KUBE_VERSION=v1.0.0 make parts` gets that" in said
