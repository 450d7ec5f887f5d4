"""What lowers a predicted failure from certain to likely (pure).

The question for every code is: could a node run this pod all the same? Each row of `_DOUBTS` names something that we
cannot see and the codes that it could prove wrong; evidence for it is in the Evidence (completed by `statements`).
One doubt is enough: only a certain failure may deny.

    only the image was told         every code but invalid-reference: its pull policy may be Never, a node may have it,
                                    a login or a placement may be right that we were not shown
    a mutator of templates          every code: it may rewrite the image or bring a pull secret before the pod exists
    the image on a node, a rollback every code but invalid-reference, which the kubelet finds before it looks
    the image in this cluster, where a node's list is cut off: the same
    the ID of an image              the same: containerd looks for it on the node, and no node lists IDs
    a node proved us wrong          every code, for that registry
    logins that nodes hold          the four refusals; absence too where a login is known to be there and was not tried
    a credential provider's login   the four refusals: a node's may be another
    mirrors, other runtimes         all that a registry's answer tells
    names that pods resolve         the same: nodes have other resolvers, and other search domains
    tolerations to come             platform-mismatch, of a template
    a RuntimeClass                  platform-mismatch and not-an-image
    a manifest that HEAD shows      refusals of the GET that follows
    half a look-up                  refusals and absence: one of the hosts or logins gave no answer
    a 404 that is not a registry's  absence
    a 403 that is not a registry's  refusals
    a 401 that is not a registry's  the four refusals
    nodes that are not read yet     every code but invalid-reference, where a present image would do
"""

import re
from collections.abc import Callable
from typing import Final

from webhook.credentials.credential import Origin
from webhook.policy.answers import (
    half_answered,
    judged_by_address,
    refused_by_another,
    resolved_otherwise,
    unchallenged,
    unconfirmed,
)
from webhook.policy.cause import login_unreadable
from webhook.policy.content import lacking
from webhook.policy.evidence import LOGINS_UNSTATED, Evidence, Runtime
from webhook.policy.finding import Certainty, Code, Finding, FindingClass
from webhook.policy.wording import printable
from webhook.registry.resolution import Resolved, Unresolved
from webhook.workload.workload import PullPolicy

_LOGIN: Final = frozenset({Code.DENIED_OR_MISSING, Code.UNAUTHORIZED, Code.NO_PULL_SECRET, Code.FORBIDDEN})
_ANSWER: Final = _LOGIN | {Code.IMAGE_NOT_FOUND}
_REGISTRY: Final = _ANSWER | {Code.PLATFORM_MISMATCH, Code.NOT_AN_IMAGE, Code.BROKEN_IMAGE}
_AFTER_PARSING: Final = _REGISTRY | {Code.PULL_SECRET_MALFORMED}
_ALL: Final = _AFTER_PARSING | {Code.INVALID_REFERENCE}

_IMAGE_ID: Final = re.compile(r"sha256:[0-9a-f]{1,64}", re.ASCII)


def predicted(evidence: Evidence, code: Code, *, message: str, brief: str, fix: str, doubt: str = "") -> Finding:
    """Return a finding of class fail with its certainty; `doubt` is what the check itself is unsure of."""
    doubts = tuple(filter(None, (doubt, *doubts_of(evidence, code))))
    return Finding(
        code=code,
        cls=FindingClass.FAIL,
        message=message,
        brief=brief,
        fix=fix,
        certainty=Certainty.LIKELY if doubts else Certainty.CERTAIN,
        doubt="; ".join(doubts),
    )


def doubts_of(evidence: Evidence, code: Code) -> tuple[str, ...]:
    """Return why a node may run the pod although we predict `code`; empty when nothing unseen could change it."""
    reasons = (doubt(evidence) for codes, doubt in _DOUBTS if code in codes)
    contradicted = "a node has run an image of this registry in spite of this" if _contradicted(evidence, code) else ""
    return tuple(filter(None, (*reasons, contradicted)))


def _contradicted(evidence: Evidence, code: Code) -> bool:
    return code.value in evidence.cluster.contradicted


def _mutator(evidence: Evidence) -> str:
    """ServiceAccount admission and mutating webhooks see the pod, not its template (a pod here has passed them)."""
    if not evidence.workload.template or not evidence.cluster.mutators:
        return ""
    return f"{printable(evidence.cluster.mutators[0].title, 160)} may change the pod's images or pull secrets"


def _untold(evidence: Evidence) -> str:
    """Doubt what an ImageReview or a provider request does not tell: all of the pod but its images."""
    return "of the pod only its images were told" if evidence.workload.partial else ""


def _present(evidence: Evidence) -> str:
    """Presence is evidence, absence never is: node status lists 50 images, and late."""
    if evidence.image.pull_policy is not PullPolicy.IF_NOT_PRESENT or not evidence.nodes.holding:
        return ""
    return "a node that the pod may land on has the image already"


def _awaited(evidence: Evidence) -> str:
    if evidence.image.pull_policy is not PullPolicy.IF_NOT_PRESENT or not evidence.nodes.awaited:
        return ""
    return "the cluster's nodes are not known yet, and one may have the image already"


