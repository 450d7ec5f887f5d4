"""What answers must be a registry.

Looks at:  answers in HTML, plain HTTP on the https port, portals' pages, a wrong path
Passes:    anything that speaks the distribution API
Finds:     not-a-registry (error: not verified)
Predicts:  http: server gave HTTP response to HTTPS client; or failed to resolve image: X: not found from a web server
           that is no registry; or 403 Forbidden from a firewall's page; reason ErrImagePull
Fix:       correct host, port or path; for a registry without TLS set plainHTTP, and give nodes a hosts.toml
"""

from webhook.policy.cause import caused_by
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.remedy import try_by_hand
from webhook.policy.wording import printable, reason, registry
from webhook.registry.resolution import Unresolved


def check_not_a_registry(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report that something else answers under the registry's name."""
    reference, answer = caused_by(evidence, Code.NOT_A_REGISTRY), evidence.resolution
    if reference is None or not isinstance(answer, Unresolved):
        return None
    detail = printable(reason(answer.message, registry(evidence)), 160)
    cause = f"{registry(evidence)} answers, but not as a registry"
    return Finding(
        code=Code.NOT_A_REGISTRY,
        cls=FindingClass.ERROR,
        message=f"{cause}: {detail}" if detail else cause,
        brief=f" not verified: {cause}",
        fix=f"correct host, port or path (plainHTTP for one without TLS), then: {try_by_hand(reference)}",
    )
