"""What is known where there is no cluster: nothing (pure)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from webhook.credentials.credential import Credential
from webhook.image.reference import Reference
from webhook.policy.evidence import ClusterFacts, NodeFacts
from webhook.registry.resolution import Failure, Resolution, Unresolved
from webhook.workload.workload import ContainerImage, Workload

_NO_NODES = NodeFacts()
_NO_EVIDENCE = ClusterFacts()
_NO_LABELS: Mapping[str, str] = MappingProxyType({})


class NoNodes:
    """Knows no node."""

    def facts(self, workload: Workload, image: ContainerImage, reference: Reference) -> NodeFacts:
        """Conclude nothing."""
        del workload, image, reference
        return _NO_NODES

    def epoch(self) -> object:
        """Return the same for ever."""
        return None


class NoCluster:
    """Has learnt nothing of a cluster."""

    def facts(self, workload: Workload, image: ContainerImage, reference: Reference | None) -> ClusterFacts:
        """Conclude nothing."""
        del workload, image, reference
        return _NO_EVIDENCE


class NoNamespaces:
    """Knows no namespace labels."""

    async def labels(self, namespace: str, *, deadline: float) -> Mapping[str, str]:
        """Return none."""
        del namespace, deadline
        return _NO_LABELS

    def lookup(self, namespace: str) -> Mapping[str, str]:
        """Return none."""
        del namespace
        return _NO_LABELS


class NoLogins:
    """Holds no login beside the pod's own."""

    async def lookup(
        self, reference: Reference, workload: Workload, own: tuple[Credential, ...], *, deadline: float
    ) -> tuple[tuple[Credential, ...], str]:
        """Return none."""
        del reference, workload, own, deadline
        return (), ""


class NoRegistries:
    """A resolver that asks nobody, for `--offline`."""

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
        """Say that there was no time: nobody calls this who knows that we are offline."""
        del credentials, deadline, not_before, content, fresh
        return Unresolved(reference=reference, failure=Failure.OUT_OF_TIME, message="offline: no registry was asked")
