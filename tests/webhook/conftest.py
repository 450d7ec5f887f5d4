"""The real webhook over TLS in front of the embedded registry: real sockets everywhere, the cluster behind its seam."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from certs.issue import issue_authority, issue_leaf
from webhook.cluster.failure import Denied, NotFound
from webhook.cluster.secrets import ClusterPullSecrets
from webhook.credentials.dockerconfig import decode_secret
from webhook.demo.server import Server, serving
from webhook.demo.site import Site
from webhook.demo.world import Listener, World
from webhook.metrics import Metrics
from webhook.policy.evidence import ClusterFacts, NodeFacts
from webhook.server.assembly import Assembly, Ports
from webhook.server.certificate import CertificateInMemory
from webhook.server.health import Health
from webhook.server.run import WebServer
from webhook.wiring.registries import Surroundings
from webhook.wiring.webhook import Known


@dataclass
class FakeApi:
    """An API server that holds Secrets and ServiceAccounts; counts what is read of it."""

    objects: dict[str, object] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)

    def put_secret(self, name: str, host: str, user: str, password: str, *, namespace: str = "shop") -> None:
        auth = base64.b64encode(f"{user}:{password}".encode()).decode()
        config = base64.b64encode(json.dumps({"auths": {host: {"auth": auth}}}).encode()).decode()
        self.objects[f"/api/v1/namespaces/{namespace}/secrets/{name}"] = {
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": config},
        }

    def put_account(self, name: str, *secrets: str, namespace: str = "shop") -> None:
        names = [{"name": each} for each in secrets]
        self.objects[f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}"] = {"imagePullSecrets": names}

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        content_type: str = "",
        seconds: float = 0,
    ) -> bytes:
        self.reads.append(path)
        await asyncio.sleep(0)
        if path in self.forbidden:
            raise Denied("forbidden")
        if path not in self.objects:
            raise NotFound("not found")
        return json.dumps({"metadata": {"name": path.rpartition("/")[2]}, **self.objects[path]}).encode()

    async def lines(self, path: str, *, query: Mapping[str, str], idle: float) -> AsyncGenerator[bytes, None]:
        raise NotImplementedError
        yield b""


@dataclass
class FakeNodes:
    """What is known of the nodes."""

    known: NodeFacts = field(default_factory=NodeFacts)

    def facts(self, workload: object, image: object, reference: object) -> NodeFacts:
        return self.known

    def epoch(self) -> object:
        return self.known


@dataclass
class FakeCluster:
    """What was learnt of the cluster."""

    known: ClusterFacts = field(default_factory=ClusterFacts)

    def has_history(self, workload: object) -> bool:
        return True

    def facts(self, workload: object, image: object, reference: object) -> ClusterFacts:
        return self.known

    def epoch(self) -> object:
        return self.known


@dataclass(kw_only=True)
class Answer:
    """The response part of one review."""

    allowed: bool
    message: str
    warnings: list[str]
    seconds: float

    @property
    def codes(self) -> set[str]:
        return {text[text.rindex("[") + 1 : -1] for text in self.warnings if text.endswith("]")}


@dataclass(kw_only=True)
class Scene:
    """A webhook, its registry world and its cluster."""

    world: World
    server: Server
    api: FakeApi
    nodes: FakeNodes
    cluster: FakeCluster
    client: httpx.AsyncClient
    url: str
    metrics_url: str
    authority: bytes

    @property
    def registry(self) -> str:
        return f"reg.test:{self.server.ports[0]}"

    def heads(self, path: str) -> int:
        return sum(asked.method == "HEAD" and asked.path == path for asked in self.world.asked)

    async def apply(self, spec: dict, *, kind: str = "Deployment", within: str = "10s", user: str = "me") -> Answer:
        started = asyncio.get_running_loop().time()
        response = await self.client.post(
            f"{self.url}/validate?timeout={within}", json=review(spec, kind=kind, user=user), timeout=30
        )
        assert response.status_code == 200, response.text
        answer = response.json()["response"]
        return Answer(
            allowed=answer["allowed"],
            message=answer.get("status", {}).get("message", ""),
            warnings=answer.get("warnings", []),
            seconds=asyncio.get_running_loop().time() - started,
        )


def review(spec: dict, *, kind: str, user: str) -> dict:
    groups = {"Pod": ("", "v1", "pods"), "Deployment": ("apps", "v1", "deployments"), "Job": ("batch", "v1", "jobs")}
    group, version, resource = groups[kind]
    body = spec if kind == "Pod" else {"template": {"spec": spec}}
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "8f2",
            "kind": {"group": group, "version": version, "kind": kind},
            "resource": {"group": group, "version": version, "resource": resource},
            "name": "api",
            "namespace": "shop",
            "operation": "CREATE",
            "userInfo": {"username": user},
            "object": {
                "apiVersion": f"{group}/{version}".lstrip("/"),
                "kind": kind,
                "metadata": {"name": "api", "namespace": "shop"},
                "spec": body,
            },
        },
    }


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[object]:
    """A function that opens a scene: `await scene(*sites, config={…}, listeners=(…))`."""
    async with AsyncExitStack() as stack:

        async def start(*sites: Site, config: dict | None = None, listeners: tuple = (Listener(),)) -> Scene:
            return await stack.enter_async_context(_open(tmp_path, sites, config or {}, listeners))

        yield start


@asynccontextmanager
async def _open(folder: Path, sites: tuple, config: dict, listeners: tuple) -> AsyncIterator[Scene]:
    world = World(sites)
    async with serving(world, listeners) as server:
        api, nodes, cluster = FakeApi(), FakeNodes(), FakeCluster()
        api.put_account("default")
        metrics = Metrics(version="1.2.3")
        pull_secrets = ClusterPullSecrets(api, decode_secret, on_error=metrics.pull_secret_error)
        now = datetime.now(UTC)
        authority = issue_authority(now, timedelta(days=1))
        certificate = CertificateInMemory()
        certificate.put(issue_leaf(authority, ["127.0.0.1"], now, timedelta(days=1)))
        path = folder / "config.yaml"
        path.write_text(json.dumps(_configuration(config, server)))
        assembly = Assembly(
            configuration=path,
            surroundings=Surroundings(environment={}, lookup=lambda host: ("127.0.0.1",)),
            known=Known(pull_secrets=pull_secrets, nodes=nodes, cluster=cluster),
            certificate=certificate,
            metrics=metrics,
            health=Health(),
            ports=Ports(address="127.0.0.1", port=0, metrics_port=0),
        )
        stop: asyncio.Event = asyncio.Event()
        opened: asyncio.Future[WebServer] = asyncio.get_running_loop().create_future()
        running = asyncio.create_task(assembly.run(stop, started=opened.set_result))
        await asyncio.wait({running, opened}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        trust = ssl.create_default_context(cadata=authority.certificate.decode())
        async with httpx.AsyncClient(verify=trust, trust_env=False, limits=httpx.Limits(max_connections=300)) as client:
            web = opened.result()
            yield Scene(
                world=world,
                server=server,
                api=api,
                nodes=nodes,
                cluster=cluster,
                client=client,
                url=f"https://127.0.0.1:{web.port}",
                metrics_url=f"http://127.0.0.1:{web.metrics_port}/metrics",
                authority=authority.certificate,
            )
        stop.set()
        await running
        await pull_secrets.close()


def _configuration(config: dict, server: Server) -> dict:
    registries = [
        {"match": f"{host}:{port}", "caFile": str(server.ca)}
        for host in ("reg.test", "b.test")
        for port in server.ports
    ]
    return {
        "apiVersion": "config.pullproof.dev/v1alpha1",
        "kind": "PullproofConfiguration",
        "network": {"allow": ["127.0.0.0/8"], **config.pop("network", {})},
        "server": {"drain": "0s"},
        "registries": registries,
        **json.loads(json.dumps(config).replace("PORT", str(server.ports[0]))),
    }
