"""A real server on a real port, with an inspector that the test scripts."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from certs.issue import issue_authority, issue_leaf
from certs.keypair import KeyPair
from webhook.metrics import Metrics
from webhook.policy.decision import Judged, Level, Mode, Verdict
from webhook.policy.finding import Certainty, Code, Finding, FindingClass
from webhook.server.admission import AdmissionEndpoint, Limits
from webhook.server.app import create_app, create_metrics_app
from webhook.server.body import BodyReader
from webhook.server.certificate import CertificateInMemory, ServingCertificate
from webhook.server.health import Health
from webhook.server.run import Listen, WebServer
from webhook.workload.workload import Workload

REVIEWS = Path(__file__).parent.parent / "admission" / "reviews"
NAMES = ("localhost", "127.0.0.1")

Inspect = Callable[[Workload, float], Awaitable[Verdict]]


async def allow(workload: Workload, deadline: float) -> Verdict:
    return Verdict(workload=workload, judged=tuple(Judged(image=image) for image in workload.images))


@dataclass
class Scripted:
    """An Inspector that does what the test says, and remembers what it was asked."""

    answer: Inspect = allow
    memory: Callable[[Workload], Verdict | None] = lambda _: None
    asked: list[tuple[Workload, float, str]] = field(default_factory=list)
    recalled: list[Workload] = field(default_factory=list)

    async def inspect(self, workload: Workload, deadline: float, *, user: str = "") -> Verdict:
        self.asked.append((workload, deadline - asyncio.get_running_loop().time(), user))
        return await self.answer(workload, deadline)

    def recall(self, workload: Workload, *, user: str = "") -> Verdict | None:
        self.recalled.append(workload)
        return self.memory(workload)


@dataclass
class Served:
    """A running server and all there is to hold on to."""

    server: WebServer
    inspector: Scripted
    health: Health
    metrics: Metrics
    certificate: CertificateInMemory
    serving: ServingCertificate
    trust: ssl.SSLContext
    stop: asyncio.Event
    task: asyncio.Task[None]

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server.port}"

    @property
    def metrics_url(self) -> str:
        return f"http://127.0.0.1:{self.server.metrics_port}/metrics"

    def client(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, verify=self.trust, trust_env=False, timeout=60, **options)

    async def post(self, name: str = "pod-create", **options: Any) -> httpx.Response:
        async with self.client() as client:
            return await client.post("/validate", json=load(name), **options)


def load(name: str) -> Any:
    return json.loads((REVIEWS / f"{name}.json").read_text(encoding="utf-8"))


@dataclass
class Authority:
    """An authority made for the tests, and leaves of it."""

    pair: KeyPair = field(default_factory=lambda: issue_authority(datetime.now(UTC), timedelta(days=2)))

    def leaf(self, lifetime: timedelta = timedelta(days=1)) -> KeyPair:
        return issue_leaf(self.pair, NAMES, datetime.now(UTC), lifetime)

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.pair.certificate.decode())


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every test here on the loop that production uses."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def review() -> Callable[[str], Any]:
    """Load one recorded review by its name."""
    return load


Serve = Callable[..., contextlib.AbstractAsyncContextManager[Served]]


@pytest.fixture
def serve(authority: Authority) -> Serve:
    """Start a server; it is drained and ended with the block."""

    @contextlib.asynccontextmanager
    async def start(
        answer: Inspect = allow,
        *,
        limits: Limits | None = None,
        bodies: BodyReader | None = None,
        **listen: Any,
    ) -> AsyncIterator[Served]:
        inspector, metrics, health = Scripted(answer), Metrics(version="1.2.3"), Health()
        memory = CertificateInMemory()
        memory.put(authority.leaf())
        serving = ServingCertificate(memory)
        endpoint = AdmissionEndpoint(
            inspector=inspector,
            observer=metrics,
            limits=limits or Limits(),
            bodies=bodies or BodyReader(),
            closing=lambda: health.draining,
        )
        server = WebServer(
            create_app(health, {"/validate": endpoint}, version="1.2.3"),
            listen=Listen(
                **{
                    "host": "127.0.0.1",
                    "port": 0,
                    "metrics_host": "127.0.0.1",
                    "metrics_port": 0,
                    "drain": 0.0,
                    **listen,
                }
            ),
            health=health,
            certificate=serving,
            metrics=create_metrics_app(metrics.render),
            told=lambda at: metrics.certificate_expires("serving", at),
            at_once={b"/validate": endpoint.at_once},
        )
        stop, started = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(server.run(stop, started=started.set))
        await asyncio.wait([task, asyncio.create_task(started.wait())], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        try:
            yield Served(server, inspector, health, metrics, memory, serving, authority.trust(), stop, task)
        finally:
            stop.set()
            await task

    return start


@pytest.fixture
def denying() -> Inspect:
    """An inspection that denies the first image."""

    async def deny(workload: Workload, deadline: float) -> Verdict:
        finding = Finding(
            code=Code.IMAGE_NOT_FOUND,
            cls=FindingClass.FAIL,
            certainty=Certainty.CERTAIN,
            message="tag not found.",
            brief=" not found in registry",
            fix="push it",
        )
        judged = tuple(Judged(image=image, findings=(finding,)) for image in workload.images[:1])
        pairs = tuple((each, finding) for each in judged)
        rest = tuple(Judged(image=image) for image in workload.images[1:])
        return Verdict(
            workload=workload, judged=judged + rest, levels={Mode.ENFORCE: Level.BASELINE}, denied=pairs, audited=pairs
        )

    return deny


@pytest.fixture
def warning(denying: Inspect) -> Inspect:
    """An inspection that warns of the first image."""

    async def warn(workload: Workload, deadline: float) -> Verdict:
        found = await denying(workload, deadline)
        return replace(found, denied=(), warned=found.denied)

    return warn
