"""The registry must have the image.

Looks at:  the registry's answer to the login that the node would offer, or to none
Passes:    the tag or digest resolves; the registry hides what it has (then it is denied-or-missing)
Finds:     image-not-found (fail; certain only where the 404 is the registry's own, confirmed by GET, and neither a
           mirror nor a node that has the image speaks against it)
Predicts:  Failed to pull image "X": rpc error: code = NotFound desc = failed to pull and unpack image "X": failed to
           resolve image: X: not found; reason ErrImagePull, then ImagePullBackOff. Older: failed to resolve reference
           "X": X: not found, or manifest for X not found: manifest unknown
Fix:       correct the name or the tag (the nearest existing tags are named), or push the image
"""

from webhook.image.reference import Reference
from webhook.policy.cause import caused_by
from webhook.policy.certainty import predicted
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding
from webhook.policy.remedy import list_tags
from webhook.policy.wording import printable
from webhook.registry.resolution import Absent, Unresolved


def check_image_not_found(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report an image that its registry does not have."""
    reference = caused_by(evidence, Code.IMAGE_NOT_FOUND)
    answer = evidence.resolution
    if reference is None or not isinstance(answer, Unresolved):
        return None
    nearest = tuple(printable(tag) for tag in answer.nearest_tags)
    near = f" Nearest tags: {', '.join(nearest)}." if nearest else ""
    return predicted(
        evidence,
        Code.IMAGE_NOT_FOUND,
        message=f"{answer.absent.value} not found.{near}",
        brief=_brief(answer.absent),
        fix=_fix(reference, answer),
    )


def _brief(absent: Absent) -> str:
    if absent in (Absent.REPOSITORY, Absent.DIGEST):
        return f": {absent.value} not found in registry"
    return " not found in registry"


def _fix(reference: Reference, answer: Unresolved) -> str:
    if answer.nearest_tags:
        return f"write image: {printable(f'{reference.name}:{answer.nearest_tags[0]}', 300)}, or push the missing tag"
    if answer.absent is Absent.REPOSITORY:
        return f"correct the repository's name or push it: docker push {printable(reference.name, 300)}"
    return f"choose one that exists: {list_tags(reference)}"
