"""The pull secrets of a pod should have an entry for the registry of its image.

Looks at:  the hosts that the pull secrets hold, where the registry refused the image and no entry fits it; and, for
           Docker Hub, the names that never fit
Passes:    an entry fits; the image was pulled without a login
Finds:     pull-secret-no-match (warn, next to the failure). The kubelet compares host, port and path prefix, label by
           label: docker.io and index.docker.io fit Docker Hub's images, registry-1.docker.io and hub.docker.com do
           not; a port must be the same, and *.example.com does not fit a.b.example.com
Predicts:  the pull is made without a login: see no-pull-secret and denied-or-missing
Fix:       make the secret anew with the server as the image names it, where a slip is all that is wrong with its one
           entry; otherwise make another beside it: other images need what it holds
"""

from typing import Final

from webhook.credentials.pattern import misfit, parse_pattern
from webhook.credentials.pullsecret import Entry
from webhook.image.reference import Reference
from webhook.policy.cause import cause
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.remedy import another_secret, mend_secret
from webhook.policy.wording import hosts_held, listed, own_logins, printable
from webhook.workload.workload import PullPolicy

_HUB: Final = "docker.io"
_NEVER_FIT_HUB: Final = frozenset({"registry-1.docker.io", "hub.docker.com", "registry.hub.docker.com", "docker.com"})
_REFUSED: Final = frozenset({Code.NO_PULL_SECRET, Code.DENIED_OR_MISSING})


def check_pull_secret_no_match(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report that the pod brings secrets and none has an entry for this registry."""
    reference, hosts = evidence.reference, hosts_held(evidence)
    if reference is None or evidence.image.pull_policy is PullPolicy.NEVER or not hosts or own_logins(evidence):
        return None
    misnamed = _misnamed_hub(reference, hosts)
    if not misnamed and cause(evidence) not in _REFUSED:
        return None
    registry = printable(reference.registry)
    hint = f"; {misnamed} never fits, write https://index.docker.io/v1/" if misnamed else _near(reference, evidence)
    return Finding(
        code=Code.PULL_SECRET_NO_MATCH,
        cls=FindingClass.WARN,
        message=f"no pull secret has an entry for {registry}; they hold {listed(hosts)}{hint}.",
        brief=f": no pull secret is for {registry}, they hold {listed(hosts)}",
        fix=_fix(reference, evidence, misnamed),
    )


def _fix(reference: Reference, evidence: Evidence, misnamed: str) -> str:
    namespace, secrets = evidence.workload.namespace, evidence.pull_secrets
    slips = (
        secret.name for secret in secrets.secrets if any(_slip(reference, each, misnamed) for each in secret.entries)
    )
    name = next(slips, "")
    return mend_secret(reference, namespace, secrets, name) if name else another_secret(reference, namespace, secrets)


def _slip(reference: Reference, entry: Entry, misnamed: str) -> bool:
    """Tell whether an entry is meant for this registry: a name that never fits, another port, another path."""
    name, pattern = parse_pattern(reference.name), parse_pattern(entry.key)
    if misnamed and entry.host == misnamed:
        return True
    return name is not None and pattern is not None and pattern.labels == name.labels


def _misnamed_hub(reference: Reference, hosts: tuple[str, ...]) -> str:
    """Return a host by which people mean Docker Hub and which no image name matches."""
    if reference.registry != _HUB:
        return ""
    bare = ((host, host.split("://")[-1].partition("/")[0].lower()) for host in hosts)
    return next((host for host, name in bare if name in _NEVER_FIT_HUB), "")


def _near(reference: Reference, evidence: Evidence) -> str:
    """Say why an entry for this very host does not fit: its port or its path."""
    name = parse_pattern(reference.name)
    for entry in (entry for secret in evidence.pull_secrets.secrets for entry in secret.entries):
        pattern = parse_pattern(entry.key)
        if name is not None and pattern is not None and pattern.labels == name.labels:
            return f"; of {printable(entry.host)} {misfit(pattern, name)}"
    return ""
