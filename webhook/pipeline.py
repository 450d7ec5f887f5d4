"""The one use case: inspect a workload and say what a node would make of its images.

Pure but for the sources it is given (`webhook/sources.py`); the server, the command line and the scanner differ only in
those.

    workload -> logins -> resolutions -> evidence -> findings -> verdict

Law of denial: a verdict that denies rests on nothing that was read before the question was asked. So a first look takes
what the caches hold, and only where that would deny, a second look asks again for whatever is older than the question.
Where there is no time for the second look its answers are inconclusive, and inconclusive never denies.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from webhook.credentials.credential import Credential
from webhook.credentials.keychain import Keychain, keychain_of
from webhook.credentials.pullsecret import PullSecrets, SecretState
from webhook.image.reference import InvalidReference, Reference
from webhook.policy.decision import Judged, Policy, Verdict
from webhook.policy.evidence import ClusterFacts, Evidence, NodeFacts
from webhook.policy.finding import FindingClass
from webhook.policy.judgements import Judgements, Like, Together, sight_of
from webhook.registry.resolution import Resolution, Resolved
from webhook.sources import Sources
from webhook.workload.workload import ContainerImage, PullPolicy, Workload

ANY_AGE = float("-inf")
"""For `not_before`: take what the cache holds."""

_NO_NODES = NodeFacts()
_UNSEEN = PullSecrets()
"""Of a pod whose pull secrets nobody told us; `Workload.partial` says that there may be some."""

_LONGEST_KEPT = 512
"""Characters of an image's text up to which its reference is remembered."""

_AT_ONCE = 64
"""Images of one pod that are looked at side by side: a pod may have thousands, and each costs time and memory."""


class Pipeline:
    """Inspects workloads; safe to share. What it keeps is never what a verdict rests on, see `Judgements`."""

    def __init__(
        self,
        sources: Sources,
        policy: Callable[[], Policy],
        *,
        clock: Callable[[], float],
        loopback: bool = False,
        offline: bool = False,
        twice: bool = True,
        judgements: Judgements | None = None,
    ) -> None:
        """`policy` is called once per inspection, so that a reload takes effect at the next one.

        `loopback`: whether an image of a loopback registry can be judged from here. In a cluster it is each node's own.
        `offline`: no registry is asked. `twice`: what would deny is asked for again; a command, which denies nothing
        and remembers nothing from before it began, asks for each image once. `judgements`: where those of a moment ago
        are kept.
        """
        self._sources = sources
        self._policy = policy
        self._clock = clock
        self._loopback = loopback
        self._offline = offline
        self._twice = twice
        self._judgements = Judgements() if judgements is None else judgements

    async def inspect(self, workload: Workload, deadline: float, *, user: str = "") -> Verdict:
        """Judge every image of `workload` before `deadline` (absolute loop time) as `user` asked for it."""
        asked = self._clock()
        policy = self._policy()
        if workload.skip is not None or policy.exempt(workload, user) is not None:
            return policy.decide(workload, (), labels={}, user=user)
        labels = await self._sources.namespaces.labels(workload.namespace, deadline=deadline)
        judged = await self._look(policy, workload, deadline, not_before=ANY_AGE)
        verdict = policy.decide(workload, judged, labels=labels, user=user)
        if verdict.denied and self._twice:
            doomed = {each.image for each, _ in verdict.denied}
            again = replace(workload, images=tuple(image for image in workload.images if image in doomed))
            anew = iter(await self._look(policy, again, deadline, not_before=asked))
            judged = tuple(next(anew) if each.image in doomed else each for each in judged)
            verdict = policy.decide(workload, judged, labels=labels, user=user)
        return verdict

    def recall(self, workload: Workload, *, user: str = "") -> Verdict | None:
        """Judge as a first look of `inspect` would, where it would not wait and denies nothing; else return None."""
        policy = self._policy()
        if workload.skip is not None or policy.exempt(workload, user) is not None:
            return policy.decide(workload, (), labels={}, user=user)
        labels = self._sources.namespaces.lookup(workload.namespace)
        secrets = _UNSEEN if workload.partial else self._sources.pull_secrets.lookup(workload)
        if labels is None or secrets is None:
            return None
        judged = self._recall_images(policy, workload, secrets)
        if judged is None:
            return None
        verdict = policy.decide(workload, judged, labels=labels, user=user)
        if verdict.denied:
            return None
        self._sources.memory.recalled(len(judged))
        return verdict

    def _recall_images(self, policy: Policy, workload: Workload, secrets: PullSecrets) -> tuple[Judged, ...] | None:
        """Judge all images at once; all together where nothing has changed since such a pod's were.

        What the cluster's pods have taught us rules how certain a failure is, and nothing else: so pods of whose images
        none fails are judged alike without it.
        """
        look = self._make_look(policy, workload, secrets, deadline=ANY_AGE, not_before=ANY_AGE)
        like, epoch = look.like, self._sources.epoch()
        kept = like.together(workload, policy, epoch, self._clock()) if like is not None else None
        if kept is not None:
            return kept
        judged = []
        for image in workload.images:
            known = look.recall(image)
            if known is None:
                return None
            judged.append(known)
        together = tuple(judged)
        fails = any(finding.cls is FindingClass.FAIL for each in together for finding in each.findings)
        if like is not None and not fails:
            like.keep(Together(workload.images, workload.placement, policy, epoch, look.until, together))
        return together

    async def _look(
        self, policy: Policy, workload: Workload, deadline: float, *, not_before: float
    ) -> tuple[Judged, ...]:
        """Judge the images; at the second look, `not_before` being a real time, by nothing that is older."""
        secrets = _UNSEEN
        if not workload.partial:
            secrets = await self._sources.pull_secrets.pull_secrets(workload, deadline=deadline, not_before=not_before)
        look = self._make_look(policy, workload, secrets, deadline=deadline, not_before=not_before)
        known = [look.recall(image) if not_before == ANY_AGE else None for image in workload.images]
        waiting = [image for image, judged in zip(workload.images, known, strict=True) if judged is None]
        self._sources.memory.recalled(len(known) - len(waiting))
        told = iter(await look.judge(waiting))
        return tuple(judged or next(told) for judged in known)

    def _make_look(
        self, policy: Policy, workload: Workload, secrets: PullSecrets, *, deadline: float, not_before: float
    ) -> "_Look":
        sight = sight_of(workload, secrets)
        return _Look(
            sources=self._sources,
            policy=policy,
            workload=workload,
            secrets=secrets,
            keychain=keychain_of(secrets.secrets),
            like=self._judgements.like(sight) if sight is not None else None,
            unusable=bool(secrets.in_state(SecretState.MALFORMED)),
            deadline=deadline,
            not_before=not_before,
            loopback=self._loopback,
            offline=self._offline,
        )


