"""A tag beside a digest should still point there.

Looks at:  where the tag points now, for images that name a tag and a digest; off unless a level is set (it costs a
           request)
Passes:    the same digest; the tag is gone or was not asked for
Finds:     tag-moved (warn; under enforce: strict it denies). Nodes pull the digest and never look at the tag, so what
           the tag says to a reader is no longer true
Predicts:  nothing fails; the digest is what runs
Fix:       take the tag's new digest, or the tag that belongs to the digest
"""

from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.wording import printable


def check_tag_moved(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report a tag that no longer points to the digest beside it."""
    reference, now = evidence.reference, evidence.tag_digest
    if reference is None or reference.tag is None or reference.digest is None or now in (None, reference.digest):
        return None
    tag = printable(reference.tag)
    return Finding(
        code=Code.TAG_MOVED,
        cls=FindingClass.WARN,
        message=f"tag {tag} points to {now} now, not to the digest beside it.",
        brief=f": tag {tag} no longer points to this digest",
        fix=f"write image: {printable(f'{reference.name}:{reference.tag}', 300)}@{now}",
    )
