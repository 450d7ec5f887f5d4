"""The cluster leaves nothing behind, however it ends."""

import os
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
PARTS = Path(os.environ.get("PARTS") or Path.home() / ".cache/pullproof-parts")


@pytest.fixture(autouse=True)
def possible() -> None:
    """Skip (fail, where parts are required) without root or the parts."""
    there = os.geteuid() == 0 and (PARTS / "bin/kubelet").exists() and shutil.which("dnsmasq", path="/usr/sbin:/sbin")
    if not there:
        reason = "root and the parts of `make parts` are needed"
        (pytest.fail if os.environ.get("PULLPROOF_REQUIRE_PARTS") else pytest.skip)(reason)


@contextmanager
def started(command: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, SCRIPT, "sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as cluster:
        try:
            yield cluster
        finally:
            cluster.kill()


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
    assert (said, cluster.returncode) == ("node/node1\nok", 3)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_after_a_signal(number):
    mounts = Path("/proc/self/mounts").read_text()
    command = (
        "kubectl run x --image=localhost/sandbox:1 --image-pull-policy=Never >&2; readlink /proc/self/ns/pid; sleep 600"
    )
    with started(command) as cluster:
        namespace = cluster.stdout.readline()
        assert len(inside(namespace)) > 10
        cluster.send_signal(number)
        cluster.wait(10)
        assert until(lambda: inside(namespace) == [])
    groups = [
        group for group in Path("/sys/fs/cgroup").glob("**/pullproof-*") if group.name.endswith(f"-{cluster.pid}")
    ]
    assert until(lambda: not any(group.exists() for group in groups))
    assert Path("/proc/self/mounts").read_text() == mounts
    assert list(Path("/media").iterdir()) == []
