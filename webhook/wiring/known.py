"""What is known beside the registries: from a cluster, from documents, or nothing (pure)."""

from dataclasses import dataclass, field

from webhook.credentials.provider import TokenSource
from webhook.sources import ClusterEvidence, Namespaces, Nodes, PullSecretSource
from webhook.wiring.unknown import NoCluster, NoNamespaces, NoNodes


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The pull secrets that pods would have, and as much of their cluster as somebody has looked at."""

    pull_secrets: PullSecretSource
    nodes: Nodes = field(default_factory=NoNodes)
    cluster: ClusterEvidence = field(default_factory=NoCluster)
    namespaces: Namespaces = field(default_factory=NoNamespaces)
    tokens: TokenSource | None = None
