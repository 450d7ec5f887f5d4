"""The image's name must be one that the kubelet can parse.

Looks at:  the image's text, by the grammar of the kubelet (distribution/reference): lower-case path, a tag of at most
           128 characters, digests of sha256, sha384 or sha512
Passes:    whatever ParseNormalizedNamed takes
Finds:     invalid-reference (fail, certain; likely in a template while a mutator of images is known)
Predicts:  container state waiting, reason InvalidImageName; event InspectFailed: Failed to apply default image tag
           "X": couldn't parse image name "X": invalid reference format. No registry is asked, whatever the pull policy
Fix:       write it as [registry/]name[:tag][@sha256:digest], lower case, without a scheme and without blanks
"""

import re
import shlex

from webhook.image.reference import InvalidReference, Reference
from webhook.policy.cause import cause
from webhook.policy.certainty import predicted
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding
from webhook.policy.wording import printable

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://")
_LONGEST = 1000
"""No text that was meant as a reference is longer; without a bound a pod's author chooses how long we look at it."""


def check_invalid_reference(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report a text that is no image reference."""
    if cause(evidence) is not Code.INVALID_REFERENCE:
        return None
    reason = printable(evidence.invalid or "invalid reference format", 160)
    return predicted(
        evidence,
        Code.INVALID_REFERENCE,
        message=f"not a valid image name: {reason}.",
        brief=f": not a valid image name ({reason})",
        fix=_fix(evidence.image.image),
    )


def _fix(text: str) -> str:
    better = "" if len(text) > _LONGEST else _SCHEME.sub("", "".join(text.split())).rstrip(":@/")
    for candidate in (better, better.lower()) if better else ():
        if candidate != text and _parses(candidate):
            return f"write image: {shlex.quote(printable(candidate, 300))}"
    return "write it as [registry/]name[:tag][@sha256:digest], lower case, without a scheme and without blanks"


def _parses(text: str) -> bool:
    try:
        Reference.parse(text)
    except InvalidReference:
        return False
    return True
