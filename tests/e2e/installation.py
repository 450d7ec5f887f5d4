"""The chart in the cluster, installed by Helm, and the processes of its pods (I/O)."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workloads import deployment

CHART = Path(__file__).parents[2] / "charts/pullproof"
SYSTEM = "pullproof-system"
PATIENCE = 90
"""Seconds within which whatever was asked for is to be there."""

Kubectl = Callable[..., subprocess.CompletedProcess[str]]

TRUSTING: Mapping[str, Any] = {
    "config": {"registries": [{"match": "*.corp.example", "caFile": "/etc/pullproof/ca/ca.crt"}]},
    "extraVolumes": [{"name": "ca", "configMap": {"name": "corp-ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/pullproof/ca", "readOnly": True}],
}
"""Values for registries with an authority of their own, as docs/install.md describes it."""


class NotThere(Exception):
    """What was waited for did not come; the text names it."""


def until(what: str, true: Callable[[], object], *, seconds: float = PATIENCE) -> None:
    """Wait until something is true; raise `NotThere` when it takes too long."""
    over = time.monotonic() + seconds
    while not true():
        if time.monotonic() > over:
            raise NotThere(what)
        time.sleep(0.1)


@dataclass
class Installation:
    """One release named pullproof; `authority` is the file of what its registries' certificates are signed by."""

    cluster: Path
    kubectl: Kubectl
    authority: Path
    values: Mapping[str, Any] | None = field(default=None, init=False)

    def helm(self, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        """Run helm in the release's namespace; return what it printed."""
        given = ["--values", "-"] if values else []
        done = subprocess.run(
            ["helm", *arguments, *given, "-n", SYSTEM],
            input=json.dumps(values) if values else None,
            env=os.environ | {"HOME": str(self.cluster / "e2e")},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def install(self, values: Mapping[str, Any] | None = None) -> str:
        """Install with values, wait until it judges, and return the notes."""
        self.values = values or {}  # also what fails leaves a release behind
        notes = self.helm("install", "pullproof", str(CHART), "--create-namespace", values=values)
        self.settle()
        return notes

    def upgrade(self, values: Mapping[str, Any]) -> None:
        """Give it other values, and wait until they are in force."""
        self.helm("upgrade", "pullproof", str(CHART), values=values)
        self.values = values
        self.settle()

    def uninstall(self) -> None:
        """Take it away, and wait until its pods are gone."""
        self.helm("uninstall", "pullproof", "--ignore-not-found")
        self.values = None
        until("the end of its pods", lambda: not self.pods(running=False))

    def ensure(self) -> None:
        """Have it installed as most tests want it, whatever a test before has done."""
        self.trust()
        if self.values is None:
            self.install(TRUSTING)
        elif self.values != TRUSTING:
            self.upgrade(TRUSTING)

    def trust(self) -> None:
        """Put the authority of the registries into the namespace, for `TRUSTING`."""
        self.kubectl("create", "namespace", SYSTEM)
        self.kubectl("create", "configmap", "corp-ca", "-n", SYSTEM, f"--from-file=ca.crt={self.authority}")

    def settle(self) -> None:
        """Wait until the rollout is over, it is registered, and every replica denies what it is sure of.

        The API server asks one of them over a connection that stays; the others hear of its survey two seconds later.
        """
        done = self.kubectl("rollout", "status", "-n", SYSTEM, "deployment/pullproof", f"--timeout={PATIENCE}s")
        assert done.returncode == 0, done.stderr
        until("that a replica denies", self.denies)
        time.sleep(4)
        until("that it denies still", lambda: all(self.denies() for _ in range(4)))

    def denies(self) -> bool:
        """Tell whether it denies a Deployment that cannot run."""
        probe = deployment("No/Reference:At/All")
        done = self.kubectl("create", "-n", "default", "--dry-run=server", "-f", "-", stdin=probe)
        return "[invalid-reference]" in done.stderr and done.returncode == 1

    def pods(self, *, running: bool = True) -> list[dict[str, Any]]:
        """Return its pods; `running`: without those that are ending."""
        answer = self.kubectl("get", "pods", "-n", SYSTEM, "-l", "app.kubernetes.io/name=pullproof", "-o", "json")
        pods: list[dict[str, Any]] = json.loads(answer.stdout)["items"]
        return [pod for pod in pods if not (running and "deletionTimestamp" in pod["metadata"])]

    def process(self, pod: Mapping[str, Any]) -> int:
        """Return the id of a pod's process, as the node sees it."""
        container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
        command = ["ctr", "-a", str(self.cluster / "containerd.sock"), "-n", "k8s.io", "tasks", "ls"]
        for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
            if line.startswith(container):
                return int(line.split()[1])
        raise NotThere(f"the process of {pod['metadata']['name']}")

    def scale(self, replicas: int) -> None:
        """Ask for so many replicas and wait until there are so many, and the others have ended."""
        self.kubectl("scale", "-n", SYSTEM, "deployment/pullproof", f"--replicas={replicas}")
        until(f"{replicas} replicas", lambda: self.ready() == replicas == len(self.pods(running=False)))

    def ready(self) -> int:
        """Count the replicas that are ready."""
        conditions = [pod["status"].get("conditions", ()) for pod in self.pods()]
        return sum(any(each["type"] == "Ready" and each["status"] == "True" for each in pod) for pod in conditions)

    def webhooks(self) -> list[dict[str, Any]]:
        """Return what is registered."""
        answer = self.kubectl("get", "validatingwebhookconfiguration", "pullproof", "-o", "json")
        found: list[dict[str, Any]] = json.loads(answer.stdout).get("webhooks", [])
        return found

    def doctor(self, *, inside: bool = False) -> list[tuple[str, str, str]]:
        """Return grade, topic and message of each line that `pullproof doctor` prints."""
        return [(line["grade"], line["topic"], line["message"]) for line in self.doctors_lines(inside=inside)]

    def doctors_lines(self, *, inside: bool = False) -> list[dict[str, str]]:
        """Return what `pullproof doctor` says, from here or in one of the pods."""
        if inside:
            pod = self.pods()[0]["metadata"]["name"]
            said = self.kubectl("exec", "-n", SYSTEM, pod, "--", "pullproof", "doctor", "-o", "json").stdout
        else:
            command = [sys.executable, "-m", "webhook", "doctor", "-o", "json"]
            said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout
        lines: list[dict[str, str]] = json.loads(said)["lines"]
        return lines
