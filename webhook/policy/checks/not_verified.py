"""There must be time and leave to ask.

Looks at:  look-ups that ran out of time, and addresses that the checker refuses to connect to (loopback, link-local,
           metadata services, and what network.deny names)
Passes:    an answer, whatever it is
Finds:     not-verified (error)
Predicts:  nothing: nobody was asked
Fix:       raise the webhook's timeoutSeconds or network.timeout; allow the address with network.allow
"""

from webhook.policy.cause import caused_by
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.wording import printable, registry
from webhook.registry.resolution import Failure, Unresolved


def check_not_verified(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report a question that was not asked to its end."""
    answer = evidence.resolution
    if caused_by(evidence, Code.NOT_VERIFIED) is None or not isinstance(answer, Unresolved):
        return None
    refused = answer.failure is Failure.ADDRESS_REFUSED
    detail = printable(answer.message, 160)
    late = f"no answer from {registry(evidence)} in time"
    cause = "the checker does not connect to this address" if refused else late
    return Finding(
        code=Code.NOT_VERIFIED,
        cls=FindingClass.ERROR,
        message=f"{cause}: {detail}" if detail else cause,
        brief=f" not verified: {cause}",
        fix="allow the address with network.allow" if refused else "try again, or raise the webhook's timeoutSeconds",
    )
