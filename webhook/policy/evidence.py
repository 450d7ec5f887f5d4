"""All that is known of one image when it is judged (pure)."""

from dataclasses import dataclass, field
from enum import StrEnum

from webhook.credentials.credential import Credential
from webhook.credentials.pullsecret import PullSecrets
from webhook.image.platform import Platform
from webhook.image.reference import Digest, Reference
from webhook.registry.resolution import Resolution
from webhook.workload.workload import ContainerImage, Workload

LOGINS_UNSTATED = "nodes.logins: unknown"
"""For `ClusterFacts.node_logins`: nothing speaks for a login, and nobody has said that there is none."""


class Runtime(StrEnum):
    """The container runtime of a node."""

    CONTAINERD = "containerd"
    CRI_O = "cri-o"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """The nodes that the pod may land on, as far as they are known.

    `known` is False when no node list is at hand (command line without a cluster, watch not synced): nothing is
    concluded. `awaited`: there is a cluster, and its list is still to come.
    `platforms`: distinct platforms of the eligible nodes; empty = not known, never "none".
    `holding`: how many eligible nodes list this image in their status. Presence is evidence, absence never is.
    `eligible`: how many nodes are eligible. `runtimes`: their distinct runtimes.
    `rechecks_credentials`: some eligible node may be a kubelet 1.35+ (KubeletEnsureSecretPulledImages).
    `cut`: some eligible node has more images than it lists: what it does not list it may have all the same.
    `listed`: some node of the cluster lists this image, wherever the pod may land.
    `mirrors`: eligible nodes ask, or may ask, a mirror for this registry by the way they are made: why, or "".
    `tainted`: platforms of the nodes that a template's pods could land on but for taints, where a toleration may still
    be added to the pods (by RuntimeClass, ExtendedResourceToleration, PodTolerationRestriction).
    """

    known: bool = False
    awaited: bool = False
    eligible: int = 0
    platforms: frozenset[Platform] = frozenset()
    holding: int = 0
    runtimes: frozenset[Runtime] = frozenset()
    rechecks_credentials: bool = False
    cut: bool = False
    listed: bool = False
    mirrors: str = ""
    tainted: frozenset[Platform] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutator:
    """Somebody who may change the images or pull secrets of pods that are made of a template.

    `title`: what people call it. `names`: what an operator may name it by, none where only changed pods show it.
    """

    title: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFacts:
    """What the cluster's own pods and configuration have taught us about this registry and workload.

    `node_logins`: nodes may hold a login for this registry: why (`built-in pattern *.dkr.ecr.*…`, `pod shop/api pulled
    without one`, `LOGINS_UNSTATED`), or "". Sources tell what pods have proved; the policy adds what settings state.
    `cloud_login`: the registry is one where nodes hold a login by default or by statement (credentials-unavailable).
    `mirrors`: something speaks for mirrors that we were not told of: why, or "".
    `mutators`: who touches images or pull secrets of such pods, or is not known to leave them alone.
    `contradicted`: codes that a node has contradicted for this registry.
    `ran_before`: an earlier revision of this object ran this image.
    `ran_here`: a revision of any object of the cluster did.
    """

    node_logins: str = ""
    cloud_login: bool = False
    mirrors: str = ""
    mutators: tuple[Mutator, ...] = ()
    contradicted: frozenset[str] = frozenset()
    ran_before: bool = False
    ran_here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One image, its workload, and what was found out about both.

    Exactly one of `reference` and `invalid` is set (`invalid`: the kubelet's reason for InvalidImageName).
    `resolution` is None when nobody was asked: see `unasked` (offline, policy Never, secret malformed, …).
    `candidates`: the logins that the node would try, in its order; empty = one anonymous pull.
    `registry_patterns` are not here: settings are given to checks as options.
    `provider_failed`: a credential provider could not be asked; the reason, or "".
    `tag_digest`: where the tag points now, for an image that names tag and digest; None when unknown.
    `resolved_platforms` is derived by checks from `resolution.content`.
    """

    image: ContainerImage
    workload: Workload
    reference: Reference | None = None
    invalid: str = ""
    pull_secrets: PullSecrets = field(default_factory=PullSecrets)
    candidates: tuple[Credential, ...] = ()
    provider_failed: str = ""
    resolution: Resolution | None = None
    unasked: str = ""
    nodes: NodeFacts = field(default_factory=NodeFacts)
    cluster: ClusterFacts = field(default_factory=ClusterFacts)
    tag_digest: Digest | None = None
