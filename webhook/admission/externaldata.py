"""ProviderRequest externaldata.gatekeeper.sh/v1beta1: Gatekeeper asks for images by their text (pure).

Keys are images, as pods write them. Each comes back as one item:

| verdict | item |
|---|---|
| `enforce` would deny the image, by the configuration's own levels | `error`: the finding in one line |
| anything else, also what could not be verified | `value`: {outcome, findings: [{code, class, certainty, message}]} |

So a template that refuses what has an error refuses what is certain, and never what merely could not be found out. A
key tells even less than an ImageReview: no namespace either. The workload is partial, and counts as a template, for a
mutator may still rewrite the image. Digests are not told: the nodes' logins may have shown them.

Law: `decode` returns a request or raises `MalformedReview`, whatever the bytes. Answers are for validation only, never
`idempotent`, so that no mutation takes them for values.
Source: frameworks/constraint pkg/externaldata request.go, response.go.
"""

from collections.abc import Mapping

import msgspec

from webhook.admission.imagereview import MOST_IMAGES, told
from webhook.admission.plaintext import clean, cut_end
from webhook.admission.review import AdmissionRequest, MalformedReview, Operation
from webhook.admission.wording import LONGEST, warning
from webhook.policy.decision import Judged, Outcome, Verdict
from webhook.policy.finding import Code, Finding
from webhook.workload import decoding
from webhook.workload.decoding import MalformedObject
from webhook.workload.workload import Workload

API_VERSION = "externaldata.gatekeeper.sh/v1beta1"
KIND = "ProviderRequest"
RESOURCE = "providerrequests"

_MOST_FINDINGS = 8


class _Keys(msgspec.Struct, frozen=True, gc=False):
    keys: list[str] | None = None


class _Request(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    request: _Keys


_DECODER = msgspec.json.Decoder(_Request)


class ExternalData:
    """The wire of this door."""

    def decode(self, body: bytes | bytearray) -> AdmissionRequest:
        """Decode a ProviderRequest; raise `MalformedReview`."""
        try:
            asked = decoding.decode(_DECODER, body)
        except MalformedObject as error:
            raise MalformedReview(error.path, error.reason) from error
        if asked.api_version != API_VERSION:
            raise MalformedReview("apiVersion", f"expected {API_VERSION!r}, got {asked.api_version[:80]!r}")
        if asked.kind != KIND:
            raise MalformedReview("kind", f"expected {KIND!r}, got {asked.kind[:80]!r}")
        keys = asked.request.keys or []
        if len(keys) > MOST_IMAGES:
            raise MalformedReview("request.keys", f"more than {MOST_IMAGES} images")
        images = tuple(told(f"request.keys[{place}]", key) for place, key in enumerate(keys))
        workload = Workload(kind=KIND, namespace="", name="", images=images, template=True, partial=True)
        return AdmissionRequest(uid="", resource=RESOURCE, operation=Operation.CREATE, workload=workload)

    def encode(self, request: AdmissionRequest, verdict: Verdict | None) -> bytes:
        """Return the answer, an item for each key."""
        denied = {judged.image.field: (judged, finding) for judged, finding in verdict.denied} if verdict else {}
        known = {judged.image.field: judged for judged in verdict.judged} if verdict else {}
        items: list[Mapping[str, object]] = []
        for image in request.workload.images:
            if image.field in denied:
                items.append({"key": image.image, "error": warning(*denied[image.field])})
            else:
                items.append({"key": image.image, "value": _value(known.get(image.field))})
        return _answer(items)

    def encode_unverified(self, request: AdmissionRequest) -> bytes:
        """Return the answer to a request that time ran out on: no key has an error."""
        return _answer([{"key": image.image, "value": _UNVERIFIED} for image in request.workload.images])


_UNVERIFIED: Mapping[str, object] = {
    "outcome": Outcome.ERROR.value,
    "findings": [{"code": Code.NOT_VERIFIED.value, "class": "error", "message": "out of time"}],
}


def _value(judged: Judged | None) -> Mapping[str, object]:
    if judged is None:
        return {"outcome": Outcome.SKIP.value, "findings": []}
    return {
        "outcome": judged.outcome.value,
        "findings": [_finding(finding) for finding in judged.findings[:_MOST_FINDINGS]],
    }


def _finding(finding: Finding) -> Mapping[str, str]:
    shown = {
        "code": finding.code.value,
        "class": finding.cls.value,
        "message": clean(cut_end(finding.brief.lstrip(": "), LONGEST)),
    }
    return {**shown, "certainty": finding.certainty.value} if finding.certainty else shown


def _answer(items: list[Mapping[str, object]]) -> bytes:
    body = {"apiVersion": API_VERSION, "kind": "ProviderResponse", "response": {"items": items}}
    return msgspec.json.encode(body)
