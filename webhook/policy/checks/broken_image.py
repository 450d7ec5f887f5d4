"""All parts of the image must be there.

Looks at:  the manifest behind the name, where it is fetched for its platforms, and the config of a single one. Where
           asked (pullproof check --deep, or a level in the settings) also the manifests of an index, their configs and
           layers: that costs a request for each
Passes:    what was looked for is there and has the right digest, and the config counts as many layers as the manifest
Finds:     broken-image (fail, likely: a node that has such a part from another image does not fetch it)
Predicts:  failed to copy: httpReadSeeker: failed open: could not fetch content descriptor sha256:… from remote: not
           found; or failed open: content at URL not found: not found; or failed commit on ref "manifest-sha256:…":
           unexpected commit digest; or number of layers and diffIDs don't match: 1 != 2; reason ErrImagePull
Fix:       push the image again; a registry's garbage collection that ran during a push is the usual cause
"""

from webhook.policy.cause import caused_by
from webhook.policy.certainty import predicted
from webhook.policy.checks.options import CheckOptions
from webhook.policy.content import flaw
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding
from webhook.policy.wording import printable
from webhook.registry.resolution import Resolved, Unresolved


def check_broken_image(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report a name that the registry knows, without all that belongs to it."""
    reference = caused_by(evidence, Code.BROKEN_IMAGE)
    if reference is None:
        return None
    cause = _cause(evidence)
    return predicted(
        evidence,
        Code.BROKEN_IMAGE,
        message=f"the registry knows it, but {cause}.",
        brief=f" is broken: {cause}",
        fix=f"push the image again: docker push {printable(str(reference), 300)}",
    )


def _cause(evidence: Evidence) -> str:
    match evidence.resolution:
        case Resolved(content=content) if content is not None:
            return flaw(evidence, content)
        case Unresolved(message=message):
            return f"its manifest is gone ({printable(message, 120)})"
    return "a part of it is gone"
