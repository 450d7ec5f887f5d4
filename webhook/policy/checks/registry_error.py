"""The registry's answer must say something of the image.

Looks at:  5xx, answers that break the protocol, and other 4xx (400, 408, 412, 451), with their own text
Passes:    any answer that is about the image
Finds:     registry-error (error: not verified)
Predicts:  unexpected status from HEAD request to URL: 503 Service Unavailable, or 412 Precondition Failed (a Harbor
           project's policy), or 451; no realm specified for token auth challenge; unable to decode token response;
           "bogus" in header not a valid digest; reason ErrImagePull while it lasts
Fix:       look at the registry's own state and log; try again
"""

from webhook.policy.cause import caused_by
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.remedy import try_by_hand
from webhook.policy.wording import printable, registry
from webhook.registry.resolution import Unresolved


def check_registry_error(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report an answer that leaves the question open."""
    reference, answer = caused_by(evidence, Code.REGISTRY_ERROR), evidence.resolution
    if reference is None or not isinstance(answer, Unresolved):
        return None
    detail = printable(answer.message, 160)
    cause = f"registry {registry(evidence)} failed"
    return Finding(
        code=Code.REGISTRY_ERROR,
        cls=FindingClass.ERROR,
        message=f"{cause}: {detail}" if detail else cause,
        brief=f" not verified: {cause}{f' ({detail})' if detail else ''}",
        fix=f"look at the registry's state, then try again: {try_by_hand(reference)}",
    )
