"""What the reference names must be an image that a container can be made of.

Looks at:  the media types of the descriptor, the manifest and its config, and the manifest's size
Passes:    OCI and Docker schema 2 images and indexes; in image volumes, artifacts too (a chart mounts, empty)
Finds:     not-an-image (fail): charts, signatures and other artifacts, schema 1, unknown types. Certain for artifacts
           of a known kind alone; likely where another runtime or containerd may take it (schema 1 before 2.0, configs
           of runtime plugins such as runwasi's, image volumes)
Predicts:  an artifact is pulled, and its container fails: failed to generate container "…" spec: failed to generate
           spec: no command specified, or parent snapshot sha256:… does not exist; reason CreateContainerError. Where
           the pod has a command: exec: "…": no such file or directory. In an image volume: mismatched image rootfs and
           manifest layers, or failed to unpack image volume. What is no artifact is not pulled: media type
           "application/vnd.docker.distribution.manifest.v1+prettyjws" is no longer supported since containerd v2.0,
           please rebuild the image; or could not fetch content descriptor sha256:…
           (application/vnd.docker.distribution.manifest.v1+prettyjws) from remote: not found; or get image config
           descriptor: unexpected media type …: not found; or rejecting N byte manifest; reason ErrImagePull. An index
           of artifacts alone: no match for platform in manifest
Fix:       name the image instead of its chart or signature; rebuild a schema 1 image with a current tool and push it
           again
"""

from webhook.policy.cause import caused_by
from webhook.policy.certainty import predicted
from webhook.policy.checks.options import CheckOptions
from webhook.policy.content import Unrunnable, not_runnable
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding
from webhook.policy.wording import printable, sentence
from webhook.registry.resolution import Resolved, Unresolved

_DOUBTS = {
    Unrunnable.SCHEMA_1: "containerd before 2.0 takes schema 1",
    Unrunnable.ARTIFACT: "",
    Unrunnable.UNKNOWN_CONFIG: "a runtime plugin of the nodes may know this type",
    Unrunnable.UNKNOWN_TYPE: "only the declared type speaks against it",
    Unrunnable.UNMOUNTABLE: "runtimes differ in what they mount",
}


def check_not_an_image(evidence: Evidence, _: CheckOptions) -> Finding | None:
    """Report content that no node would make a container (or an image volume) of."""
    if caused_by(evidence, Code.NOT_AN_IMAGE) is None:
        return None
    why, what = _why(evidence)
    return predicted(
        evidence,
        Code.NOT_AN_IMAGE,
        message=sentence(f"not a runnable image: {what}"),
        brief=f" is not a runnable image ({what})",
        fix=_fix(why),
        doubt=_DOUBTS[why],
    )


def _why(evidence: Evidence) -> tuple[Unrunnable, str]:
    resolution = evidence.resolution
    if isinstance(resolution, Resolved):
        found = not_runnable(resolution, evidence.image.role)
        if found is not None:
            return found[0], printable(found[1], 120)
    message = resolution.message if isinstance(resolution, Unresolved) else ""
    old = "schema 1" in message.lower() or "manifest.v1" in message
    return Unrunnable.SCHEMA_1 if old else Unrunnable.UNKNOWN_TYPE, printable(message or "unknown content", 120)


def _fix(why: Unrunnable) -> str:
    if why is Unrunnable.SCHEMA_1:
        return "rebuild the image with a current tool and push it again (skopeo copy --format oci converts it)"
    return "name the image itself: charts, signatures and other artifacts often lie beside it under another tag or path"
