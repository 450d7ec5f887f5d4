"""The registry's name should be one that nodes can resolve.

Looks at:  the registry's host name
Passes:    names outside the cluster's own zone
Finds:     cluster-dns-name (warn): the name is a Service of the cluster. Pods resolve it, and so does the checker; the
           container runtime asks the node's resolver, which as a rule does not know it
Predicts:  failed to do request: Head "https://registry.svc/v2/…": dial tcp: lookup registry.svc on IP:53: no such host
Fix:       publish the registry under a name that the nodes' resolvers know, or give containerd a hosts.toml for it
"""

from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.wording import printable


class ClusterDnsNameOptions(CheckOptions, frozen=True, kw_only=True):
    """`domains`: the zones whose names only pods resolve."""

    domains: tuple[str, ...] = ("svc", "svc.cluster.local")


def check_cluster_dns_name(evidence: Evidence, options: ClusterDnsNameOptions) -> Finding | None:
    """Report a registry that is named as a Service."""
    if evidence.reference is None:
        return None
    host = evidence.reference.host.lower().rstrip(".")
    if not any(host.endswith(f".{domain.strip('.').lower()}") for domain in options.domains):
        return None
    return Finding(
        code=Code.CLUSTER_DNS_NAME,
        cls=FindingClass.WARN,
        message=f"{printable(host)} is a name of the cluster's own zone: pods resolve it, nodes as a rule do not.",
        brief=": the registry's name is a cluster Service, which nodes do not resolve",
        fix="publish the registry under a name that the nodes resolve, or give containerd a hosts.toml for it",
    )
