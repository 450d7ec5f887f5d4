"""The one use case: inspect a workload and say what a node would make of its images (pure but for its protocols)."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from webhook.credentials.credential import Credential
from webhook.credentials.pullsecret import PullSecrets
from webhook.image.reference import Reference
from webhook.policy.evidence import ClusterFacts, NodeFacts
from webhook.registry.resolution import Resolution
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
        self, reference: Reference, workload: Workload, *, deadline: float
    ) -> tuple[tuple[Credential, ...], str]:
        """Return the logins in the kubelet's order, and why one could not be had (or "")."""
        ...


class Nodes(Protocol):
    """The cluster's nodes, from memory."""

    def facts(self, workload: Workload, image: ContainerImage, reference: Reference) -> NodeFacts:
        """Tell what is known of the nodes this pod may land on."""
        ...


class ClusterEvidence(Protocol):
    """What was learnt from the cluster's own pods, from memory."""

    def facts(self, workload: Workload, image: ContainerImage, reference: Reference) -> ClusterFacts:
        """Tell what lowers certainty for this image."""
        ...


class Namespaces(Protocol):
    """Namespace labels."""

    async def labels(self, namespace: str, *, deadline: float) -> Mapping[str, str]:
        """Return the namespace's labels; empty when unknown or unreadable; never raises."""
        ...
