"""The command line, run in this process against registries that are plain values."""

import asyncio
import base64
import io
import json
import os
import ssl
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from webhook.cli.app import run as run_command
from webhook.cli.judging import Inspector, Wish
from webhook.cli.session import Session
from webhook.credentials.credential import Credential
from webhook.image.reference import Digest, Reference
from webhook.pipeline import Pipeline
from webhook.registry.resolution import Absent, Failure, Resolution, Resolved, Unresolved
from webhook.settings.policy import policy_of
from webhook.sources import Sources
from webhook.workload.workload import Workload

sys.path.insert(0, str(Path(__file__).parent))

DIGEST = Digest("sha256:" + "0" * 64)


@dataclass
class World:
    """All registries there are: what they hold, what is down, what wants a login; and who asked for what."""

    holds: set[str] = field(default_factory=set)
    down: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)
    hangs: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)

    async def resolve(
        self,
        reference: Reference,
        credentials: Sequence[Credential],
        *,
        deadline: float,
        not_before: float,
        content: bool = False,
        fresh: bool = False,
    ) -> Resolution:
        text = str(reference)
        self.asked.append(text)
        if text in self.hangs:
            await asyncio.Event().wait()
        if reference.registry in self.down:
            return Unresolved(reference=reference, failure=Failure.DNS, message="dns: no such host")
        if text in self.private and not any(credential.username == "acme" for credential in credentials):
            failure = Failure.LOGIN_REFUSED if credentials else Failure.LOGIN_WANTED
            return Unresolved(reference=reference, failure=failure, message="401")
        if text in self.holds | self.private:
            return Resolved(reference=reference, digest=DIGEST, media_type="application/vnd.oci.image.manifest.v1+json")
        return Unresolved(
            reference=reference,
            failure=Failure.NOT_FOUND,
            message="tag not found",
            absent=Absent.TAG,
            nearest_tags=("1.4.1",),
            confirmed=True,
        )

    async def lookup(
        self, reference: Reference, workload: Workload, own: tuple[Credential, ...], *, deadline: float
    ) -> tuple[tuple[Credential, ...], str]:
        return (), ""

    @asynccontextmanager
    async def open(self, wish: Wish) -> AsyncIterator[Inspector]:
        self.wishes.append(wish)
        sources = Sources(
            resolver=self,
            pull_secrets=wish.known.pull_secrets,
            node_logins=self,
            nodes=wish.known.nodes,
            cluster=wish.known.cluster,
            namespaces=wish.known.namespaces,
        )
        policy = policy_of(wish.settings, deep=wish.deep)
        yield Pipeline(
            sources, lambda: policy, clock=asyncio.get_running_loop().time, loopback=wish.loopback, offline=wish.offline
        )


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


Run = Callable[..., Done]


@pytest.fixture
def world() -> World:
    return World(holds={"docker.io/library/nginx:1.29", "docker.io/library/busybox:latest", "ghcr.io/acme/api:1.4.1"})


@pytest.fixture
def run(world: World) -> Run:
    def call(*argv: str | Path, stdin: str = "", terminal: bool = False, **environ: str) -> Done:
        out, err = (Terminal(), Terminal()) if terminal else (io.StringIO(), io.StringIO())
        session = Session(
            argv=tuple(map(str, argv)),
            environ=environ,
            stdin=io.BytesIO(stdin.encode()),
            out=out,
            err=err,
            pipelines=world.open,
        )
        code = run_command(session)
        return Done(code, out.getvalue(), err.getvalue())

    return call


@dataclass(frozen=True)
class Cluster:
    """A namespace of a real API server, and how a command finds it."""

    url: str
    trust: ssl.SSLContext
    namespace: str
    login: Callable[..., str]

    def flags(self, user: str = "admin") -> tuple[str, ...]:
        return ("--kubeconfig", self.login(user, namespace=self.namespace))

    def send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send an object to a path, of this namespace unless it begins with "/"; admin may do everything."""
        group, slash, plural = path.rpartition("/")
        root = f"/apis/{group}" if slash else "/api/v1"
        url = self.url + (path if path.startswith("/") else f"{root}/namespaces/{self.namespace}/{plural}")
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Authorization": "Bearer admin", "Content-Type": kind}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request, context=self.trust, timeout=10) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        return found

    def create(self, path: str, name: str, **body: Any) -> dict[str, Any]:
        labels = body.pop("labels", {})
        owners = body.pop("owners", [])
        metadata = {"name": name, "labels": labels, "ownerReferences": owners}
        return self.send("POST", path, {"metadata": metadata, **body})

    def deployment(self, name: str, image: str, **spec: Any) -> dict[str, Any]:
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": pod_of(image, **spec)}
        body = {"selector": {"matchLabels": labels}, "template": template}
        return self.create("apps/v1/deployments", name, labels=labels, spec=body)

    def pull_secret(self, name: str, host: str = "ghcr.io", user: str = "acme") -> None:
        login = base64.b64encode(f"{user}:letmein".encode()).decode()
        config = base64.b64encode(json.dumps({"auths": {host: {"auth": login}}}).encode()).decode()
        data = {".dockerconfigjson": config}
        self.create("secrets", name, type="kubernetes.io/dockerconfigjson", data=data)

    def allow(self, user: str, *resources: str) -> None:
        """Let a user get and list some resources (`group/plural`) of this namespace."""
        rules = [
            {"apiGroups": [group], "resources": [plural], "verbs": ["get", "list"]}
            for group, _, plural in (resource.rpartition("/") for resource in resources)
        ]
        api, name = "rbac.authorization.k8s.io", f"{user}-may"
        self.create(f"{api}/v1/roles", name, rules=rules)
        subject = {"kind": "User", "name": user, "apiGroup": api}
        reference = {"kind": "Role", "name": name, "apiGroup": api}
        self.create(f"{api}/v1/rolebindings", name, subjects=[subject], roleRef=reference)


def pod_of(image: str, **spec: Any) -> dict[str, Any]:
    return {"containers": [{"name": "main", "image": image}], **spec}


@pytest.fixture
def shop(apiserver: Any, request: pytest.FixtureRequest) -> Cluster:
    """An empty namespace with a default ServiceAccount, as the controllers would make it."""
    name = f"shop-{abs(hash(request.node.nodeid)) % 10**12}"
    trust = ssl.create_default_context(cafile=str(apiserver.ca))
    cluster = Cluster(apiserver.url, trust, name, apiserver.kubeconfig)
    cluster.send("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    cluster.create("serviceaccounts", "default")
    return cluster


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str | Path], Any]]:
    """Open an internet of our own (internet.py) by a script, or a name in worlds/; it ends with the module."""
    from internet import internet, lacking

    if reason := lacking():
        if os.environ.get("PULLPROOF_REQUIRE_PARTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with ExitStack() as stack:
        worlds = Path(__file__).parent / "worlds"

        def open_one(script: str | Path) -> Any:
            path = script if isinstance(script, Path) else worlds / f"{script}.yaml"
            return stack.enter_context(internet(path, tmp_path_factory.mktemp("internet")))

        yield open_one