def _cut(evidence: Evidence) -> str:
    """Doubt a list that is cut off: it tells of no absence, and what was once in this cluster may still be there."""
    nodes = evidence.nodes
    if evidence.image.pull_policy is not PullPolicy.IF_NOT_PRESENT or not nodes.cut:
        return ""
    if not (nodes.listed or evidence.cluster.ran_here):
        return ""
    return "the image has run in this cluster, and a node that the pod may land on does not list all that it has"


def _by_id(evidence: Evidence) -> str:
    """Doubt a text that the kubelet takes for a tag, and containerd for the ID of an image that it has (or its start).

    Source: containerd internal/cri/server/images (`LocalResolve`), internal/cri/store/image (`digestSet.Lookup`).
    """
    if evidence.image.pull_policy is not PullPolicy.IF_NOT_PRESENT or not _IMAGE_ID.fullmatch(evidence.image.image):
        return ""
    return "a node may have the image of this ID, and nodes do not list IDs"


def _ran_before(evidence: Evidence) -> str:
    if evidence.image.pull_policy is not PullPolicy.IF_NOT_PRESENT or not evidence.cluster.ran_before:
        return ""
    return "an earlier revision may have run this image, so a node may have it"


def _node_logins(evidence: Evidence) -> str:
    reason = evidence.cluster.node_logins
    return f"nodes may hold a login for this registry ({printable(reason)})" if reason else ""


def _provided(evidence: Evidence) -> str:
    """Doubt what a provider brought us: it runs here with our identity, and on a node with the node's."""
    if any(candidate.origin is Origin.PROVIDER for candidate in evidence.candidates):
        return "a credential provider may give nodes another login than it gave the checker"
    return ""


def _login_untried(evidence: Evidence) -> str:
    """Doubt an absence that was told to someone else than the node: some registries say 404 for "not yours"."""
    unreadable = login_unreadable(evidence)
    if unreadable:
        return f"{printable(unreadable)}, and the registry may answer its login otherwise"
    reason = evidence.cluster.node_logins
    known = evidence.cluster.cloud_login or reason not in ("", LOGINS_UNSTATED)
    if known and all(candidate.origin in (Origin.POD, Origin.NONE) for candidate in evidence.candidates):
        return f"nodes hold a login for this registry that was not tried ({printable(reason) or 'their cloud'})"
    return ""


def _mirrors(evidence: Evidence) -> str:
    reason = evidence.cluster.mirrors
    return f"nodes may use a mirror ({printable(reason)})" if reason else ""


def _runtime(evidence: Evidence) -> str:
    others = evidence.nodes.runtimes - {Runtime.CONTAINERD}
    return "a node that the pod may land on runs another runtime than containerd" if others else ""


def _tolerations(evidence: Evidence) -> str:
    resolution = evidence.resolution
    if not evidence.nodes.tainted or not isinstance(resolution, Resolved) or resolution.content is None:
        return ""
    lands = lacking(resolution.content, evidence.nodes.tainted, strictly=True) != evidence.nodes.tainted
    return "a toleration that is added to the pods may let them land on a node that the image is for" if lands else ""


def _runtime_class(evidence: Evidence) -> str:
    """Doubt what containerd's default runtime makes of an image: a handler may have a platform of its own.

    WebAssembly shims take `wasi/wasm` and modules that are no images, and Windows' isolated ones an older build
    (containerd `runtime_platforms`; KEP 4216, RuntimeClass in the image API).
    """
    name = evidence.workload.runtime_class
    return f"the handler of RuntimeClass {printable(name)!r} may pull by other rules" if name else ""


def _found(evidence: Evidence) -> str:
    """Doubt what was said of the manifest behind a name: it is shared between images too, and kept by its digest."""
    resolution = evidence.resolution
    if not isinstance(resolution, Unresolved) or not resolution.found:
        return ""
    return "the registry says that it is there, and a node may hold already what it does not give"


def _blob_present(_: Evidence) -> str:
    """Layers are shared between images, and containerd fetches none that it has (core/remotes/handlers.go)."""
    return "a node may hold the missing content already, from another image"


_DOUBTS: Final[tuple[tuple[frozenset[Code], Callable[[Evidence], str]], ...]] = (
    (_ALL, _mutator),
    (_AFTER_PARSING, _untold),
    (_AFTER_PARSING, _present),
    (_AFTER_PARSING, _awaited),
    (_AFTER_PARSING, _ran_before),
    (_AFTER_PARSING, _cut),
    (_AFTER_PARSING, _by_id),
    (_LOGIN, _node_logins),
    (_LOGIN, _provided),
    (_REGISTRY, _mirrors),
    (_REGISTRY, _runtime),
    (_REGISTRY, resolved_otherwise),
    (frozenset({Code.PLATFORM_MISMATCH}), _tolerations),
    (frozenset({Code.PLATFORM_MISMATCH, Code.NOT_AN_IMAGE}), _runtime_class),
    (frozenset({Code.IMAGE_NOT_FOUND}), unconfirmed),
    (frozenset({Code.IMAGE_NOT_FOUND}), _login_untried),
    (_ANSWER, half_answered),
    (_ANSWER, _found),
    (_LOGIN, unchallenged),
    (frozenset({Code.FORBIDDEN, Code.DENIED_OR_MISSING}), judged_by_address),
    (frozenset({Code.FORBIDDEN, Code.DENIED_OR_MISSING}), refused_by_another),
    (frozenset({Code.BROKEN_IMAGE}), _blob_present),
)
