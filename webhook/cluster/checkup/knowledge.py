"""What was learnt from the cluster, what it means for verdicts, and levels that nobody heeds (I/O)."""

import msgspec

from webhook.cluster.api import Api
from webhook.cluster.checkup.line import Line, ok, unread, warn
from webhook.cluster.checkup.site import Site
from webhook.cluster.failure import ClusterError
from webhook.cluster.mutators import mutating_policies, mutating_webhooks
from webhook.cluster.nodes import node_mirrors
from webhook.cluster.notebook import NAME, Notebook
from webhook.cluster.watching import Metadata, pages
from webhook.policy.evidence import Mutator
from webhook.policy.statements import Statements

LEVELS = frozenset({"off", "baseline", "strict"})
MODES = ("enforce", "warn", "audit")
_SHOWN = 20


async def check_learnt(api: Api, site: Site, logins: str) -> list[Line]:
    """Look at the evidence; `logins` is what the configuration states by nodes.logins ("" where unknown)."""
    try:
        learnt = await Notebook(api, site.namespace, NAME).read()
    except ClusterError as error:
        return [unread("evidence", "ConfigMap pullproof-learnt", error)]
    if not learnt.surveyed:
        look = f"kubectl -n {site.namespace} logs deploy/{site.name}"
        message = "the cluster's pods were not looked over yet: until then, nothing judged by its template is denied"
        return [warn("evidence", message, look)]
    lines = [ok("evidence", f"{what}: {proof}") for what, proof in learnt.sentences()]
    if learnt.contradicted:
        fix = "if that was by chance, delete the entry in ConfigMap pullproof-learnt"
        lines.append(warn("evidence", "contradicted codes do not deny for these registries", fix))
    if learnt.logins and logins == "none":
        message = "nodes.logins: none is stated, but pods prove logins; those registries stay in doubt"
        lines.append(warn("evidence", message, "list them: nodes.logins: {registries: […]}"))
    if not learnt.logins and logins in {"", "unknown"}:
        message = "no running pod proves a login of the nodes; nodes.logins: none would let refused pulls deny"
        lines.append(ok("evidence", message))
    return lines[:_SHOWN]


async def check_mutators(api: Api, statements: Statements) -> list[Line]:
    """Look for those who change images or pull secrets before we see the pod, and after we have seen its template."""
    try:
        webhooks = await mutating_webhooks(api)
    except ClusterError as error:
        return [unread("mutators", "mutating webhooks, and so no template is denied", error)]
    policies = tuple(Mutator(title=title, names=(title.split()[-1],)) for title in await mutating_policies(api))
    found = statements.mutators_of(webhooks + policies)
    stated = [ok("mutators", f"{each.title}: harmless, as stated") for each in webhooks + policies if each not in found]
    if not found:
        return [*stated, ok("mutators", "none known that may change images or pull secrets")]
    return stated + [_mutator(each) for each in found]


def _mutator(mutator: Mutator) -> Line:
    message = f"{mutator.title}: pods are judged after it, templates before it, and so never denied where it is called"
    name = next(reversed(mutator.names), "")
    return warn("mutators", message, f"nodes.harmlessMutators: [{name}], if it leaves images and pull secrets alone")


async def check_node_mirrors(api: Api, statements: Statements) -> list[Line]:
    """Look for nodes whose makers give them mirrors that nobody here was told of."""
    try:
        found = await node_mirrors(api)
    except ClusterError as error:
        return [unread("mirrors", "nodes", error)]
    if not found:
        return [ok("mirrors", "no node is of a make that comes with mirrors")]
    if statements.mirrors_declared:
        return [ok("mirrors", f"{reason}: declared, as stated") for _, reason in found]
    fix = "give them in registries or nodes.hostsDir, or state nodes.mirrors: declared if there are none"
    return [
        warn("mirrors", f"{reason} (node {node}): what {'a registry' if name == '*' else name} lacks only warns", fix)
        for (name, reason), node in found.items()
    ]


class _Metadata(Metadata):
    labels: dict[str, str] | None = None


class _Namespace(msgspec.Struct):
    metadata: _Metadata


async def check_labels(api: Api) -> list[Line]:
    """Look for namespaces whose level is none."""
    wrong: list[str] = []
    try:
        async for items, _ in pages(api, "/api/v1/namespaces", _Namespace):
            for item in items:
                labels = item.metadata.labels or {}
                keys = (f"pullproof.dev/{mode}" for mode in MODES)
                wrong += [
                    f"{item.metadata.name} {key}={labels[key]!r}"
                    for key in keys
                    if key in labels and labels[key] not in LEVELS
                ]
    except ClusterError as error:
        return [unread("namespace labels", "namespaces", error)]
    if not wrong:
        return [ok("namespace labels", "every level is one")]
    return [warn("namespace labels", f"{each} is no level and is ignored", "off, baseline or strict") for each in wrong]
