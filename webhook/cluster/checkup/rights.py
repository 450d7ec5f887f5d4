"""What the webhook's account may do, against what it needs (I/O: access reviews).

Asked of the API server one by one, for the account itself: as it, when doctor runs as it, or about it, which takes the
right to create SubjectAccessReviews.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from webhook.cluster.api import Api, decode
from webhook.cluster.checkup.line import Line, fail, ok, unread, warn
from webhook.cluster.checkup.site import Site
from webhook.cluster.failure import ClusterError
from webhook.cluster.workloads import RESOURCES

_REVIEWS = "/apis/authorization.k8s.io/v1"
TOPIC = "rights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One right, what is lost without it, and whether the webhook can do its work at all."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""
    loss: str
    vital: bool = False

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {what}{f' {self.name}' if self.name else ''}{where}"


def needs(site: Site) -> list[Need]:
    """Return what this installation needs, given how it is set up."""
    own, names = site.namespace, site.registration
    found = [
        Need(verb="get", resource="serviceaccounts", loss="pull secrets of ServiceAccounts are not known"),
        *(
            Need(verb=verb, resource="namespaces", loss="namespace labels are read late or not at all")
            for verb in ("get", "list", "watch")
        ),
        *(
            Need(verb=verb, resource="nodes", loss="platforms and images of nodes are not known")
            for verb in ("list", "watch")
        ),
        *(
            Need(verb=verb, resource=resource, group="apps", loss="mutators and rollbacks are not seen")
            for resource in ("replicasets", "controllerrevisions")
            for verb in ("list", "watch")
        ),
        *(Need(verb=verb, resource="pods", loss="nothing is learnt from running pods") for verb in ("get", "list")),
        Need(verb="list", resource="events", loss="contradicted verdicts are seen less often"),
        *(
            Need(
                verb=verb,
                resource="mutatingwebhookconfigurations",
                group="admissionregistration.k8s.io",
                loss="mutators are not known, and so nothing is denied by its template",
            )
            for verb in ("list", "watch")
        ),
        *(
            Need(
                verb=verb,
                resource="validatingwebhookconfigurations",
                group="admissionregistration.k8s.io",
                name=names.name,
                loss="the webhook cannot register itself",
                vital=True,
            )
            for verb in ("get", "patch")
        ),
        *(
            Need(
                verb=verb,
                resource="leases",
                group="coordination.k8s.io",
                namespace=own,
                name=names.lease,
                loss="no replica can be the one that writes",
                vital=True,
            )
            for verb in ("get", "patch")
        ),
        *(
            Need(
                verb=verb,
                resource="configmaps",
                namespace=own,
                name="pullproof-learnt",
                loss="what is learnt is not shared and does not outlive a restart",
            )
            for verb in ("get", "patch")
        ),
    ]
    if names.configuration:
        loss = "an edit of the configuration takes effect when the kubelet refreshes its file, after a minute or more"
        found += [
            Need(verb=verb, resource="configmaps", namespace=own, name=names.configuration, loss=loss)
            for verb in ("get", "list", "watch")
        ]
        loss = "no Event says what became of an edit of the configuration"
        found.append(Need(verb="create", resource="events", group="events.k8s.io", namespace=own, loss=loss))
    if names.certificates == "selfManaged":
        loss = "certificates cannot be kept"
        found += [
            Need(verb=verb, resource="secrets", namespace=own, name=names.secret, loss=loss, vital=True)
            for verb in ("get", "patch")
        ]
    return found + _secrets(site) + _switched_on(site)


def _switched_on(site: Site) -> list[Need]:
    """Return what is needed for what is off by default; who edits the ConfigMap by hand grants nothing by it."""
    switches, found = site.switches, []
    if switches.server.events:
        loss = "no Event tells of what is denied or warned about (helm: events.enabled)"
        found.append(Need(verb="create", resource="events", group="events.k8s.io", loss=loss))
    if switches.scan.enabled:
        loss = "not all that runs is checked (helm: config.scan.enabled)"
        found += [Need(verb="list", resource=plural, group=group, loss=loss) for group, plural in _SCANNED]
    if switches.scan.enabled and switches.scan.policy_reports:
        loss = "no PolicyReports are written (helm: config.scan.policyReports)"
        found += [
            Need(verb=verb, resource="policyreports", group="wgpolicyk8s.io", loss=loss)
            for verb in ("list", "create", "update", "delete")
        ]
    if site.registration.provider:
        loss = "Gatekeeper is not told whom to trust (helm: externalData.enabled)"
        provider, group = site.registration.provider, "externaldata.gatekeeper.sh"
        found += [
            Need(verb=verb, resource="providers", group=group, name=provider, loss=loss) for verb in ("get", "patch")
        ]
    return found


_SCANNED = tuple((each.group, each.plural) for each in RESOURCES if each.plural not in ("pods", "replicasets"))
"""What is listed for the re-check alone."""


def _secrets(site: Site) -> list[Need]:
    loss = "images that need a pull secret end in credentials-unavailable"
    mode = (*site.option("secret-access"), "cluster")[0]
    if mode == "cluster":
        return [Need(verb="get", resource="secrets", loss=loss)]
    if mode == "namespaces":
        places = site.option("secret-namespace")
        return [Need(verb="get", resource="secrets", namespace=place, loss=loss) for place in places]
    return []


class _Status(msgspec.Struct):
    allowed: bool = False


class _Review(msgspec.Struct):
    status: _Status = msgspec.field(default_factory=_Status)


async def check_rights(api: Api, site: Site, *, own: bool) -> list[Line]:
    """Ask for each need; `own`: doctor runs as the webhook's account."""
    if not own and not site.account:
        return [warn(TOPIC, "the webhook's account is not known", "run doctor as somebody who may read the Deployment")]
    wanted = needs(site)
    try:
        answers = await asyncio.gather(*(_allowed(api, site, need, own=own) for need in wanted))
    except ClusterError as error:
        return [unread(TOPIC, "access reviews", error)]
    missing = [need for need, allowed in zip(wanted, answers, strict=True) if not allowed]
    return [*_lines(missing), *_mode(site)] if missing else [_all(site, len(wanted)), *_mode(site)]


