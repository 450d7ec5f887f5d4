"""The tag should be one that does not move.

Looks at:  the tag, stated or implied (no tag means latest), unless a digest pins the image
Passes:    any other tag; a digest, with or without a tag
Finds:     latest-tag (warn; under enforce: strict it denies): two nodes may run different images under one name, and a
           rollback rolls nothing back
Predicts:  nothing fails today. Pods that restart may get another image, or ImagePullBackOff once the tag is gone
Fix:       name a version, or pin the digest that the tag has now
"""

from webhook.image.reference import Reference
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.wording import printable
from webhook.registry.resolution import Resolved


class LatestTagOptions(CheckOptions, frozen=True, kw_only=True):
    """`tags`: the tags that are known to move."""

    tags: tuple[str, ...] = ("latest",)


def check_latest_tag(evidence: Evidence, options: LatestTagOptions) -> Finding | None:
    """Report a mutable tag, and what it resolves to now."""
    reference = evidence.reference
    if reference is None or reference.digest is not None or reference.tag not in options.tags:
        return None
    implied = reference.tag == "latest" and not evidence.image.image.endswith(":latest")
    tag = printable(reference.tag)
    now = f"; now {evidence.resolution.digest}" if isinstance(evidence.resolution, Resolved) else ""
    return Finding(
        code=Code.LATEST_TAG,
        cls=FindingClass.WARN,
        message=f"no tag, which means the mutable tag latest{now}." if implied else f"mutable tag {tag}{now}.",
        brief=f" uses a mutable tag{' (latest, as none is given)' if implied else ''}; pin a version or digest",
        fix=_fix(reference, evidence),
    )


def _fix(reference: Reference, evidence: Evidence) -> str:
    if isinstance(evidence.resolution, Resolved):
        return f"pin what it is now: {printable(reference.name, 300)}@{evidence.resolution.digest}"
    return f"name a version: {printable(reference.name, 300)}:VERSION"
