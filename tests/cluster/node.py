"""One Kubernetes node and its control plane, started as plain processes inside namespaces that someone else made.

    $CLUSTER/logs/NAME.log            what each part wrote
    $CLUSTER/ca.crt, ca.key           an authority that this node, and all that read the system's bundle, trust
    $CLUSTER/names                    "ADDRESS NAME" a line; re-read on SIGHUP to $CLUSTER/dns.pid; all else is NXDOMAIN
    $CLUSTER/hosts.d/HOST/hosts.toml  containerd's mirrors, read at each pull
    $CLUSTER/home/.docker/config.json the logins that the node holds, read by the kubelet
    $CLUSTER/containerd.sock          for `ctr -n k8s.io`
    $CLUSTER/audit.log                what the API server wrote down of every request that created something
    admin.kubeconfig                  cluster administrator, token "admin"

The node is 10.77.0.1, the only address besides loopback; there is no way out. Pods are 10.78.0.0/24, services
10.96.0.0/16.
"""

import json
import os
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import config

from webhook.demo.build import archive, build
from webhook.demo.images import ImageSpec

ADDRESS = config.ADDRESS
BOOT_SECONDS = 90
PROGRAMS = (
    *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"),
    *("containerd", "containerd-shim-runc-v2", "ctr", "runc", "dnsmasq", "ip", "nft", "openssl"),
)
PLATFORM = {"aarch64": "linux/arm64"}.get(os.uname().machine, "linux/amd64")


class NotUp(Exception):
    """A part of the cluster did not come up; the text names it and the log to read."""


