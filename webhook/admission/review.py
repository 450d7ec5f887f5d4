"""AdmissionReview admission.k8s.io/v1: bytes -> AdmissionRequest, Verdict -> bytes (pure).

An API server says first of which kind the object is, so that the whole review can be decoded in one go, to what rules a
pull. Where that guess does not hold the object stays raw bytes until its kind is known, and only a pod-bearing kind is
decoded at all. Law: `decode` returns a request or raises `MalformedReview`, whatever the bytes, either way the same.
Source: k8s.io/api admission/v1 types.go; annotation keys and warnings as the API server takes them
(apiserver pkg/admission/plugin/webhook/validating/dispatcher.go).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from webhook.admission.audit import annotations
from webhook.admission.wording import denial, unverified, warnings
from webhook.policy.decision import Verdict
from webhook.workload import decoding
from webhook.workload.change import changed
from webhook.workload.decoding import MalformedObject
from webhook.workload.kinds import PodBearing, PodBearingKind, pod_bearing
from webhook.workload.wire import Wire
from webhook.workload.workload import Workload

API_VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"

_SUBRESOURCES = frozenset({"", "ephemeralcontainers"})


class MalformedReview(ValueError):
    """The bytes are no AdmissionReview; `path` says where: `request.object.spec.containers[0].image`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


