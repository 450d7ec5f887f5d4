"""Whether the webhook is registered, and as it should be (I/O)."""

import base64

import msgspec

from webhook.cluster.api import Api, decode, segment
from webhook.cluster.certificates import CONFIGURATIONS
from webhook.cluster.checkup.line import Line, fail, ok, unread, warn
from webhook.cluster.checkup.site import Site
from webhook.cluster.failure import ClusterError, NotFound

TOPIC = "registration"
_OLDEST = (1, 30)


class _Requirement(msgspec.Struct):
    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class _Selector(msgspec.Struct, rename="camel"):
    match_expressions: list[_Requirement] | None = None


class _Service(msgspec.Struct):
    namespace: str = ""
    name: str = ""


class _Client(msgspec.Struct, rename={"ca_bundle": "caBundle"}):
    service: _Service | None = None
    ca_bundle: str = ""


class _Webhook(msgspec.Struct, rename="camel"):
    name: str = ""
    client_config: _Client = msgspec.field(default_factory=_Client)
    failure_policy: str = "Fail"
    timeout_seconds: int = 10
    namespace_selector: _Selector = msgspec.field(default_factory=_Selector)

    def spares(self, namespace: str) -> bool:
        """Tell whether objects of a namespace are never sent."""
        return any(
            each.key == "kubernetes.io/metadata.name" and each.operator == "NotIn" and namespace in (each.values or ())
            for each in self.namespace_selector.match_expressions or ()
        )


class _Configuration(msgspec.Struct):
    webhooks: list[_Webhook] | None = None


class _Version(msgspec.Struct, rename="camel"):
    git_version: str = ""
    major: str = ""
    minor: str = ""


async def check_version(api: Api) -> Line:
    """Look at the API server's version."""
    try:
        found = decode(await api.request("GET", "/version"), _Version)
        version = int(found.major), int(found.minor.rstrip("+"))
    except ClusterError as error:
        return unread("api server", "its version", error)
    except ValueError:
        return warn("api server", "its version makes no sense")
    if version < _OLDEST:
        return fail(
            "api server",
            f"{found.git_version} is older than 1.30: CEL conditions and policies are missing",
            "upgrade the cluster, or call the webhook without matchConditions",
        )
    return ok("api server", found.git_version)


async def check_registration(api: Api, site: Site) -> tuple[list[Line], bytes]:
    """Look at the ValidatingWebhookConfiguration; return also the authorities that it trusts (PEM)."""
    name = site.registration.name
    try:
        found = decode(await api.request("GET", f"{CONFIGURATIONS}/{segment(name)}"), _Configuration)
    except NotFound:
        fix = "helm upgrade --install it again (or kubectl apply -f charts/pullproof.yaml): the chart makes this object"
        return [fail(TOPIC, f"ValidatingWebhookConfiguration {name} is not there", fix)], b""
    except ClusterError as error:
        return [unread(TOPIC, f"ValidatingWebhookConfiguration {name}", error)], b""
    webhooks = found.webhooks or []
    if not webhooks:
        fix = f"kubectl -n {site.namespace} logs deploy/{site.name}: the webhook fills this in once it can answer"
        return [fail(TOPIC, f"ValidatingWebhookConfiguration {name} is empty: nobody is judged", fix)], b""
    bundles = {webhook.client_config.ca_bundle for webhook in webhooks}
    lines = [
        ok(TOPIC, f"{len(webhooks)} webhooks in {name}"),
        *_service(site, webhooks),
        _policy(site, webhooks),
        _timeout(webhooks),
    ]
    if len(bundles) > 1:
        lines.append(fail(TOPIC, "its webhooks trust different authorities", f"{_restart(site)} to register anew"))
    return lines, base64.b64decode(bundles.pop())


def _service(site: Site, webhooks: list[_Webhook]) -> list[Line]:
    wanted = _Service(namespace=site.namespace, name=site.registration.service)
    wrong = [webhook.name for webhook in webhooks if webhook.client_config.service != wanted]
    if not wrong:
        return []
    message = f"{', '.join(wrong)} call something else than Service {site.namespace}/{site.registration.service}"
    return [fail(TOPIC, message, f"{_restart(site)} to register anew")]


def _policy(site: Site, webhooks: list[_Webhook]) -> Line:
    if all(webhook.failure_policy == "Ignore" for webhook in webhooks):
        return ok("failure policy", "Ignore: while no replica answers, nothing is judged and nothing is held up")
    risky = [webhook.name for webhook in webhooks if not webhook.spares("kube-system")]
    if risky:
        fix = "add kube-system to webhook.excludeNamespaces"
        return fail("failure policy", f"Fail, and {', '.join(risky)} take kube-system too: an outage can stop it", fix)
    if not all(webhook.spares(site.namespace) for webhook in webhooks):
        fix = f"add {site.namespace} to webhook.excludeNamespaces: its own pods could not come back"
        return fail("failure policy", "Fail, and its own namespace is not spared", fix)
    message = "Fail: while no replica answers, workloads outside the excluded namespaces cannot be changed"
    return warn("failure policy", message, "keep two replicas on two nodes, or use webhook.failurePolicy=Ignore")


def _timeout(webhooks: list[_Webhook]) -> Line:
    longest = max(webhook.timeout_seconds for webhook in webhooks)
    if longest > 10:
        return warn("timeout", f"{longest} s: a hanging webhook holds every change up for so long", "use 5 s")
    return ok("timeout", f"{longest} s")


def _restart(site: Site) -> str:
    return f"kubectl -n {site.namespace} rollout restart deploy/{site.name}"
