"""The image should be pinned by digest (for those who require it).

Looks at:  whether the reference has a digest; off unless a level is set
Passes:    any digest
Finds:     unpinned-digest (warn; under enforce: strict it denies)
Predicts:  nothing fails today; a tag can be pushed again, and nodes then run something else under the same name
Fix:       add the digest that the tag has now
"""

from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.wording import printable
from webhook.registry.resolution import Resolved


def check_unpinned_digest(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report a reference without a digest."""
    reference = evidence.reference
    if reference is None or reference.digest is not None:
        return None
    digest = str(evidence.resolution.digest) if isinstance(evidence.resolution, Resolved) else "sha256:DIGEST"
    return Finding(
        code=Code.UNPINNED_DIGEST,
        cls=FindingClass.WARN,
        message="no digest.",
        brief=" is not pinned by digest",
        fix=f"write image: {printable(str(reference), 300)}@{digest}",
    )
