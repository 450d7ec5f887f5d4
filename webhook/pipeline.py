"""The one use case: inspect a workload and say what a node would make of its images.

Pure but for the protocols it is given; the server, the command line and the scanner differ only in those.

    workload -> logins -> resolutions -> evidence -> findings -> verdict

Law of denial: a verdict that denies rests on nothing that was read before the question was asked. So a first look takes
what the caches hold, and only where that would deny, a second look asks again for whatever is older than the question.
Where there is no time for the second look its answers are inconclusive, and inconclusive never denies.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from webhook.credentials.credential import Credential
from webhook.credentials.keychain import Keychain
from webhook.credentials.pullsecret import PullSecrets, SecretState
from webhook.image.reference import InvalidReference, Reference
from webhook.policy.decision import Judged, Policy, Verdict
from webhook.policy.evidence import ClusterFacts, Evidence, NodeFacts
from webhook.registry.resolution import Resolution, Resolved
from webhook.workload.workload import ContainerImage, PullPolicy, Workload

ANY_AGE = float("-inf")
"""For `not_before`: take what the cache holds."""


class Resolver(Protocol):
    """Asks registries; never raises for anything a registry, a network or an image can do."""

    async def resolve(
        self,
        reference: Reference,
        credentials: Sequence[Credential],
        *,
        deadline: float,
        not_before: float,
        content: bool = False,
    ) -> Resolution:
        """Resolve `reference` as a node with these candidates would (none = one anonymous pull), inside `deadline`.

        `deadline` and `not_before` are absolute loop times. A negative or inconclusive answer is only returned from the
        cache if its look-up began at or after `not_before`; pass minus infinity to take what is there. `content`: also
        fetch the index or manifest (and a single manifest's config), for platform questions.
        """
        ...


class PullSecretSource(Protocol):
    """Reads the pull secrets that a pod would have."""

    async def pull_secrets(self, workload: Workload, *, deadline: float, not_before: float) -> PullSecrets:
        """Read the workload's pull secrets (or, for a template without any, its ServiceAccount's); never raises.

        Nothing read before `not_before` (absolute loop time) is returned.
        """
        ...


class NodeLogins(Protocol):
    """Logins that nodes hold beside the pod's own: credential providers, docker config files."""

    async def lookup(
        self, reference: Reference, workload: Workload, own: tuple[Credential, ...], *, deadline: float
    ) -> tuple[tuple[Credential, ...], str]:
        """Return the logins to try after the pod's `own`, in order, and why one could not be had (or "")."""
        ...


class Nodes(Protocol):
    """The cluster's nodes, from memory."""

    def facts(self, workload: Workload, image: ContainerImage, reference: Reference) -> NodeFacts:
        """Tell what is known of the nodes this pod may land on."""
        ...


class ClusterEvidence(Protocol):
    """What was learnt from the cluster's own pods, from memory."""

    def facts(self, workload: Workload, image: ContainerImage, reference: Reference | None) -> ClusterFacts:
        """Tell what lowers certainty for this image; `reference` is None for a text that is none."""
        ...


class Namespaces(Protocol):
    """Namespace labels."""

    async def labels(self, namespace: str, *, deadline: float) -> Mapping[str, str]:
        """Return the namespace's labels; empty when unknown or unreadable; never raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the pipeline learns what it does not know."""

    resolver: Resolver
    pull_secrets: PullSecretSource
    node_logins: NodeLogins
    nodes: Nodes
    cluster: ClusterEvidence
    namespaces: Namespaces


