"""A webhook without a cluster, in front of a real registry on this machine that keeps count; and fakes that do."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from webhook.admission.review import decode
from webhook.credentials.credential import Credential
from webhook.demo.images import ImageSpec
from webhook.demo.server import serving
from webhook.demo.site import Repository, Site
from webhook.demo.world import Listener, World
from webhook.documents.pullsecrets import ManifestSecrets
from webhook.image.reference import Digest, Reference
from webhook.metrics import Metrics
from webhook.pipeline import Pipeline
from webhook.policy.decision import Verdict
from webhook.registry.failure import RegistryError, error_of
from webhook.registry.resolution import Failure, Resolved
from webhook.wiring.registries import Surroundings
from webhook.wiring.webhook import Known, open_webhook
from webhook.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class Shop:
    """The webhook and its registry, `localhost:PORT`."""

    pipeline: Pipeline
    world: World
    port: int

    def image(self, number: int) -> str:
        return f"localhost:{self.port}/shop/app:v{number}"

    @property
    def heads(self) -> int:
        return sum(asked.method == "HEAD" for asked in self.world.asked)

    def workload(self, number: int, images: Sequence[str]) -> Workload:
        """Return the pod of that number, as the API server would send it."""
        containers = [{"name": f"c{place}", "image": image} for place, image in enumerate(images)]
        pod = {"metadata": {"name": f"pod-{number}", "namespace": "shop"}, "spec": {"containers": containers}}
        request = {"uid": f"uid-{number}", "kind": {"kind": "Pod"}, "operation": "CREATE", "object": pod}
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
        return decode(json.dumps(review).encode()).workload

    async def admit(self, number: int, images: Sequence[str]) -> Verdict:
        """Admit the pod of that number."""
        deadline = asyncio.get_running_loop().time() + 60
        return await self.pipeline.inspect(self.workload(number, images), deadline)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """An open registry over TLS that holds v0 to v9."""
    tags = {f"v{number}": ImageSpec() for number in range(10)}
    world = World([Site(hosts=("localhost",), repositories=(Repository(name="shop/app", tags=tags),))])
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(world, [Listener()]))
        config = tmp_path / "pullproof.yaml"
        config.write_text(
            "apiVersion: config.pullproof.dev/v1alpha1\n"
            "kind: PullproofConfiguration\n"
            f'registries: [{{match: "localhost:{server.ports[0]}", caFile: "{server.ca}"}}]\n'
            "budgets: {admission: 60s, lookup: 60s}\n"
            "network: {timeout: 30s, connectTimeout: 30s}\n"
        )
        known = Known(pull_secrets=ManifestSecrets((), (), complete=True))
        surroundings = Surroundings(environment={}, loopback=True)
        webhook = await stack.enter_async_context(open_webhook(config, surroundings, known, Metrics()))
        yield Shop(webhook.pipeline, world, server.ports[0])


class FakeRegistries:
    """Every image is there, unless its registry is `wrong`; a registry with a `gate` answers once that is open."""

    def __init__(self) -> None:
        self.media_type = "application/vnd.oci.image.index.v1+json"
        self.looks: Counter[str] = Counter()
        self.by_login: Counter[tuple[str, str]] = Counter()
        self.readers: dict[str, str] = {}  # name of a private repository -> the secret that may read it
        self.wrong: dict[str, Callable[[], RegistryError]] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.inside: Counter[str] = Counter()
        self.most_inside: dict[str, int] = defaultdict(int)

    async def look(self, reference: Reference, credential: Credential, *, deadline: float, content: bool) -> Resolved:
        registry = reference.registry
        self.looks[registry] += 1
        self.by_login[reference.name, credential.secret] += 1
        self.inside[registry] += 1
        self.most_inside[registry] = max(self.most_inside[registry], self.inside[registry])
        try:
            await self.gates[registry].wait() if registry in self.gates else await asyncio.sleep(0)
        finally:
            self.inside[registry] -= 1
        if registry in self.wrong:
            raise self.wrong[registry]()
        if self.readers.get(reference.name, credential.secret) != credential.secret:
            raise error_of(Failure.LOGIN_REFUSED, "401")
        return Resolved(
            reference=reference,
            digest=Digest("sha256:" + "a" * 64),
            media_type=self.media_type,
        )

    async def content(self, resolved: Resolved, credential: Credential, *, deadline: float) -> Resolved:
        return resolved

    async def tags(self, reference: Reference, credential: Credential, *, deadline: float) -> tuple[str, ...]:
        return ()


@pytest.fixture
def registries() -> FakeRegistries:
    return FakeRegistries()


class Clock:
    """The time, as a test wants it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Let everything go on until something holds."""

    async def wait(holds: Callable[[], bool]) -> None:
        while not holds():  # noqa: ASYNC110 - nobody could set an event
            await asyncio.sleep(0)

    return wait
