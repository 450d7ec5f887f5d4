"""What the pipeline asks: registries, secrets, nodes, namespaces (protocols; pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from webhook.credentials.credential import Credential
from webhook.credentials.pullsecret import PullSecrets
from webhook.image.reference import Reference
from webhook.policy.evidence import ClusterFacts, NodeFacts
from webhook.registry.resolution import Resolution, Resolved
from webhook.workload.workload import ContainerImage, Workload


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
        fresh: bool = False,
    ) -> Resolution:
        """Resolve `reference` as a node with these candidates would (none = one anonymous pull), inside `deadline`.

        `deadline` and `not_before` are absolute loop times. A negative or inconclusive answer is only returned from the
        cache if its look-up began at or after `not_before`; pass minus infinity to take what is there. `fresh`: the
        same goes for a positive one. `content`: also fetch the index or manifest (and a single manifest's config), for
        platform questions.
        """
        ...


class Memory(Protocol):
    """The way past all waiting, for images that a registry was asked about a moment ago."""

    def recall(
        self, reference: Reference, own: tuple[Credential, ...], *, content: bool
    ) -> tuple[tuple[Credential, ...], Resolved, float] | None:
        """Return the candidates (the pod's `own` first), the cached answer that one works, and when that ends.

        None wherever anything else would have to be told, or waited for.
        """
        ...

    def epoch(self) -> object:
        """Return a value that is another once `recall` may tell anything else, but for what ends in its own time."""
        ...

    def recalled(self, answers: int) -> None:
        """Note that so many answers that were recalled are made use of."""
        ...


class Forgetful:
    """Remembers nothing: everything is asked."""

    def recall(
        self, reference: Reference, own: tuple[Credential, ...], *, content: bool
    ) -> tuple[tuple[Credential, ...], Resolved, float] | None:
        """Return None."""
        del reference, own, content
        return None

    def epoch(self) -> object:
        """Return the same for ever."""
        return None

    def recalled(self, answers: int) -> None:
        """Note nothing."""
        del answers


class PullSecretSource(Protocol):
    """Reads the pull secrets that a pod would have."""

    async def pull_secrets(self, workload: Workload, *, deadline: float, not_before: float) -> PullSecrets:
        """Read the workload's pull secrets (or, for a template without any, its ServiceAccount's); never raises.

        Nothing read before `not_before` (absolute loop time) is returned.
        """
        ...

    def lookup(self, workload: Workload) -> PullSecrets | None:
        """Return what `pull_secrets` would for a first look, where it would not wait; else None."""
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
        """Tell what is known of the nodes this pod may land on: a function of its placement and kind of object."""
        ...

    def epoch(self) -> object:
        """Return a value that is another once `facts` may tell anything else."""
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

    def lookup(self, namespace: str) -> Mapping[str, str] | None:
        """Return what `labels` would, where it would not wait; else None."""
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
    memory: Memory = field(default_factory=Forgetful)

    def epoch(self) -> object:
        """Return a value that is another once registries or nodes may tell anything else from memory."""
        return self.memory.epoch(), self.nodes.epoch()
