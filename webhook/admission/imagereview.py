"""ImageReview imagepolicy.k8s.io/v1alpha1: the API server's own ImagePolicyWebhook (pure).

It tells the namespace and the images of a pod, and nothing else: no pull secret, policy or placement, no name, no user,
not whether a controller made the pod, nor whether it is new (each UPDATE of a pod asks again). So the workload is
partial, and counts as a pod of a controller: it is denied only where `enforceOn` names those too.

An annotation reaches us only where its key has `.image-policy.k8s.io/` in it:

    ignore.pullproof.image-policy.k8s.io/latest-tag: "…"     counts as     ignore.pullproof.dev/latest-tag: "…"

Law: `decode` returns a request or raises `MalformedReview`, whatever the bytes.
Source: k8s.io/api imagepolicy/v1alpha1 types.go; plugin/pkg/admission/imagepolicy/admission.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from webhook.admission.audit import annotations
from webhook.admission.review import AdmissionRequest, MalformedReview, Operation
from webhook.admission.wording import denial
from webhook.policy.decision import Verdict
from webhook.policy.exemption import IGNORE_PREFIX
from webhook.workload import decoding
from webhook.workload.decoding import MalformedObject
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Subject, Workload

API_VERSION = "imagepolicy.k8s.io/v1alpha1"
KIND = "ImageReview"
RESOURCE = "imagereviews"

IGNORE = "ignore.pullproof.image-policy.k8s.io/"
MOST_IMAGES = 2048


class _Container(msgspec.Struct, frozen=True, gc=False):
    image: str = ""


class _Spec(msgspec.Struct, frozen=True, gc=False):
    containers: list[_Container] | None = None
    annotations: dict[str, str] | None = None
    namespace: str = ""


class _Review(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    spec: _Spec


_DECODER = msgspec.json.Decoder(_Review)


@dataclass(frozen=True, slots=True)
class ImageReviews:
    """The wire of this door. `excluded`: namespaces that are not judged, since the plugin knows no selectors."""

    excluded: frozenset[str] = frozenset()

    def decode(self, body: bytes | bytearray) -> AdmissionRequest:
        """Decode an ImageReview; raise `MalformedReview`."""
        try:
            review = decoding.decode(_DECODER, body)
        except MalformedObject as error:
            raise MalformedReview(error.path, error.reason) from error
        if review.api_version != API_VERSION:
            raise MalformedReview("apiVersion", f"expected {API_VERSION!r}, got {review.api_version[:80]!r}")
        if review.kind != KIND:
            raise MalformedReview("kind", f"expected {KIND!r}, got {review.kind[:80]!r}")
        return AdmissionRequest(
            uid="", resource=RESOURCE, operation=Operation.CREATE, workload=self._workload(review.spec)
        )

    def encode(self, request: AdmissionRequest, verdict: Verdict | None) -> bytes:
        """Return the answer; without a verdict there was nothing to judge."""
        del request
        if verdict is None:
            return _answer(True, "", {})
        return _answer(verdict.allowed, denial(verdict) if verdict.denied else "", annotations(verdict))

    def encode_unverified(self, request: AdmissionRequest) -> bytes:
        """Return the answer to a request that time ran out on: allowed, and said so in the audit log."""
        del request
        return _answer(True, "", {"decision": "not-verified"})

    def _workload(self, spec: _Spec) -> Workload:
        containers = spec.containers or []
        if len(containers) > MOST_IMAGES:
            raise MalformedReview("spec.containers", f"more than {MOST_IMAGES} images")
        return Workload(
            kind=KIND,
            namespace=spec.namespace,
            name="",
            images=tuple(told(f"spec.containers[{place}].image", each.image) for place, each in enumerate(containers)),
            subject=Subject.OWNED_PODS,
            annotations=_ignoring(spec.annotations or {}),
            skip=f"namespace {spec.namespace!r} is excluded" if spec.namespace in self.excluded else None,
            partial=True,
        )


def told(field: str, image: str) -> ContainerImage:
    """Return an image of which only the text was told; the usual pull policy is the one that leaves most open."""
    return ContainerImage(role=Role.CONTAINER, name="", image=image, pull_policy=PullPolicy.IF_NOT_PRESENT, field=field)


def _ignoring(given: Mapping[str, str]) -> Mapping[str, str]:
    return {IGNORE_PREFIX + key.removeprefix(IGNORE): text for key, text in given.items() if key.startswith(IGNORE)}


def _answer(allowed: bool, reason: str, audit: Mapping[str, str]) -> bytes:
    status: dict[str, object] = {"allowed": allowed}
    if reason:
        status["reason"] = reason
    if audit:
        status["auditAnnotations"] = audit
    return msgspec.json.encode({"apiVersion": API_VERSION, "kind": KIND, "status": status})
