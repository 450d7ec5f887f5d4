"""What an operator states about nodes that nobody can see from here, and what it adds to the evidence (pure).

    nodes.logins       unknown           nodes may hold a login for any registry
                       none              nodes hold none at all, not even for their cloud's registry
                       {registries: …}   nodes hold one for these and for the clouds' registries, and for no other
    nodes.podMutators  auto              what the cluster's own configuration and pods have shown
                       none | present
    nodes.harmlessMutators               webhooks of that configuration that leave images and pull secrets alone
    nodes.mirrors      auto              those that were given, and whatever in the cluster speaks for more
                       declared          those that were given, and no others
    nodes.runtime      auto              what node status says
                       containerd        all nodes run it
                       cri-o | unknown   some may run it: what differs is in doubt
    checks.platform-mismatch.platforms   nodes, or what every image must fit

Patterns are compared as the kubelet compares `matchImages` of a credential provider. A login that a running pod has
proved is never overruled by a statement.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from webhook.credentials.pattern import misfit, parse_pattern
from webhook.image.platform import Platform
from webhook.policy.evidence import LOGINS_UNSTATED, ClusterFacts, Evidence, Mutator, NodeFacts, Runtime
from webhook.registry.endpoint import Endpoints, RegistryOptions
from webhook.workload.workload import Workload

CLOUD_REGISTRIES: Final = (
    # The defaults of the clouds' credential providers (matchImages): cloud-provider-aws, -gcp and -azure.
    "*.dkr.ecr.*.amazonaws.com",
    "*.dkr.ecr.*.amazonaws.com.cn",
    "*.dkr.ecr-fips.*.amazonaws.com",
    "*.dkr.ecr.us-iso-east-1.c2s.ic.gov",
    "*.dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
    "*.dkr-ecr.*.on.aws",
    "*.dkr-ecr-fips.*.on.aws",
    "*.dkr-ecr.*.on.amazonwebservices.com.cn",
    "public.ecr.aws",
    "container.cloud.google.com",
    "gcr.io",
    "*.gcr.io",
    "*.pkg.dev",
    "*.azurecr.io",
    "*.azurecr.cn",
    "*.azurecr.de",
    "*.azurecr.us",
    "*.ocir.io",
    "ocir.*.oci.oraclecloud.com",
    "icr.io",
    "*.icr.io",
)
"""Registries that nodes have a login for by themselves: instance roles, managed identities, worker secrets."""

_PLACEHOLDERS: Final = ("auto",)
_STATED: Final = Mutator(title="a pod mutator (nodes.podMutators: present)")


class Logins(StrEnum):
    """`nodes.logins`, where it is a word."""

    UNKNOWN = "unknown"
    NONE = "none"


class Mutators(StrEnum):
    """`nodes.podMutators`."""

    AUTO = "auto"
    NONE = "none"
    PRESENT = "present"


class Mirrors(StrEnum):
    """`nodes.mirrors`."""

    AUTO = "auto"
    DECLARED = "declared"


class RuntimeStatement(StrEnum):
    """`nodes.runtime`."""

    AUTO = "auto"
    CONTAINERD = "containerd"
    CRI_O = "cri-o"
    UNKNOWN = "unknown"


_LONGEST_KEPT = 512
"""Characters of a repository's name that is remembered; whoever writes images chooses their length."""


