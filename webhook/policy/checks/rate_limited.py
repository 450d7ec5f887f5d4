"""The registry must still let us ask, and nodes pull.

Looks at:  429, TOOMANYREQUESTS, and a remaining quota of 0 beside an answer that was good
Passes:    any other answer
Finds:     rate-limited (error: not verified). The limit is that of the checker's address or login; nodes may have
           their own
Predicts:  unexpected status from HEAD request to URL: 429 Too Many Requests, or failed to copy: httpReadSeeker: failed
           open: unexpected status from GET request to URL: 429 Too Many Requests toomanyrequests: You have reached
           your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit; reason ErrImagePull
Fix:       wait until it resets; pull with a login or through a mirror
"""

from webhook.image.reference import Reference
from webhook.policy.cause import caused_by
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.remedy import create_secret, free_name
from webhook.policy.wording import duration, registry
from webhook.registry.resolution import Unresolved


def check_rate_limited(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report that the registry wants fewer requests, and when it resets."""
    reference = caused_by(evidence, Code.RATE_LIMITED)
    if reference is None or evidence.resolution is None:
        return None
    limited = isinstance(evidence.resolution, Unresolved)
    cause = f"registry {registry(evidence)} {'rate-limited us (429)' if limited else 'has no pulls left for us'}"
    return Finding(
        code=Code.RATE_LIMITED,
        cls=FindingClass.ERROR,
        message=f"{cause}{_reset(evidence)}",
        brief=f" not verified: {cause}",
        fix=f"wait, or pull with a login or through a mirror: {_login(evidence, reference)}",
    )


def _login(evidence: Evidence, reference: Reference) -> str:
    return create_secret(reference, evidence.workload.namespace, free_name(reference, evidence.pull_secrets))


def _reset(evidence: Evidence) -> str:
    resolution = evidence.resolution
    if isinstance(resolution, Unresolved) and resolution.retry_after is not None:
        return f"; resets in {duration(resolution.retry_after)}"
    quota = resolution.quota if resolution is not None else None
    return f"; the limit is {quota.limit} pulls in {duration(quota.window)}" if quota is not None else ""