class Operation(StrEnum):
    """What is being done to the object."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    CONNECT = "CONNECT"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRequest:
    """The decoded question.

    `resource` is the plural name, with the subresource where there is one: `pods/ephemeralcontainers`.
    `workload.skip` says why there is nothing to judge: another kind, another operation, nothing changed, …
    """

    uid: str
    resource: str
    operation: Operation
    workload: Workload
    username: str = ""
    groups: tuple[str, ...] = ()
    dry_run: bool = False


T = TypeVar("T", bound=Wire)
R = TypeVar("R", bound="_Request")


class _Wire(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    pass


class _GroupVersionKind(_Wire, frozen=True):
    kind: str
    group: str = ""


class _GroupVersionResource(_Wire, frozen=True):
    resource: str = ""


class _User(_Wire, frozen=True):
    username: str = ""
    groups: list[str] | None = None


class _Request(_Wire, frozen=True):
    uid: str
    kind: _GroupVersionKind
    operation: Operation
    resource: _GroupVersionResource | None = None
    sub_resource: str = ""
    name: str = ""
    namespace: str = ""
    user_info: _User | None = None
    dry_run: bool | None = None


_NOBODY = _User()


class _RawRequest(_Request, frozen=True):
    object: msgspec.Raw = msgspec.Raw()
    old_object: msgspec.Raw = msgspec.Raw()


class _ReadRequest(_Request, Generic[T], frozen=True):
    object: T | None = None
    old_object: T | None = None


class _Review(_Wire, Generic[R], frozen=True):
    api_version: str
    kind: str
    request: R


class _Status(_Wire, frozen=True):
    code: int
    reason: str
    message: str


class _Response(_Wire, frozen=True, omit_defaults=True):
    uid: str
    allowed: bool
    status: _Status | None = None
    warnings: Sequence[str] = ()
    audit_annotations: Mapping[str, str] = msgspec.field(default_factory=dict)


class _Answer(_Wire, frozen=True):
    api_version: str
    kind: str
    response: _Response


_KIND = re.compile(rb'"kind":\{"group":"([a-z.]*)","version":"[a-z0-9]*","kind":"([A-Za-z]*)"\}')
_HOW_FAR = 512
"""Bytes from the start in which an API server has said what kind of object it is about."""

_DECODER = msgspec.json.Decoder(_Review[_RawRequest])
_ENCODER = msgspec.json.Encoder()
_PLAIN_ALLOW = (
    b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":',
    b',"allowed":true}}',
)


def decode(body: bytes | bytearray) -> AdmissionRequest:
    """Decode an AdmissionReview; raise `MalformedReview`."""
    guessed = _KIND.search(body, 0, _HOW_FAR)
    bearing = _bearing(guessed[1], guessed[2]) if guessed is not None else None
    request = bearing.decode(body) if bearing is not None else None
    return request if request is not None else _decode(body)


def _decode(body: bytes | bytearray) -> AdmissionRequest:
    try:
        review = decoding.decode(_DECODER, body)
    except MalformedObject as error:
        raise MalformedReview(error.path, error.reason) from error
    if review.api_version != API_VERSION:
        raise MalformedReview("apiVersion", f"expected {API_VERSION!r}, got {review.api_version[:80]!r}")
    if review.kind != KIND:
        raise MalformedReview("kind", f"expected {KIND!r}, got {review.kind[:80]!r}")
    if not review.request.uid:
        raise MalformedReview("request.uid", "expected a uid, got ''")
    return _asked(review.request, _raw_workload(review.request))


class _Bearing(Generic[T]):
    """Reads reviews of one pod-bearing kind, each in one go."""

    def __init__(self, known: PodBearing[T], group: str) -> None:
        self._known = known
        self._group = group
        # what a class is generic of is an expression here, which mypy takes for a type
        of_kind = _Review[_ReadRequest[known.shape]]  # type: ignore[name-defined]
        self._decoder: msgspec.json.Decoder[_Review[_ReadRequest[T]]] = msgspec.json.Decoder(of_kind)

    def decode(self, body: bytes | bytearray) -> AdmissionRequest | None:
        """Decode a review; None for whatever is not as it should be, which the long way tells."""
        try:
            review = self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        request = review.request
        if review.api_version != API_VERSION or review.kind != KIND or not request.uid:
            return None
        if request.kind.kind != self._known.kind or request.kind.group != self._group:
            return None
        reason = _reason_to_skip(request)
        if reason is not None:
            return _asked(request, _nothing(request, reason))
        if request.object is None:
            return None
        read, kind = self._known.read, self._known.kind
        former = request.old_object if request.operation is Operation.UPDATE else None
        old = None if former is None else read(former, kind)
        return _asked(request, _workload(request, read(request.object, kind), old))


@lru_cache(maxsize=64)
def _bearing(group: bytes, kind: bytes) -> "_Bearing[Any] | None":
    known = pod_bearing(group.decode(), kind.decode())
    return None if known is None else _Bearing(known, group.decode())


def _asked(request: _Request, workload: Workload) -> AdmissionRequest:
    user = request.user_info or _NOBODY
    resource = request.resource.resource if request.resource else ""
    return AdmissionRequest(
        uid=request.uid,
        resource=f"{resource}/{request.sub_resource}" if request.sub_resource else resource,
        operation=request.operation,
        workload=workload,
        username=user.username,
        groups=tuple(user.groups or ()),
        dry_run=bool(request.dry_run),
    )


def _reason_to_skip(request: _Request) -> str | None:
    if request.operation is not Operation.CREATE and request.operation is not Operation.UPDATE:
        return f"operation {request.operation}"
    return None if request.sub_resource in _SUBRESOURCES else f"subresource {request.sub_resource!r}"


def _raw_workload(request: _RawRequest) -> Workload:
    reason = _reason_to_skip(request)
    if reason is not None:
        return _nothing(request, reason)
    known = pod_bearing(request.kind.group, request.kind.kind)
    if known is None:
        return _nothing(request, f"{request.kind.kind!r} bears no pod")
    new = _object(known, request.object, "request.object")
    if new is None:
        raise MalformedReview("request.object", "expected object, got null")
    update = request.operation is Operation.UPDATE
    return _workload(request, new, _object(known, request.old_object, "request.oldObject") if update else None)


def _workload(request: _Request, new: Workload, old: Workload | None) -> Workload:
    if request.operation is Operation.UPDATE and old is not None:
        new = changed(old, new)
    if request.namespace and request.namespace != new.namespace:
        new = replace(new, namespace=request.namespace)
    return new


def _object(known: PodBearingKind, raw: msgspec.Raw, path: str) -> Workload | None:
    # Go writes the absent object as null; a few clients leave it out.
    if not raw or bytes(raw) == b"null":
        return None
    try:
        return known.decode(raw)
    except MalformedObject as error:
        raise MalformedReview(f"{path}.{error.path}" if error.path else path, error.reason) from error


def _nothing(request: _Request, reason: str) -> Workload:
    return Workload(kind=request.kind.kind, namespace=request.namespace, name=request.name, skip=reason)


def encode(uid: str, verdict: Verdict) -> bytes:
    """Return the answer to the request `uid`."""
    if verdict.denied:
        status = _Status(code=403, reason="Forbidden", message=denial(verdict))
        return _answer(uid, False, status, warnings(verdict), annotations(verdict))
    if verdict.warned or verdict.audited or verdict.break_glass:
        return _answer(uid, True, None, warnings(verdict), annotations(verdict))
    return encode_allowed(uid)


def encode_allowed(uid: str) -> bytes:
    """Return the answer that allows without a word."""
    return _ENCODER.encode(uid).join(_PLAIN_ALLOW)


def encode_unverified(request: AdmissionRequest) -> bytes:
    """Return the answer for a request that time ran out on: allowed, and said so."""
    return _answer(request.uid, True, None, (unverified(len(request.workload.images)),), {"decision": "not-verified"})


def _answer(uid: str, allowed: bool, status: _Status | None, lines: Sequence[str], audit: Mapping[str, str]) -> bytes:
    response = _Response(uid=uid, allowed=allowed, status=status, warnings=lines, audit_annotations=audit)
    return _ENCODER.encode(_Answer(api_version=API_VERSION, kind=KIND, response=response))
