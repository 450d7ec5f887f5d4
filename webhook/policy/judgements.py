"""Judgements of a moment ago (pure).

A judgement is a function of policy and evidence, and most pods are like the one before: where both are the same it need
not be made again. The laws that keep this right:

- evidence is gathered anew, and whatever a check may look at is then compared, by value;
- only where all sources say that nothing they tell has changed (`epoch`), and no answer has ended, the judgements of a
  whole pod are given again for the next one with the same images and placement, in one piece;
- of the workload that is its `Sight`, and a check is shown no more of it, so that none can come to depend on the rest
  (a pod's name, its labels, its other images);
- only images that a registry has shown are remembered: nothing that denies for a refusal is ever kept here;
- logins are compared by their ids, which reveal nothing, and no secret is kept.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from webhook.credentials.credential import Credential, Origin
from webhook.credentials.pullsecret import Mark, PullSecrets, SecretState
from webhook.image.platform import Platform
from webhook.image.reference import Reference
from webhook.policy.decision import Policy
from webhook.policy.evidence import ClusterFacts, Evidence, NodeFacts
from webhook.policy.verdict import Judged
from webhook.registry.resolution import Resolved
from webhook.workload.workload import ContainerImage, Placement, Workload

_MOST_ENTRIES = 8
"""Entries of a pod's secrets; the ids of more cost more than a judgement."""

_MOST_IMAGES = 64
_LONGEST = 8192
"""Images of a pod whose judgements are kept in one piece, and characters of what they are kept by.

A larger pod brings a list of its own each time, so they would never be given again, and there is room for 20,000.
"""

_Login = tuple[str, str, Origin]


class Sight(NamedTuple):
    """What a check may see of a pod, beside the image; of its pull secrets, what tells them from others."""

    kind: str
    namespace: str
    service_account: str
    template: bool
    platforms: tuple[Platform, ...]
    partial: bool
    runtime_class: str
    account: tuple[str | None, bool, str]
    secrets: tuple[tuple[str, SecretState, str, tuple[Mark, ...]], ...]


def sight_of(workload: Workload, secrets: PullSecrets) -> Sight | None:
    """Return what checks may see of a pod, None where that is too much to compare."""
    if sum([len(secret.entries) for secret in secrets.secrets]) > _MOST_ENTRIES:
        return None
    names = workload.kind, workload.namespace, workload.service_account, workload.runtime_class
    if sum(map(len, names)) + sum([len(secret.name) + len(secret.reason) for secret in secrets.secrets]) > _LONGEST:
        return None
    return Sight(
        workload.kind,
        workload.namespace,
        workload.service_account,
        workload.template,
        workload.platforms,
        workload.partial,
        workload.runtime_class,
        (secrets.account, secrets.account_missing, secrets.account_unreadable),
        tuple([(secret.name, secret.state, secret.reason, secret.marks) for secret in secrets.secrets]),
    )


def _login(credential: Credential) -> _Login:
    return credential.id, credential.source, credential.origin


_Rest = tuple[Policy, Resolved, NodeFacts, ClusterFacts, tuple[_Login, ...]]


class Together(NamedTuple):
    """The judgements of all images of a pod, and what they rest on; `until`: when the first answer ends (loop time)."""

    images: tuple[ContainerImage, ...]
    placement: Placement
    policy: Policy
    epoch: object
    until: float
    judged: tuple[Judged, ...]

    def holds(self, workload: Workload, policy: Policy, epoch: object, now: float) -> bool:
        """Tell whether they are those of this pod too."""
        return (
            self.images is workload.images
            and self.placement is workload.placement
            and self.policy is policy
            and now < self.until
            and self.epoch == epoch
        )


class Like:
    """The judgements of pods that look alike: those with one `Sight`. Make them by `Judgements.like`."""

    def __init__(self, sight: Sight, made: Callable[[], None]) -> None:
        """`made` is called for each that is added."""
        self._shown = _shown(sight)
        self._made = made
        self._kept: dict[ContainerImage, tuple[_Rest, Judged]] = {}
        self._together: dict[int, Together] = {}

    def together(self, workload: Workload, policy: Policy, epoch: object, now: float) -> tuple[Judged, ...] | None:
        """Return the judgements of all images of such a pod, if nothing has changed since they were made."""
        kept = self._together.get(id(workload.images))
        return kept.judged if kept is not None and kept.holds(workload, policy, epoch, now) else None

    def keep(self, together: Together) -> None:
        """Keep the judgements of all images of such a pod, where its list may come again."""
        images = together.images
        if len(images) > _MOST_IMAGES or sum([len(image.name) + len(image.image) for image in images]) > _LONGEST:
            return
        if id(images) not in self._together:
            for _ in images:
                self._made()
        self._together[id(images)] = together

    def judge(
        self,
        policy: Policy,
        image: ContainerImage,
        secrets: PullSecrets,
        candidates: Sequence[Credential],
        reference: Reference,
        resolution: Resolved,
        nodes: NodeFacts,
        cluster: ClusterFacts,
    ) -> Judged:
        """Judge an image of such a pod, which has these `secrets`; `reference` is what the image's text says."""
        rest = (policy, resolution, nodes, cluster, tuple([_login(candidate) for candidate in candidates]))
        kept = self._kept.get(image)
        if kept is not None and kept[0] == rest:
            return kept[1]
        judged = policy.judge(
            Evidence(
                image=image,
                workload=self._shown,
                reference=reference,
                pull_secrets=secrets,
                candidates=tuple(candidates),
                resolution=resolution,
                nodes=nodes,
                cluster=cluster,
            )
        )
        if len(image.name) + len(image.image) > _LONGEST:
            return judged
        if kept is None:
            self._made()
        self._kept[image] = (rest, judged)
        return judged


class Judgements:
    """A bounded number of them, as many as a cache of answers has; when there are too many it begins anew."""

    def __init__(self, most: Callable[[], int] = lambda: 20_000) -> None:
        """`most` is asked each time, for a reload may change it; every judgement keeps its answer in memory."""
        self._most = most
        self._kept: dict[Sight, Like] = {}
        self._size = 0

    def __len__(self) -> int:
        """Count judgements, and the sights that they are filed by."""
        return self._size

    def like(self, sight: Sight) -> Like:
        """Return the judgements of pods of which checks may see the same."""
        like = self._kept.get(sight)
        if like is None:
            self._made()
            like = self._kept[sight] = Like(sight, self._made)
        return like

    def _made(self) -> None:
        if self._size >= self._most():
            self._kept.clear()
            self._size = 0
        self._size += 1


def _shown(sight: Sight) -> Workload:
    return Workload(
        kind=sight.kind,
        namespace=sight.namespace,
        name="",
        service_account=sight.service_account,
        template=sight.template,
        platforms=sight.platforms,
        partial=sight.partial,
        runtime_class=sight.runtime_class,
    )