@lru_cache(maxsize=4096)
def _first_fit(patterns: tuple[str, ...], name: str) -> str:
    parsed = parse_pattern(name)
    for text in patterns:
        pattern = parse_pattern(text)
        if parsed is not None and pattern is not None and not misfit(pattern, parsed):
            return text
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What the operator says. `logins` as a tuple: the registries that nodes hold logins for beside the clouds'.

    `harmless_mutators`: globs of the names of those who leave images and pull secrets alone.
    `mirrors_declared`: the nodes have no mirrors but those that were given. `registries`: how registries are asked, as
    far as they have mirrors, which then are all that there are.
    `mirrors`: why not all of the nodes' mirrors could be taken from what the operator gave, or "".
    """

    logins: Logins | tuple[str, ...] = Logins.UNKNOWN
    mutators: Mutators = Mutators.AUTO
    runtime: RuntimeStatement = RuntimeStatement.AUTO
    harmless_mutators: tuple[str, ...] = ()
    mirrors_declared: bool = False
    registries: tuple[RegistryOptions, ...] = ()
    mirrors: str = ""
    placeholders: tuple[str, ...] = _PLACEHOLDERS
    platforms: frozenset[Platform] = frozenset()

    def placeholder(self, image: str) -> bool:
        """Tell whether a mutator is to replace this text (Istio's `auto`); an empty text is always one."""
        return not image or (self.mutators is not Mutators.NONE and image in self.placeholders)

    def platforms_for(self, workload: Workload, nodes: NodeFacts) -> frozenset[Platform]:
        """Return the platforms that an image is needed for: as the caller demands, as stated, or as the nodes are."""
        if workload.platforms:
            return frozenset(workload.platforms)
        return self.platforms or nodes.platforms

    def complete(self, evidence: Evidence) -> Evidence:
        """Return the evidence with all that the statements add."""
        return replace(self.complete_nodes(evidence), cluster=self._cluster(evidence))

    def complete_nodes(self, evidence: Evidence) -> Evidence:
        """Return the evidence with what the statements add about platforms and runtimes, which is mostly nothing."""
        nodes = evidence.nodes
        platforms = self.platforms_for(evidence.workload, nodes)
        runtimes = self._runtimes(nodes.runtimes)
        if platforms == nodes.platforms and runtimes == nodes.runtimes:
            return evidence
        return replace(evidence, nodes=replace(nodes, platforms=platforms, runtimes=runtimes))

    def cloud_pattern(self, name: str) -> str:
        """Return the pattern by which nodes hold a login for this repository (`quay.io/org/app`), or ""."""
        if self.logins is Logins.NONE:
            return ""
        stated = self.logins if isinstance(self.logins, tuple) else ()
        fit = _first_fit if len(name) <= _LONGEST_KEPT else _first_fit.__wrapped__
        return fit(stated + CLOUD_REGISTRIES, name)

    def _cluster(self, evidence: Evidence) -> ClusterFacts:
        facts = evidence.cluster
        pattern = self.cloud_pattern(evidence.reference.name) if evidence.reference is not None else ""
        stated = f"pattern {pattern}" if pattern else ""
        unstated = LOGINS_UNSTATED if self.logins is Logins.UNKNOWN else ""
        return replace(
            facts,
            node_logins=facts.node_logins or stated or unstated,
            cloud_login=facts.cloud_login or bool(pattern),
            mirrors=self.mirrors or self._undeclared(evidence),
            mutators=self.mutators_of(facts.mutators),
        )

    def _undeclared(self, evidence: Evidence) -> str:
        """Say what speaks for mirrors that the operator has not told us of, or ""."""
        if self.mirrors_declared or (
            evidence.reference is not None and self._gives_mirrors(evidence.reference.registry)
        ):
            return ""
        return evidence.cluster.mirrors or evidence.nodes.mirrors

    def _gives_mirrors(self, registry: str) -> bool:
        options = Endpoints(options=self.registries).options_of(registry)
        return options is not None and bool(options.mirrors)

    def mutators_of(self, found: tuple[Mutator, ...]) -> tuple[Mutator, ...]:
        """Return who of those that were found is to be reckoned with."""
        match self.mutators:
            case Mutators.NONE:
                return ()
            case Mutators.PRESENT:
                return found or (_STATED,)
            case Mutators.AUTO:
                return tuple(each for each in found if not self._harmless(each)) if found else ()

    def _harmless(self, mutator: Mutator) -> bool:
        """Tell whether the operator says of this one that it leaves images and pull secrets alone."""
        return any(fnmatchcase(name, pattern) for name in mutator.names for pattern in self.harmless_mutators)

    def _runtimes(self, found: frozenset[Runtime]) -> frozenset[Runtime]:
        match self.runtime:
            case RuntimeStatement.CONTAINERD:
                return frozenset({Runtime.CONTAINERD})
            case RuntimeStatement.CRI_O:
                return frozenset({Runtime.CRI_O})
            case RuntimeStatement.UNKNOWN:
                return found | {Runtime.UNKNOWN}
            case RuntimeStatement.AUTO:
                return found
