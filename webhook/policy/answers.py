"""What keeps a registry's answer from being the last word (pure): who gave it, to whom, and whether all were heard.

Each function returns the reason in a few words, or "". Which codes a reason is about is told by `certainty`.
"""

import re
from http import HTTPStatus
from typing import Final

from webhook.policy.cause import REFUSALS
from webhook.policy.evidence import Evidence
from webhook.policy.wording import printable
from webhook.registry.resolution import INCONCLUSIVE, Attempt, Failure, Step, Unresolved

_BY_ADDRESS: Final = re.compile(
    r"\bip(?:v[46])?\b|\bnot allowed access\b|\bgeo|\bcountr(?:y|ies)\b"
    r"|\bfirewall|\bvpc|organization's policy|\bnetwork (?:rule|polic|restrict)",
    re.IGNORECASE,
)


def resolved_otherwise(evidence: Evidence) -> str:
    """Doubt short names and Services: a pod's resolver adds the cluster's domains, a node's its own or none."""
    reference = evidence.reference
    if reference is None or reference.loopback:
        return ""
    labels = reference.host.lower().split(".")
    if "svc" in labels[1:] or (len(labels) == 1 and ":" not in labels[0]):
        return "nodes resolve the registry's name by other rules than pods"
    return ""


def unconfirmed(evidence: Evidence) -> str:
    """Doubt an absence that no registry confirmed by its own code."""
    resolution = evidence.resolution
    own = isinstance(resolution, Unresolved) and resolution.confirmed
    return "" if own else "the 404 is not confirmed by a registry's own error text"


def refused_by_another(evidence: Evidence) -> str:
    """Firewalls and gateways say 403 too, to some addresses and user agents."""
    resolution = evidence.resolution
    if not isinstance(resolution, Unresolved) or resolution.confirmed:
        return ""
    if any(final.status == HTTPStatus.FORBIDDEN for final in _last_of_each_look(evidence)):
        return "the 403 is not confirmed by a registry's own error text"
    return ""


def unchallenged(evidence: Evidence) -> str:
    """Doubt a 401 that asks for nothing: gateways and portals say it, to a login that is right as well.

    One of them may come into the way in the middle of a conversation, where nothing else tells it from the registry.
    """
    if not all(each.challenged for each in _last_of_each_look(evidence)):
        return "the 401 asks for no login, as a registry's would"
    return ""


def half_answered(evidence: Evidence) -> str:
    """Doubt what some hosts or logins did not tell: a node tries them all."""
    finals = _last_of_each_look(evidence)
    absent = {final.endpoint for final in finals if final.failure is Failure.NOT_FOUND}
    for final in finals:
        if final.failure in INCONCLUSIVE:
            return f"{printable(final.endpoint)} gave no usable answer"
        if absent and final.failure in REFUSALS and final.endpoint not in absent:
            return f"{printable(final.endpoint)} refused to say"
    return ""


def _last_of_each_look(evidence: Evidence) -> tuple[Attempt, ...]:
    resolution = evidence.resolution
    if not isinstance(resolution, Unresolved):
        return ()
    asked = (each for each in resolution.attempts if each.step is Step.MANIFEST or each.step is Step.TOKEN)
    return tuple({(_place(each.endpoint), each.credential): each for each in asked}.values())


def _place(endpoint: str) -> str:
    """Name what one port answers: nodes that found plain http behind it go on there (containerd's HTTPFallback)."""
    place = endpoint.rpartition("://")[2]
    return place if ":" in place else endpoint


def judged_by_address(evidence: Evidence) -> str:
    """Registries with address rules (ACR, Artifactory, Harbor behind a proxy) refuse us and not the nodes."""
    resolution = evidence.resolution
    details = [each.detail for each in resolution.attempts] if isinstance(resolution, Unresolved) else []
    if any(_BY_ADDRESS.search(detail) for detail in details):
        return "the registry seems to judge by address, and nodes have others than the checker"
    return ""