@dataclass(slots=True, kw_only=True)
class _Look:
    """One look at the images of one pod. `until`: when the first of the answers that were recalled ends (loop time)."""

    sources: Sources
    policy: Policy
    workload: Workload
    secrets: PullSecrets
    keychain: Keychain
    like: Like | None
    unusable: bool
    deadline: float
    not_before: float
    loopback: bool
    offline: bool
    until: float = float("inf")

    def recall(self, image: ContainerImage) -> Judged | None:
        """Judge an image that can be judged at once; a task costs more than all that is looked up here."""
        try:
            reference = _parse(image.image)
        except InvalidReference:
            return None
        if self._follows(reference) or self._unasked(image, reference):
            return None
        nodes = self._nodes(image, reference)
        own = self.keychain.lookup(reference)
        recalled = self.sources.memory.recall(reference, own, content=self._content(nodes))
        if recalled is None:
            return None
        candidates, resolution, until = recalled
        self.until = min(self.until, until)
        cluster = self.sources.cluster.facts(self.workload, image, reference)
        if self.like is not None:
            return self.like.judge(self.policy, image, self.secrets, candidates, reference, resolution, nodes, cluster)
        return self.policy.judge(
            self._of(image, reference, nodes, cluster, candidates=candidates, resolution=resolution)
        )

    async def judge(self, images: Sequence[ContainerImage]) -> Sequence[Judged]:
        """Judge images side by side, in order."""
        if len(images) < 2:
            return [self.policy.judge(await self.evidence(image)) for image in images]
        found: dict[int, Judged] = {}
        turns = iter(enumerate(images))
        async with asyncio.TaskGroup() as group:
            for _ in images[:_AT_ONCE]:
                group.create_task(self._judge_in_turn(turns, found))
        return [found[place] for place in range(len(images))]

    async def _judge_in_turn(self, turns: Iterator[tuple[int, ContainerImage]], found: dict[int, Judged]) -> None:
        """Judge the next image that nobody has begun, until there is none; others' reviews go on between two."""
        for place, image in turns:
            if place >= _AT_ONCE:
                await asyncio.sleep(0)
            found[place] = self.policy.judge(await self.evidence(image))

    async def evidence(self, image: ContainerImage) -> Evidence:
        """Gather all that is known; every wait in here ends by the deadline."""
        try:
            reference = _parse(image.image)
        except InvalidReference as error:
            return Evidence(
                image=image,
                workload=self.workload,
                pull_secrets=self.secrets,
                invalid=str(error) or "invalid",
                cluster=self.sources.cluster.facts(self.workload, image, None),
            )
        nodes = self._nodes(image, reference)
        cluster = self.sources.cluster.facts(self.workload, image, reference)
        unasked = self._unasked(image, reference)
        if unasked:
            return self._of(image, reference, nodes, cluster, unasked=unasked)
        own = self.keychain.lookup(reference)
        others, provider_failed = await self._node_logins(reference, own)
        candidates = own + others
        resolution = await self._resolve(reference, candidates, content=self._content(nodes))
        return self._of(
            image,
            reference,
            nodes,
            cluster,
            candidates=candidates,
            provider_failed=provider_failed,
            resolution=resolution,
            tag_resolution=await self._tag_resolution(reference, candidates, resolution),
        )

    async def _node_logins(
        self, reference: Reference, own: tuple[Credential, ...]
    ) -> tuple[tuple[Credential, ...], str]:
        """Look up what nodes hold; no program is run for a registry that cannot be one."""
        if not reference.connectable:
            return (), ""
        return await self.sources.node_logins.lookup(reference, self.workload, own, deadline=self.deadline)

    def _unasked(self, image: ContainerImage, reference: Reference) -> str:
        """Say why no registry need be asked, or ""; the checks draw their conclusions from the same evidence."""
        if self.policy.placeholder(image.image):
            return "placeholder that a mutator replaces"
        if image.pull_policy is PullPolicy.NEVER:
            return "imagePullPolicy is Never"
        if not self.loopback and reference.loopback:
            return "a loopback registry is each node's own"
        if self.unusable:
            return "a malformed pull secret ends every pull of the pod"
        return "offline: no registry was asked" if self.offline else ""

    def _nodes(self, image: ContainerImage, reference: Reference) -> NodeFacts:
        """Tell what is known of the nodes the pod may land on: nothing where its placement is unseen."""
        if self.workload.partial:
            return _NO_NODES
        return self.sources.nodes.facts(self.workload, image, reference)

    def _content(self, nodes: NodeFacts) -> bool:
        """Tell whether the index or manifest is wanted too."""
        return self.policy.deep or bool(self.policy.platforms(self.workload, nodes))

    def _follows(self, reference: Reference) -> bool:
        """Tell whether somebody wants to know where the tag beside a digest points now."""
        return bool(reference.tag and reference.digest) and self.policy.follows_tags

    async def _resolve(self, reference: Reference, candidates: Sequence[Credential], *, content: bool) -> Resolution:
        """Ask for an image; at the second look not even a "yes" may be old, unless it is for a digest."""
        return await self.sources.resolver.resolve(
            reference,
            candidates,
            deadline=self.deadline,
            not_before=self.not_before,
            content=content,
            fresh=self.not_before != ANY_AGE and reference.digest is None,
        )

    async def _tag_resolution(
        self, reference: Reference, candidates: Sequence[Credential], resolution: Resolution
    ) -> Resolution | None:
        """Ask where the tag points now, only for those who want to know of moved tags."""
        if not (isinstance(resolution, Resolved) and self._follows(reference)):
            return None
        return await self._resolve(reference.without_digest(), candidates, content=False)

    def _of(
        self,
        image: ContainerImage,
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
            image=image,
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


def _parse(text: str) -> Reference:
    """Raise `InvalidReference` unless `text` names an image; those of usual length are remembered."""
    return _parse_once(text) if len(text) <= _LONGEST_KEPT else Reference.parse(text)


@lru_cache(maxsize=20_000)
def _parse_once(text: str) -> Reference:
    return Reference.parse(text)
