"""A whole pod's judgements are given again only while nothing that they rest on has changed or ended."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from webhook.admission.review import decode
from webhook.credentials.credential import Credential
from webhook.documents.pullsecrets import ManifestSecrets
from webhook.image.platform import Platform
from webhook.image.reference import Reference
from webhook.pipeline import Pipeline
from webhook.policy.decision import Policy
from webhook.policy.evidence import ClusterFacts, NodeFacts
from webhook.policy.verdict import Judged
from webhook.registry.failure import error_of
from webhook.registry.resolution import Failure, Resolved
from webhook.registry.resolver import RegistryResolver
from webhook.settings.policy import policy_of
from webhook.settings.schema import Settings
from webhook.sources import Sources
from webhook.wiring.unknown import NoNamespaces
from webhook.workload.workload import Workload

LIFETIME = 60.0


@dataclass
class Nodes:
    known: NodeFacts = field(default_factory=NodeFacts)

    def facts(self, workload: object, image: object, reference: object) -> NodeFacts:
        return self.known

    def epoch(self) -> object:
        return self.known


@dataclass
class Cluster:
    known: ClusterFacts = field(default_factory=ClusterFacts)
    asked: int = 0

    def facts(self, workload: Workload, image: object, reference: object) -> ClusterFacts:
        self.asked += 1
        return self.known


@dataclass
class Logins:
    asked: int = 0

    async def lookup(self, *_: object, **__: object) -> tuple[tuple[Credential, ...], str]:
        self.asked += 1
        return (), ""


@dataclass(frozen=True)
class Memory:
    resolver: RegistryResolver

    def recall(
        self, reference: Reference, own: tuple[Credential, ...], *, content: bool
    ) -> tuple[tuple[Credential, ...], Resolved, float] | None:
        recalled = self.resolver.recall(reference, own, content=content)
        return None if recalled is None else (own, *recalled)

    def epoch(self) -> object:
        return self.resolver.changes

    def recalled(self, answers: int) -> None:
        self.resolver.recalled(answers)


@dataclass
class Bench:
    pipeline: Pipeline
    nodes: Nodes
    cluster: Cluster
    logins: Logins
    clock: Any
    policy: Policy

    async def admit(self, workload: Workload) -> None:
        await self.pipeline.inspect(workload, self.clock() + 60)

    def recall(self, workload: Workload) -> tuple[Judged, ...] | None:
        verdict = self.pipeline.recall(workload)
        return None if verdict is None else verdict.judged


@pytest.fixture
async def bench(registries: Any, clock: Callable[[], float]) -> AsyncIterator[Bench]:
    async with RegistryResolver(registries, clock=clock) as resolver:
        nodes, cluster, logins = Nodes(), Cluster(), Logins()
        sources = Sources(
            resolver=resolver,
            pull_secrets=ManifestSecrets((), (), complete=True),
            node_logins=logins,
            nodes=nodes,
            cluster=cluster,
            namespaces=NoNamespaces(),
            memory=Memory(resolver),
        )
        found = Bench(
            Pipeline(sources, lambda: found.policy, clock=clock), nodes, cluster, logins, clock, policy_of(Settings())
        )
        yield found


def pod(name: str, **spec: object) -> Workload:
    containers = [{"name": f"c{number}", "image": f"registry.example/app-{number}:1.0"} for number in range(3)]
    return read(
        "Pod", "", {"metadata": {"name": name, "namespace": "shop"}, "spec": {"containers": containers, **spec}}
    )


def deployment(uid: str) -> Workload:
    template = {"spec": {"containers": [{"name": "c", "image": "registry.example/app-0:1.0"}]}}
    return read("Deployment", "apps", {"metadata": {"name": "d", "uid": uid}, "spec": {"template": template}})


def read(kind: str, group: str, obj: dict[str, Any]) -> Workload:
    request = {"uid": "u", "kind": {"group": group, "kind": kind}, "operation": "CREATE", "object": obj}
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return decode(json.dumps(review).encode()).workload


async def test_the_next_pod_is_judged_as_the_one_before(bench: Bench) -> None:
    await bench.admit(pod("app-1"))
    first = bench.recall(pod("app-1"))
    asked = bench.cluster.asked
    assert first is not None
    assert len(first) == 3
    assert bench.recall(pod("app-2")) is first
    assert bench.cluster.asked == asked


async def test_no_longer_than_its_answers_live(bench: Bench) -> None:
    await bench.admit(pod("app-1"))
    assert bench.recall(pod("app-1")) is not None
    bench.clock.now += LIFETIME - 1
    assert bench.recall(pod("app-1")) is not None
    bench.clock.now += 1
    assert bench.recall(pod("app-1")) is None


async def test_not_after_its_answer_was_found_to_be_another(bench: Bench, registries: Any) -> None:
    await bench.admit(pod("app-1"))
    assert bench.recall(pod("app-1")) is not None
    registries.wrong["registry.example"] = lambda: error_of(Failure.NOT_FOUND, "not found")
    image = Reference.parse("registry.example/app-1:1.0")
    bench.clock.now += 2
    resolver = bench.pipeline._sources.resolver
    await resolver.resolve(image, (), deadline=bench.clock() + 60, not_before=bench.clock(), fresh=True)
    assert bench.recall(pod("app-1")) is None


@pytest.mark.parametrize("what", ["nodes", "policy", "another look-up"])
async def test_not_after_anything_has_changed(bench: Bench, what: str) -> None:
    await bench.admit(pod("app-1"))
    first = bench.recall(pod("app-1"))
    match what:
        case "nodes":
            bench.nodes.known = NodeFacts(known=True, eligible=1)
        case "policy":
            bench.policy = policy_of(Settings())
        case _:
            await bench.admit(read("Pod", "", {"spec": {"containers": [{"name": "c", "image": "other.example/a:1"}]}}))
    again = bench.recall(pod("app-1"))
    assert again is not None
    assert again is not first
    assert bench.recall(pod("app-1")) is again


async def test_not_where_the_image_must_now_fit_a_platform(bench: Bench) -> None:
    await bench.admit(pod("app-1"))
    assert bench.recall(pod("app-1")) is not None
    arm = Platform(os="linux", architecture="arm64")
    bench.nodes.known = NodeFacts(known=True, eligible=1, platforms=frozenset({arm}))
    assert bench.recall(pod("app-1")) is None


async def test_not_for_pods_that_are_placed_otherwise(bench: Bench) -> None:
    await bench.admit(pod("app-1"))
    first = bench.recall(pod("app-1"))
    other = bench.recall(pod("app-2", nodeSelector={"zone": "b"}))
    assert other is not None
    assert other is not first


async def test_never_where_an_image_fails(bench: Bench, registries: Any) -> None:
    """How certain that is, the cluster's own pods tell, and they may tell it of one object alone."""
    registries.media_type = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    bench.cluster.known = ClusterFacts(ran_before=True)
    await bench.admit(deployment("u-1"))
    first = bench.recall(deployment("u-1"))
    bench.cluster.known = ClusterFacts()
    again = bench.recall(deployment("u-2"))
    assert first is not None
    assert again is not None
    assert "an earlier revision may have run this image" in first[0].findings[0].doubt
    assert "an earlier revision may have run this image" not in again[0].findings[0].doubt


async def test_nobody_is_asked_for_logins_of_what_is_no_host(bench: Bench, registries: Any) -> None:
    """A credential provider would be run for it, and its answer kept by a name of a megabyte."""
    asked = bench.logins.asked
    image = f"{'a.' * 500_000}example/app:1.0"
    workload = read("Pod", "", {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "c", "image": image}]}})
    verdict = await bench.pipeline.inspect(workload, bench.clock() + 60)
    assert [finding.code for judged in verdict.judged for finding in judged.findings] == ["registry-unreachable"]
    assert (bench.logins.asked, registries.looks.total()) == (asked, 0)