async def _allowed(api: Api, site: Site, need: Need, *, own: bool) -> bool:
    attributes: dict[str, str] = {
        "verb": need.verb,
        "group": need.group,
        "resource": need.resource,
        "namespace": need.namespace,
        "name": need.name,
    }
    spec: dict[str, object] = {"resourceAttributes": attributes}
    if own:
        kind = "selfsubjectaccessreviews"
    else:
        kind = "subjectaccessreviews"
        account = f"system:serviceaccount:{site.namespace}:{site.account}"
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{site.namespace}", "system:authenticated"]
        spec |= {"user": account, "groups": groups}
    body: Mapping[str, object] = {"spec": spec}
    return decode(await api.request("POST", f"{_REVIEWS}/{kind}", body=body), _Review).status.allowed


def _all(site: Site, count: int) -> Line:
    return ok(TOPIC, f"{site.account or 'its account'} has all {count} it needs")


def _lines(missing: Iterable[Need]) -> list[Line]:
    """Say one line for each loss."""
    losses: dict[tuple[str, bool], list[str]] = {}
    for need in missing:
        losses.setdefault((need.loss, need.vital), []).append(str(need))
    fix = "helm upgrade with rbac.create=true, or grant it"
    return [
        (fail if vital else warn)(TOPIC, f"may not {', '.join(rights)}: {loss}", fix)
        for (loss, vital), rights in losses.items()
    ]


def _mode(site: Site) -> list[Line]:
    mode = (*site.option("secret-access"), "cluster")[0]
    if mode == "cluster":
        return []
    places = ", ".join(site.option("secret-namespace"))
    where = f"only in {places}" if mode == "namespaces" else "nowhere"
    message = f"pull secrets are read {where}: elsewhere, images that need one are not verified"
    return [warn("pull secrets", message, "rbac.secretAccess=cluster, or logins by credentials.providers")]
