"""Real webhooks of others that ask registries while admitting, and the cluster that they want (I/O).

The cluster is a kube-apiserver and an etcd without a node, on the core of the load; `make parts WANT=bench` builds them
and the peers. What cannot be had raises `Lacking`, with the reason.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import load
import parts

sys.path.insert(0, str(parts.HERE.parent))

import kubeapi

_PATIENCE = 60.0
"""Seconds that a peer, or a kind of its objects, may take until it is there."""


class Lacking(Exception):
    """A peer cannot be measured; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A webhook of others: how it is called on the page, what it needs in the cluster, how it runs and is asked."""

    name: str
    program: str
    port: int
    path: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    objects: tuple[Mapping[str, object], ...] = ()


_POLICY = {
    "apiVersion": "kyverno.io/v1",
    "kind": "ClusterPolicy",
    "metadata": {"name": "images-exist"},
    "spec": {
        "background": False,
        "rules": [
            {
                "name": "images-exist",
                "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
                "validate": {
                    "failureAction": "Enforce",
                    "message": "{{ element.image }} is not there",
                    "foreach": [
                        {
                            "list": "request.object.spec.containers",
                            "context": [{"name": "imageData", "imageRegistry": {"reference": "{{ element.image }}"}}],
                            "deny": {
                                "conditions": {
                                    "any": [
                                        {"key": "{{ imageData.resolvedImage }}", "operator": "Equals", "value": ""},
                                    ]
                                }
                            },
                        }
                    ],
                },
            }
        ],
    },
}

KYVERNO = Peer(
    name="Kyverno 1.19.1, `imageRegistry` policy",
    program="kyverno",
    port=9443,
    path="/validate/fail?timeout=10s",
    arguments=(
        "--kubeconfig={kubeconfig}",
        "--serverIP=127.0.0.1:9443",
        "--webhookServerHost=127.0.0.1",
        "--webhookServerPort=9443",
        "--caSecretName=kyverno-svc.kyverno.svc.kyverno-tls-ca",
        "--tlsSecretName=kyverno-svc.kyverno.svc.kyverno-tls-pair",
        "--backgroundServiceAccountName=system:serviceaccount:kyverno:kyverno-background-controller",
        "--reportsServiceAccountName=system:serviceaccount:kyverno:kyverno-reports-controller",
        "--omitEvents=PolicyApplied,PolicySkipped",
        "--metricsHost=127.0.0.1",
        "--controllerRuntimeMetricsAddress=0",
    ),
    environment={
        "KYVERNO_NAMESPACE": "kyverno",
        "KYVERNO_POD_NAME": "kyverno-bench",
        "KYVERNO_SERVICEACCOUNT_NAME": "kyverno-admission-controller",
        "KYVERNO_ROLE_NAME": "kyverno:admission-controller",
        "KYVERNO_SVC": "kyverno-svc",
        "KYVERNO_DEPLOYMENT": "kyverno-admission-controller",
        "INIT_CONFIG": "kyverno",
        "METRICS_CONFIG": "kyverno-metrics",
    },
    objects=(_POLICY,),
)
POLICY_CONTROLLER = Peer(
    name="policy-controller 0.13.1, `/mutations`",
    program="policy-controller",
    port=8443,
    path="/mutations?timeout=10s",
    arguments=("--disable-tuf",),
    environment={
        "SYSTEM_NAMESPACE": "cosign-system",
        "CONFIG_LOGGING_NAME": "config-logging",
        "METRICS_DOMAIN": "sigstore.dev/policy",
        "WEBHOOK_NAME": "webhook",
        "POD_NAME": "policy-controller-bench",
    },
    objects=({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "default"}},),
)
PEERS = (KYVERNO, POLICY_CONTROLLER)


@contextmanager
def cluster(folder: Path) -> Iterator[kubeapi.ApiServer]:
    """Run the cluster on the core of the load."""
    missing = kubeapi.absent("kube-apiserver", "etcd", "kubectl")
    if missing:
        raise Lacking(f"{', '.join(missing)} not built; `make parts WANT=bench` says why")
    folder.mkdir()
    with ExitStack() as stack:
        os.sched_setaffinity(0, {parts.LOAD_CORE})  # what is started from here stays there
        try:
            api = stack.enter_context(kubeapi.running(folder))
        except kubeapi.NotUp as error:
            raise Lacking(str(error).splitlines()[0]) from error
        finally:
            os.sched_setaffinity(0, {parts.SERVER_CORE, parts.LOAD_CORE})
        yield api


@contextmanager
def running(peer: Peer, api: kubeapi.ApiServer, registry: parts.Registry, probe: bytes) -> Iterator[parts.Server]:
    """Run a peer on the core of the servers, installed by its own files; `probe` is what it is ready to judge."""
    if kubeapi.absent(peer.program):
        raise Lacking("not built; `make parts WANT=bench` says why")
    _install(peer, api)
    kubeconfig = api.kubeconfig("admin")
    command = [str(kubeapi.PARTS / peer.program), *(each.format(kubeconfig=kubeconfig) for each in peer.arguments)]
    environment = {"KUBECONFIG": kubeconfig, "SSL_CERT_FILE": str(registry.ca), "HOME": str(api.folder)}
    log = api.folder / f"{peer.program}.log"
    began = time.perf_counter()
    with parts.running(command, parts.SERVER_CORE, log=log, environment={**environment, **peer.environment}) as process:
        try:
            _await(peer, process, registry, probe)
            yield parts.Server(peer.program, peer.port, process, time.perf_counter() - began, peer.path)
        finally:
            process.kill()


def _await(peer: Peer, process: subprocess.Popen[bytes], registry: parts.Registry, probe: bytes) -> None:
    end = time.monotonic() + _PATIENCE
    registry.asked()
    while time.monotonic() < end and process.poll() is None:
        try:
            if not load.burst(peer.port, [probe], peer.path).refused and registry.asked():
                return
        except (OSError, EOFError, RuntimeError):  # it does not listen, or not under this path
            pass
        time.sleep(0.05)
    ended = "ended by itself" if process.poll() is not None else f"allowed no pod within {_PATIENCE:.0f} s"
    raise Lacking(f"it was started and {ended}")


def _install(peer: Peer, api: kubeapi.ApiServer) -> None:
    files = sorted((kubeapi.PARTS.parent / "share" / peer.program).glob("*.yaml"))
    _apply(api, *(argument for file in files for argument in ("-f", str(file))))
    objects = json.dumps({"apiVersion": "v1", "kind": "List", "items": peer.objects}).encode()
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return _apply(api, "-f", "-", given=objects)
        except Lacking:  # its kinds are not served yet
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def _apply(api: kubeapi.ApiServer, *arguments: str, given: bytes = b"") -> None:
    command = ["taskset", "-c", str(parts.LOAD_CORE), str(kubeapi.PARTS / "kubectl")]
    command += ["--kubeconfig", api.kubeconfig("admin"), "apply", "--server-side", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    if done.returncode:
        raise Lacking(f"kubectl: {done.stderr.decode().strip().splitlines()[-1]}")
