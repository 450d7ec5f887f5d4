"""NetworkPolicies that stand between the webhook and registries (I/O: one list; the judgement is pure).

They bind the webhook's pods only: a node's own pulls pass by all of them.
"""

from collections.abc import Mapping

import msgspec

from webhook.cluster.api import Api, decode, segment
from webhook.cluster.checkup.line import Line, fail, ok, unread, warn
from webhook.cluster.checkup.site import Site
from webhook.cluster.failure import ClusterError
from webhook.cluster.labels import LabelSelector

TOPIC = "egress"


class _Metadata(msgspec.Struct):
    name: str = ""


class _Port(msgspec.Struct, rename="camel"):
    port: int | str | None = None
    end_port: int | None = None
    protocol: str = "TCP"


class _Block(msgspec.Struct):
    cidr: str = ""


class _Peer(msgspec.Struct, rename="camel"):
    ip_block: _Block | None = None


class _Rule(msgspec.Struct):
    to: list[_Peer] | None = None
    ports: list[_Port] | None = None


class _Spec(msgspec.Struct, rename="camel"):
    pod_selector: LabelSelector = msgspec.field(default_factory=LabelSelector)
    policy_types: list[str] | None = None
    egress: list[_Rule] | None = None


class Policy(msgspec.Struct):
    """A NetworkPolicy, as far as egress goes."""

    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: _Spec = msgspec.field(default_factory=_Spec)


class _Policies(msgspec.Struct):
    items: list[Policy] | None = None


async def check_egress(api: Api, site: Site) -> list[Line]:
    """Look at the policies that select the webhook's pods."""
    try:
        path = f"/apis/networking.k8s.io/v1/namespaces/{segment(site.namespace)}/networkpolicies"
        policies = decode(await api.request("GET", path), _Policies).items or []
    except ClusterError as error:
        return [unread(TOPIC, "NetworkPolicies", error)]
    return judge_egress(policies, site.labels)


def judge_egress(policies: list[Policy], labels: Mapping[str, str]) -> list[Line]:
    """Judge what pods with these labels may reach; what several policies allow adds up."""
    binding = [each for each in policies if _binds(each, labels)]
    if not binding:
        return [ok(TOPIC, "no NetworkPolicy binds the webhook's pods")]
    names = ", ".join(each.metadata.name for each in binding)
    rules = [rule for each in binding for rule in each.spec.egress or ()]
    if not rules:
        return [fail(TOPIC, f"{names} lets nothing out: no registry can be asked", _fix(binding))]
    lines = []
    if not any(_port(rule, 53, "UDP") for rule in rules):
        lines.append(fail(TOPIC, f"{names} lets no DNS out (UDP 53)", _fix(binding)))
    if not any(_port(rule, 443, "TCP") for rule in rules):
        lines.append(fail(TOPIC, f"{names} lets no HTTPS out (TCP 443)", _fix(binding)))
    elif not any(_port(rule, 443, "TCP") and _anywhere(rule) for rule in rules):
        message = f"{names} lets HTTPS out to some addresses only; other registries are registry-unreachable"
        lines.append(warn(TOPIC, message, "allow the addresses of every registry in use"))
    return lines or [ok(TOPIC, f"{names} lets DNS and HTTPS out")]


def _binds(policy: Policy, labels: Mapping[str, str]) -> bool:
    # without policyTypes a policy is about egress only if it has egress rules (networking/v1 NetworkPolicySpec)
    types = policy.spec.policy_types or (["Egress"] if policy.spec.egress else [])
    return "Egress" in types and policy.spec.pod_selector.selects(labels)


def _port(rule: _Rule, number: int, protocol: str) -> bool:
    if not rule.ports:
        return True
    for each in rule.ports:
        if each.protocol != protocol:
            continue
        if each.port is None or isinstance(each.port, str) or each.port <= number <= (each.end_port or each.port):
            return True
    return False


def _anywhere(rule: _Rule) -> bool:
    return not rule.to or any(peer.ip_block is not None and peer.ip_block.cidr == "0.0.0.0/0" for peer in rule.to)


def _fix(binding: list[Policy]) -> str:
    return f"allow egress to UDP and TCP 53 and to registries in {binding[0].metadata.name}"