class Node:
    """Boots in about ten seconds."""

    def __init__(self, folder: Path, parts: Path, version: str = "") -> None:
        """`version` chooses a Kubernetes that `make parts` built beside the default one; "" is that."""
        self._folder = folder
        self._version = version
        self._parts = parts
        kube = [parts / f"kube-{version}/bin"] if version and (parts / f"kube-{version}").is_dir() else []
        path = os.pathsep.join(map(str, [*kube, parts / "bin", "/usr/sbin", "/sbin", os.environ["PATH"]]))
        admin = str(folder / "admin.kubeconfig")
        self.environment = os.environ | {"PATH": path, "CLUSTER": str(folder), "KUBECONFIG": admin}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def boot(self) -> None:
        """Start everything and wait until pods can run; raises `NotUp`."""
        begun = time.monotonic()
        self._look_for_parts()
        for name in ("logs", "certs", "hosts.d", "cni", "kubelet", "home/.docker"):
            (self._folder / name).mkdir(parents=True)
        self._network()
        self._trust()
        self._names()
        for name, text in config.files(self._folder, self._parts).items():
            (self._folder / name).write_text(text)
        self._control_plane()
        self._check_version()
        self._worker()
        print(f"cluster: up after {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)

    def _look_for_parts(self) -> None:
        missing = [name for name in PROGRAMS if shutil.which(name, path=self.environment["PATH"]) is None]
        if missing:
            raise NotUp(f"no {', '.join(missing)}; `make parts` gets them")

    def _network(self) -> None:
        """Give the node an address on a bridge that has a carrier: the kubelet refuses loopback."""
        self._run(
            "ip link set lo up; ip link add node0 type bridge; ip link add up0 type veth peer name up1;"
            "ip link set up1 master node0; ip link set node0 up; ip link set up0 up; ip link set up1 up;"
            f"ip addr add {ADDRESS}/24 dev node0; ip route add default via {config.NOWHERE};"
            "echo 1 >/proc/sys/net/ipv4/ip_forward"
        )

    def _trust(self) -> None:
        """Make an authority, and let all that read the system's bundle in these namespaces trust it."""
        bundle = "/etc/ssl/certs/ca-certificates.crt"
        self._run(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=cluster-authority"
            " -keyout ca.key -out ca.crt 2>/dev/null; openssl genrsa -out sa.key 2048 2>/dev/null;"
            f"cat {bundle} ca.crt >bundle.crt; mount --bind bundle.crt {bundle}"
        )

    def _names(self) -> None:
        (self._folder / "names").touch()
        (self._folder / "hosts").write_text(f"127.0.0.1 localhost\n{ADDRESS} node1\n")
        (self._folder / "resolv.conf").write_text(f"nameserver {ADDRESS}\n")
        self._run("mount --bind hosts /etc/hosts; mount --bind resolv.conf /etc/resolv.conf")
        # no name server answers for *.silent.test, and the one for *.failing.test refuses
        forwarded = (f"--server=/silent.test/{config.NOWHERE}", f"--server=/failing.test/{ADDRESS}#54")
        self._start(
            *("dns", "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--local=/#/", *forwarded),
            *(f"--addn-hosts={self._folder / 'names'}", f"--listen-address={ADDRESS}", "--bind-interfaces"),
            *("--user=root", "--pid-file"),
        )

    def _control_plane(self) -> None:
        self._start("etcd", "etcd", "--data-dir=etcd", "--unsafe-no-fsync", "--log-level=warn")
        self._start(
            *("apiserver", "kube-apiserver", "--etcd-servers=http://127.0.0.1:2379", "--cert-dir=certs"),
            *(f"--advertise-address={ADDRESS}", "--service-cluster-ip-range=10.96.0.0/16", "--allow-privileged"),
            *("--service-account-issuer=https://kubernetes.default.svc", "--service-account-signing-key-file=sa.key"),
            *("--service-account-key-file=sa.key", "--authorization-mode=Node,RBAC", "--token-auth-file=tokens.csv"),
            *("--enable-aggregator-routing", "--audit-policy-file=audit.yaml", "--audit-log-path=audit.log"),
            *os.environ.get("APISERVER_FLAGS", "").split(),
        )
        self._start("containerd", "containerd", "-c", "containerd.toml")
        self._wait("apiserver", lambda: self._get("/readyz") == b"ok")
        self._start(
            *("controllers", "kube-controller-manager", "--kubeconfig=controllers.kubeconfig"),
            *("--service-account-private-key-file=sa.key", "--use-service-account-credentials"),
            "--root-ca-file=certs/apiserver.crt",
        )
        self._start("scheduler", "kube-scheduler", "--kubeconfig=scheduler.kubeconfig")

    def _check_version(self) -> None:
        runs = json.loads(self._get("/version"))["gitVersion"]
        if self._version not in ("", runs):
            get = f"`KUBE_VERSION={self._version} make parts`"
            raise NotUp(f"kube-apiserver is {runs} and not {self._version}; {get} gets that")

    def _worker(self) -> None:
        """Start the node proper. It keeps a home of its own: the kubelet reads $HOME/.docker/config.json."""
        ctr = ["ctr", "-a", str(self._folder / "containerd.sock"), "-n", "k8s.io"]
        self._wait("containerd", lambda: self._succeeds(*ctr, "version"))
        self._run(" ".join([*ctr, "images", "import", "-"]), feed=_sandbox_image())
        self._start(
            *("kubelet", "env", f"HOME={self._folder / 'home'}", "kubelet", "--kubeconfig=node.kubeconfig"),
            *("--config=kubelet.yaml", f"--root-dir={self._folder / 'kubelet'}", "--hostname-override=node1"),
        )
        self._start("proxy", "kube-proxy", "--config=proxy.yaml")
        self._wait("kubelet", self._node_is_ready)
        self._wait("controllers", lambda: bool(self._get("/api/v1/namespaces/default/serviceaccounts/default")))

    def _node_is_ready(self) -> bool:
        node = json.loads(self._get("/api/v1/nodes/node1"))
        return any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"]["conditions"])

    def _get(self, path: str) -> bytes:
        request = urllib.request.Request(f"https://{ADDRESS}:6443{path}", headers={"Authorization": "Bearer admin"})
        context = ssl.create_default_context(cafile=str(self._folder / "certs/apiserver.crt"))
        with urllib.request.urlopen(request, context=context, timeout=5) as answer:  # noqa: S310
            data: bytes = answer.read()
        return data

    def _start(self, name: str, *command: str) -> None:
        with (self._folder / f"logs/{name}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self._folder, env=self.environment, stdout=log, stderr=log)
        self._running[name] = process
        (self._folder / f"{name}.pid").write_text(str(process.pid))

    def _wait(self, name: str, is_up: Callable[[], bool]) -> None:
        over = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < over and self._running[name].poll() is None:
            try:
                if is_up():
                    return
            except (OSError, ValueError, KeyError):
                pass  # not listening yet, or not yet there
            time.sleep(0.1)
        lines = (self._folder / f"logs/{name}.log").read_text(errors="replace").splitlines()
        raise NotUp(f"{name} did not come up: {lines[-1] if lines else 'it said nothing'}")

    def _run(self, script: str, feed: bytes = b"") -> None:
        command = ["sh", "-ec", script]
        done = subprocess.run(
            command, cwd=self._folder, env=self.environment, input=feed, capture_output=True, check=False
        )
        if done.returncode:
            raise NotUp(f"{script[:60]!r}… failed: {done.stderr.decode(errors='replace').strip()}")

    def _succeeds(self, *command: str) -> bool:
        quiet = subprocess.DEVNULL
        return not subprocess.run(
            command, cwd=self._folder, env=self.environment, stdout=quiet, stderr=quiet, check=False
        ).returncode


def _sandbox_image() -> bytes:
    """Return the image of the pods' sandboxes: a program that waits."""
    return archive(build(config.SANDBOX, ImageSpec(platforms=(PLATFORM,))), config.SANDBOX)
