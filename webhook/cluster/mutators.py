"""Who changes images or pull secrets of pods before they run, by configuration (I/O).

Mutating webhooks are judged by name, from a list of those known to rewrite images or bring pull secrets, and only where
they are called for pods. What is not on the list (Istio, which leaves both alone as it comes) is found out by the pods
themselves, which then differ from their templates. MutatingAdmissionPolicies are judged by what they write: an
expression that speaks of images or pull secrets.
"""

import re
from collections.abc import Mapping

import msgspec

from webhook.cluster.api import Api
from webhook.cluster.failure import ClusterError
from webhook.cluster.watching import Metadata, pages

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
POLICIES = tuple(
    f"/apis/admissionregistration.k8s.io/{version}/mutatingadmissionpolicies" for version in ("v1", "v1beta1")
)

WELL_KNOWN: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern)
    for name, pattern in {
        "kube-image-keeper": r"kube-image-keeper|kuik",
        "k8s-digester": r"digester-mutating-webhook",
        "k8s-image-swapper": r"image-swapper|imageswap",
        "Connaisseur": r"connaisseur",
        "Sigstore policy-controller": r"policy\.sigstore\.dev|cosigned",
        "Portieris": r"portieris|image-admission-config",
        "Zarf": r"zarf",
        "Kyverno": r"kyverno-resource-mutating",
        "Tugger": r"tugger",
        "harbor-container-webhook": r"harbor-container-webhook",
        "a pull secret injector": r"pull-?secrets?-(?:injector|webhook|patcher)|registry-creds?-",
    }.items()
}
"""Name for people -> what the names of its configuration or webhooks match."""

_TELLS = re.compile(r"\bimages?\b|imagePullSecrets", re.IGNORECASE)


class _Rule(msgspec.Struct, rename="camel"):
    resources: list[str] | None = None
    operations: list[str] | None = None


class _Webhook(msgspec.Struct):
    name: str = ""
    rules: list[_Rule] | None = None


class _Configuration(msgspec.Struct):
    metadata: Metadata
    webhooks: list[_Webhook] | None = None


class _Constraints(msgspec.Struct, rename="camel"):
    resource_rules: list[_Rule] | None = None


class _PolicySpec(msgspec.Struct, rename="camel"):
    match_constraints: _Constraints = msgspec.field(default_factory=_Constraints)
    mutations: msgspec.Raw = msgspec.Raw(b"[]")


class _Policy(msgspec.Struct):
    metadata: Metadata
    spec: _PolicySpec = msgspec.field(default_factory=_PolicySpec)


async def configured_mutators(api: Api) -> Mapping[str, str]:
    """Return who is configured to change images or pull secrets of pods, with what shows it; never raises.

    What we may not list adds nothing: pods that were changed show it too.
    """
    return {**await _webhooks(api), **await _policies(api)}


async def _webhooks(api: Api) -> Mapping[str, str]:
    found: dict[str, str] = {}
    try:
        async for items, _ in pages(api, WEBHOOKS, _Configuration):
            for item in items:
                name = _well_known(item)
                if name:
                    found[name] = f"MutatingWebhookConfiguration {item.metadata.name}"
    except ClusterError:
        pass
    return found


def _well_known(configuration: _Configuration) -> str:
    """Return who a configuration belongs to, where that is known to change images or pull secrets and gets pods."""
    for webhook in configuration.webhooks or ():
        if not any(_gets_pods(rule) for rule in webhook.rules or ()):
            continue
        for name, pattern in WELL_KNOWN.items():
            if pattern.search(configuration.metadata.name) or pattern.search(webhook.name):
                return name
    return ""


def _gets_pods(rule: _Rule) -> bool:
    resources, operations = set(rule.resources or ()), set(rule.operations or ())
    return bool(resources & {"pods", "*", "*/*", "pods/*"}) and bool(operations & {"CREATE", "*"})


async def _policies(api: Api) -> Mapping[str, str]:
    for path in POLICIES:
        found: dict[str, str] = {}
        try:
            async for items, _ in pages(api, path, _Policy):
                for item in items:
                    rules = item.spec.match_constraints.resource_rules or ()
                    if any(_gets_pods(rule) for rule in rules) and _TELLS.search(bytes(item.spec.mutations).decode()):
                        name = f"MutatingAdmissionPolicy {item.metadata.name}"
                        found[name] = f"{name} writes images or pull secrets"
        except ClusterError:
            continue  # not this version of the API, or not for us
        return found
    return {}