class Pipeline:
    """Inspects workloads; safe to share, keeps no state of its own."""

    def __init__(
        self,
        sources: Sources,
        policy: Callable[[], Policy],
        *,
        clock: Callable[[], float],
        loopback: bool = False,
        offline: bool = False,
    ) -> None:
        """`policy` is called once per inspection, so that a reload takes effect at the next one.

        `loopback`: whether an image of a loopback registry can be judged from here. In a cluster it is each node's own.
        `offline`: no registry is asked.
        """
        self._sources = sources
        self._policy = policy
        self._clock = clock
        self._loopback = loopback
        self._offline = offline

    async def inspect(self, workload: Workload, deadline: float, *, user: str = "") -> Verdict:
        """Judge every image of `workload` before `deadline` (absolute loop time) as `user` asked for it."""
        asked = self._clock()
        policy = self._policy()
        if workload.skip is not None or policy.exempt(workload, user) is not None:
            return policy.decide(workload, (), labels={}, user=user)
        labels = await self._sources.namespaces.labels(workload.namespace, deadline=deadline)
        judged = await self._look(policy, workload, deadline, not_before=ANY_AGE)
        verdict = policy.decide(workload, judged, labels=labels, user=user)
        if verdict.denied:
            judged = await self._look(policy, workload, deadline, not_before=asked)
            verdict = policy.decide(workload, judged, labels=labels, user=user)
        return verdict

    async def _look(
        self, policy: Policy, workload: Workload, deadline: float, *, not_before: float
    ) -> tuple[Judged, ...]:
        secrets = await self._sources.pull_secrets.pull_secrets(workload, deadline=deadline, not_before=not_before)
        keychain = Keychain(secrets.secrets)
        looks = [
            _Look(
                sources=self._sources,
                policy=policy,
                workload=workload,
                image=image,
                secrets=secrets,
                keychain=keychain,
                deadline=deadline,
                not_before=not_before,
                loopback=self._loopback,
                offline=self._offline,
            )
            for image in workload.images
        ]
        if len(looks) == 1:
            return (await looks[0].judge(),)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(look.judge()) for look in looks]
        return tuple(task.result() for task in tasks)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One look at one image."""

    sources: Sources
    policy: Policy
    workload: Workload
    image: ContainerImage
    secrets: PullSecrets
    keychain: Keychain
    deadline: float
    not_before: float
    loopback: bool
    offline: bool

    async def judge(self) -> Judged:
        return self.policy.judge(await self.evidence())

    async def evidence(self) -> Evidence:
        """Gather all that is known; every wait in here ends by the deadline."""
        try:
            reference = Reference.parse(self.image.image)
        except InvalidReference as error:
            return Evidence(
                image=self.image,
                workload=self.workload,
                pull_secrets=self.secrets,
                invalid=str(error) or "invalid",
                cluster=self.sources.cluster.facts(self.workload, self.image, None),
            )
        nodes = self.sources.nodes.facts(self.workload, self.image, reference)
        cluster = self.sources.cluster.facts(self.workload, self.image, reference)
        unasked = self._unasked(reference)
        if unasked:
            return self._of(reference, nodes, cluster, unasked=unasked)
        own = self.keychain.lookup(reference)
        others, provider_failed = await self.sources.node_logins.lookup(
            reference, self.workload, own, deadline=self.deadline
        )
        candidates = own + others
        platforms = self.policy.platforms(self.workload, nodes)
        resolution = await self._resolve(reference, candidates, content=bool(platforms) or self.policy.deep)
        return self._of(
            reference,
            nodes,
            cluster,
            candidates=candidates,
            provider_failed=provider_failed,
            resolution=resolution,
            tag_resolution=await self._tag_resolution(reference, candidates, resolution),
        )

    def _unasked(self, reference: Reference) -> str:
        """Say why no registry need be asked, or ""; the checks draw their conclusions from the same evidence."""
        if self.policy.placeholder(self.image.image):
            return "placeholder that a mutator replaces"
        if self.image.pull_policy is PullPolicy.NEVER:
            return "imagePullPolicy is Never"
        if not self.loopback and reference.loopback:
            return "a loopback registry is each node's own"
        if self.secrets.in_state(SecretState.MALFORMED):
            return "a malformed pull secret ends every pull of the pod"
        return "offline: no registry was asked" if self.offline else ""

    async def _resolve(self, reference: Reference, candidates: Sequence[Credential], *, content: bool) -> Resolution:
        return await self.sources.resolver.resolve(
            reference, candidates, deadline=self.deadline, not_before=self.not_before, content=content
        )

    async def _tag_resolution(
        self, reference: Reference, candidates: Sequence[Credential], resolution: Resolution
    ) -> Resolution | None:
        """Ask where the tag points now, only for those who want to know of moved tags."""
        if not (self.policy.follows_tags and reference.tag and reference.digest and isinstance(resolution, Resolved)):
            return None
        return await self._resolve(reference.without_digest(), candidates, content=False)

    def _of(
        self,
        reference: Reference,
        nodes: NodeFacts,
        cluster: ClusterFacts,
        *,
        unasked: str = "",
        candidates: tuple[Credential, ...] = (),
        provider_failed: str = "",
        resolution: Resolution | None = None,
        tag_resolution: Resolution | None = None,
    ) -> Evidence:
        return Evidence(
            image=self.image,
            workload=self.workload,
            reference=reference,
            pull_secrets=self.secrets,
            candidates=candidates,
            provider_failed=provider_failed,
            resolution=resolution,
            unasked=unasked,
            nodes=nodes,
            cluster=cluster,
            tag_digest=tag_resolution.digest if isinstance(tag_resolution, Resolved) else None,
        )
