"""All parts of the image must be there.

Looks at:  the config and the layers that the manifest names; only where asked (pullproof check --deep, or a level in
           the settings): it costs a request per layer
Passes:    every blob is there, and the config counts as many layers as the manifest names
Finds:     broken-image (fail, likely: a node that has a layer from another image does not fetch it)
Predicts:  failed to copy: httpReadSeeker: failed open: could not fetch content descriptor sha256:… from remote: not
           found; or number of layers and diffIDs don't match: 1 != 2; reason ErrImagePull
Fix:       push the image again; a registry's garbage collection that ran during a push is the usual cause
"""

from webhook.policy.cause import caused_by, gone_blob
from webhook.policy.certainty import predicted
from webhook.policy.checks.options import CheckOptions
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding
from webhook.policy.wording import printable
from webhook.registry.resolution import Resolved


def check_broken_image(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report a manifest whose config or layers are gone."""
    reference = caused_by(evidence, Code.BROKEN_IMAGE)
    if reference is None or not isinstance(evidence.resolution, Resolved):
        return None
    message, brief = _told(evidence.resolution)
    return predicted(
        evidence,
        Code.BROKEN_IMAGE,
        message=message,
        brief=brief,
        fix=f"push the image again: docker push {printable(str(reference), 300)}",
    )


def _told(resolved: Resolved) -> tuple[str, str]:
    gone = gone_blob(resolved)
    if gone is None:
        return "its config counts other layers than its manifest names.", ": its config and its manifest do not fit"
    detail = f" ({printable(gone.detail, 120)})" if gone.detail else ""
    message = f"the manifest is there, but its config or a layer is gone{detail}."
    return message, ": its config or a layer is gone from the registry"
