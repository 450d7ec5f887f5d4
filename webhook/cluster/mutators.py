"""Who may change images or pull secrets of pods before they run, by configuration (I/O).

| a mutating webhook that gets pods when they are made | counts |
|---|---|
| is known to rewrite images or bring pull secrets (`wellknown`) | as a mutator |
| is known to leave both alone | not |
| is not known | as a mutator, until the operator names it in `nodes.harmlessMutators` |

Only those count that would be called for the pod at hand: by the namespace's labels, and by the labels of its template
as far as these tell. What a webhook decides for itself (matchConditions, its own settings) is not looked at. The list
is watched: who is installed now, changes the next pod.

MutatingAdmissionPolicies are judged by what they write: an expression that speaks of images or pull secrets.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from webhook.cluster.api import Api
from webhook.cluster.failure import ClusterError
from webhook.cluster.labels import LabelSelector
from webhook.cluster.watching import Metadata, Watching, pages
from webhook.cluster.wellknown import changes, harmless
from webhook.policy.evidence import Mutator
from webhook.workload.workload import Workload

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
POLICIES = tuple(
    f"/apis/admissionregistration.k8s.io/{version}/mutatingadmissionpolicies" for version in ("v1", "v1beta1")
)
UNREAD = Mutator(title="something unknown: the cluster's mutating webhooks have not been read yet")

_TELLS = re.compile(r"\bimages?\b|imagePullSecrets|serviceAccount", re.IGNORECASE)


class _Rule(msgspec.Struct, rename="camel"):
    api_groups: list[str] | None = None
    resources: list[str] | None = None
    operations: list[str] | None = None
    scope: str = "*"


class _Webhook(msgspec.Struct, rename="camel"):
    name: str = ""
    rules: list[_Rule] | None = None
    namespace_selector: LabelSelector = msgspec.field(default_factory=LabelSelector)
    object_selector: LabelSelector = msgspec.field(default_factory=LabelSelector)


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


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A webhook that gets pods and may change them, and whom it is called for."""

    mutator: Mutator
    namespaces: LabelSelector
    objects: LabelSelector

    def takes(self, workload: Workload, namespace: Mapping[str, str] | None) -> bool:
        called = namespace is None or self.namespaces.selects(namespace)
        return called and self.objects.may_select(workload.labels)


class MutatingWebhooks:
    """The webhooks that may change pods; `watching.run()` is to be run beside it. Until its first list anyone may."""

    def __init__(self, api: Api, namespace_labels: Callable[[str], Mapping[str, str] | None]) -> None:
        """`namespace_labels` returns a namespace's labels from memory, None where they are not known."""
        self.watching: Watching[_Configuration] = Watching(api, WEBHOOKS, _Configuration, self)
        self._namespace_labels = namespace_labels
        self._suspects: dict[str, tuple[_Suspect, ...]] = {}

    def taking(self, workload: Workload) -> tuple[Mutator, ...]:
        """Return who may change the pods of this template, from memory."""
        if not self.watching.synced.is_set():
            return (UNREAD,)
        if not self._suspects:
            return ()
        labels = self._namespace_labels(workload.namespace)
        every = (suspect for suspects in self._suspects.values() for suspect in suspects)
        return tuple(suspect.mutator for suspect in every if suspect.takes(workload, labels))

    def put(self, obj: _Configuration) -> None:
        """Take in a configuration that is new or has changed."""
        self._suspects.pop(obj.metadata.name, None)
        suspects = tuple(_suspects(obj))
        if suspects:
            self._suspects[obj.metadata.name] = suspects

    def delete(self, key: str) -> None:
        """Forget a configuration."""
        self._suspects.pop(key, None)

    def keep_only(self, keys: set[str]) -> None:
        """Forget all others."""
        self._suspects = {name: suspects for name, suspects in self._suspects.items() if name in keys}


async def mutating_webhooks(api: Api) -> tuple[Mutator, ...]:
    """List once who may change pods, whichever; raise `ClusterError`."""
    found: list[Mutator] = []
    async for items, _ in pages(api, WEBHOOKS, _Configuration):
        found += [suspect.mutator for item in items for suspect in _suspects(item)]
    return tuple(found)


def _suspects(configuration: _Configuration) -> Iterator[_Suspect]:
    """Yield the webhooks of a configuration that get pods and are not known to leave them alone."""
    name = configuration.metadata.name
    for webhook in configuration.webhooks or ():
        known = changes(name, webhook.name)
        if not any(_gets_pods(rule) for rule in webhook.rules or ()) or (not known and harmless(name, webhook.name)):
            continue
        proof = f"MutatingWebhookConfiguration {name}"
        title = f"{known} ({proof})" if known else f"webhook {webhook.name} ({proof})"
        mutator = Mutator(title=title, names=(name, webhook.name))
        yield _Suspect(mutator, webhook.namespace_selector, webhook.object_selector)


def _gets_pods(rule: _Rule) -> bool:
    groups, resources, operations = (set(each or ()) for each in (rule.api_groups, rule.resources, rule.operations))
    return (
        bool(groups & {"", "*"})
        and bool(resources & {"pods", "*", "*/*"})
        and bool(operations & {"CREATE", "*"})
        and rule.scope != "Cluster"
    )


async def mutating_policies(api: Api) -> Mapping[str, str]:
    """Return the MutatingAdmissionPolicies that write images or pull secrets, with what shows it; never raises.

    What we may not list adds nothing: pods that were changed show it too.
    """
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
