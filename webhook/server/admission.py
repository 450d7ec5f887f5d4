"""POST /validate: the hot path, a plain ASGI application; /imagereview and /externaldata differ in their wire only.

    headers -> body -> AdmissionRequest -> Inspector -> Verdict -> bytes

Everything ends in time: the body, the inspection, and with it the answer. What the API server waits for is `?timeout=`;
the least of that and our own budget, minus some headroom for the way back, is the deadline of all of it. An inspection
that overran even that is answered by us: allowed, not verified. A bug is no answer of ours: it leaves here as an
exception, becomes a 500, and the failurePolicy decides.

Most reviews need no waiting at all: `at_once` answers those, without ASGI; see `webhook.server.protocol`.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from time import perf_counter
from typing import Protocol, assert_never
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from webhook.admission.review import (
    AdmissionRequest,
    MalformedReview,
    decode,
    encode,
    encode_allowed,
    encode_unverified,
)
from webhook.policy.decision import Judged, Verdict
from webhook.registry.resolution import Failure, Unresolved
from webhook.server.answer import JSON, Answer, refusal
from webhook.server.body import BodyReader, BodyTooLarge, ClientGone, TooManyBodies
from webhook.server.duration import InvalidDuration, parse_duration
from webhook.server.log import fields
from webhook.server.patience import OutOfTime, within
from webhook.workload.workload import Workload

_LOG = logging.getLogger("pullproof.admission")


class TooManyInspections(Exception):
    """As many reviews are being inspected as may be."""


class Inspector(Protocol):
    """Judges workloads; `webhook.pipeline` does."""

    async def inspect(self, workload: Workload, deadline: float, *, user: str = "") -> Verdict:
        """Judge every image before `deadline` (absolute loop time)."""
        ...

    def recall(self, workload: Workload, *, user: str = "") -> Verdict | None:
        """Judge every image at once, where nothing has to be waited for and nothing denies; None: inspect it."""
        ...


class Wire(Protocol):
    """How a door's questions and answers are written."""

    def decode(self, body: bytes | bytearray) -> AdmissionRequest:
        """Decode a question; raise `MalformedReview`."""
        ...

    def encode(self, request: AdmissionRequest, verdict: Verdict | None) -> bytes:
        """Return the answer; without a verdict there was nothing to judge."""
        ...

    def encode_unverified(self, request: AdmissionRequest) -> bytes:
        """Return the answer to a question that time ran out on."""
        ...


class AdmissionReviews:
    """The wire of /validate."""

    decode = staticmethod(decode)
    encode_unverified = staticmethod(encode_unverified)

    def encode(self, request: AdmissionRequest, verdict: Verdict | None) -> bytes:
        """Return the answer to the request's uid."""
        return encode_allowed(request.uid) if verdict is None else encode(request.uid, verdict)


class AdmissionObserver(Protocol):
    """Told of every request; calls must return at once and never raise."""

    def arrived(self) -> None:
        """Note that a request is being worked on."""
        ...

    def answered(
        self, resource: str, operation: str, decision: str, *, dry_run: bool, seconds: float, verdict: Verdict | None
    ) -> None:
        """Note how it ended; resource and operation are empty where none could be read."""
        ...

    def overran(self) -> None:
        """Note that a request is answered though not all of its images could be looked at in time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one server. Seconds; `headroom` is the share of a request's time that is kept for the way back."""

    budget: float = 4.5
    headroom: float = 0.1
    least_headroom: float = 0.2
    in_flight: int = 2048


@dataclass(slots=True)
class _Outcome:
    """What is told of a request once it is over."""

    decision: str = "error"
    request: AdmissionRequest | None = None
    verdict: Verdict | None = None


@dataclass(slots=True, kw_only=True)
class AdmissionEndpoint:
    """The ASGI application behind /validate, or behind the door of another wire.

    `closing` says whether connections are not to be used again.
    """

    inspector: Inspector
    observer: AdmissionObserver
    wire: Wire = field(default_factory=AdmissionReviews)
    limits: Limits = field(default_factory=Limits)
    bodies: BodyReader = field(default_factory=BodyReader)
    closing: Callable[[], bool] = bool
    _in_flight: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = asyncio.get_running_loop().time()
        outcome = _Outcome()
        self.observer.arrived()
        try:
            answer = self._refuse(scope, outcome) or await self._answer(scope, receive, started, outcome)
        finally:
            self._tell(outcome, asyncio.get_running_loop().time() - started)
        if answer is not None:
            await answer(scope, receive, send)

    def at_once(self, body: bytes) -> bytes | None:
        """Return the answer to a whole review that needs no waiting; None, and nothing is noted, for all others."""
        if self.closing():
            return None
        started = perf_counter()
        try:
            request = decode(body)
        except MalformedReview:
            return None
        outcome = _Outcome("skipped", request)
        content = encode_allowed(request.uid)
        if request.workload.skip is None:
            verdict = outcome.verdict = self.inspector.recall(request.workload, user=request.username)
            if verdict is None:
                return None
            outcome.decision = _decision(verdict)
            content = encode(request.uid, verdict)
        self.observer.arrived()
        self._tell(outcome, perf_counter() - started)
        return content

    def _refuse(self, scope: Scope, outcome: _Outcome) -> Answer | None:
        """Return the answer to a request whose body need not be read."""
        refused = self._unsupported(scope)
        if refused is not None:
            outcome.decision = "refused"
        return refused

    def _unsupported(self, scope: Scope) -> Answer | None:
        if scope["method"] != "POST":
            return refusal(405, f"{scope['method']} is not supported, POST an AdmissionReview", allow="POST")
        content_type, encoding, length = _headers(scope)
        if content_type != JSON and content_type.partition(b";")[0].strip().lower() != JSON:
            return refusal(415, f"content type {_shown(content_type)} is not supported, send application/json")
        if encoding not in (b"", b"identity"):
            return refusal(415, f"content encoding {_shown(encoding)} is not supported, send it plain")
        if length.isdigit() and int(length[:20]) > self.bodies.largest:
            return self._too_large()
        return None

    async def _answer(self, scope: Scope, receive: Receive, started: float, outcome: _Outcome) -> Answer | None:
        deadline, limit = self._deadline(scope["query_string"], started)
        try:
            content = await within(limit, self._review(receive, deadline, outcome))
        except OutOfTime:
            return self._overran(outcome)
        except (BodyTooLarge, TooManyBodies, TooManyInspections, ClientGone, MalformedReview) as error:
            outcome.decision = "refused"
            return self._refused(error)
        return Answer(200, content, close=self.closing())

    async def _review(self, receive: Receive, deadline: float, outcome: _Outcome) -> bytes:
        body = await self.bodies.read(receive)
        size = len(body)
        try:
            request = outcome.request = self.wire.decode(body)
            del body
            return await self._judged(request, deadline, outcome)
        finally:
            self.bodies.release(size)

    async def _judged(self, request: AdmissionRequest, deadline: float, outcome: _Outcome) -> bytes:
        if request.workload.skip is not None:
            outcome.decision = "skipped"
            return self.wire.encode(request, None)
        verdict = await self._inspected(request, deadline)
        outcome.verdict, outcome.decision = verdict, _decision(verdict)
        if any(map(_unfinished, verdict.judged)):
            self.observer.overran()
        return self.wire.encode(request, verdict)

    async def _inspected(self, request: AdmissionRequest, deadline: float) -> Verdict:
        """Inspect, where there is room: who has not sent a body yet takes none from those who have."""
        if self._in_flight >= self.limits.in_flight:
            raise TooManyInspections
        self._in_flight += 1
        try:
            return await self.inspector.inspect(request.workload, deadline, user=request.username)
        finally:
            self._in_flight -= 1

    def _overran(self, outcome: _Outcome) -> Answer:
        if outcome.request is None:
            outcome.decision = "refused"
            return refusal(408, "the body did not come in time", close=True)
        outcome.decision = "not-verified"
        self.observer.overran()
        return Answer(200, self.wire.encode_unverified(outcome.request), close=self.closing())

    def _refused(
        self, error: BodyTooLarge | TooManyBodies | TooManyInspections | ClientGone | MalformedReview
    ) -> Answer | None:
        match error:
            case MalformedReview():
                return refusal(400, error.reason, path=error.path, close=self.closing())
            case BodyTooLarge():
                return self._too_large()
            case TooManyBodies():
                return refusal(503, "too many bodies at once, try again")
            case TooManyInspections():
                return refusal(503, "too many requests in flight, try again")
            case ClientGone():
                return None
            case other:
                assert_never(other)

    def _deadline(self, query: bytes, started: float) -> tuple[float, float]:
        """Return when the inspection is to be done, and when it is no longer waited for."""
        whole = min(_timeout(query) or self.limits.budget, self.limits.budget)
        headroom = min(max(whole * self.limits.headroom, self.limits.least_headroom), whole / 2)
        return started + whole - headroom, started + whole - headroom / 2

    def _too_large(self) -> Answer:
        return refusal(413, f"the body is larger than {self.bodies.largest} bytes")

    def _tell(self, outcome: _Outcome, seconds: float) -> None:
        request = outcome.request
        self.observer.answered(
            request.resource if request else "",
            request.operation if request else "",
            outcome.decision,
            dry_run=request.dry_run if request else False,
            seconds=seconds,
            verdict=outcome.verdict,
        )
        if request is None:
            return
        level = _LEVELS.get(outcome.decision, logging.DEBUG)
        if _LOG.isEnabledFor(level):
            _LOG.log(level, outcome.decision, extra=_line(request, outcome.verdict, seconds))


_LEVELS = {
    "denied": logging.INFO,
    "warned": logging.INFO,
    "not-verified": logging.INFO,
    "break-glass": logging.WARNING,
    "error": logging.ERROR,
}
"""What is worth a line; everything else is one only at debug level."""


def _unfinished(judged: Judged) -> bool:
    resolution = judged.resolution
    return isinstance(resolution, Unresolved) and resolution.failure is Failure.OUT_OF_TIME


def _decision(verdict: Verdict) -> str:
    if verdict.denied:
        return "denied"
    if verdict.break_glass:
        return "break-glass"
    return "warned" if verdict.warned else "allowed"


def _line(request: AdmissionRequest, verdict: Verdict | None, seconds: float) -> dict[str, object]:
    """Return what is logged of a request: names and codes, never objects, images or secrets."""
    workload = request.workload
    found = (*verdict.denied, *verdict.warned) if verdict else ()
    return dict(
        fields(
            uid=request.uid,
            kind=workload.kind,
            namespace=workload.namespace,
            name=workload.name,
            operation=str(request.operation),
            user=request.username,
            dryRun=request.dry_run,
            codes=sorted({str(finding.code) for _, finding in found}),
            ms=round(seconds * 1000, 1),
        )
    )


@lru_cache(maxsize=64)
def _timeout(query: bytes) -> float | None:
    """Return the seconds that the API server waits, or None where it does not say (so that one can read it)."""
    values = parse_qs(query[:256].decode("ascii", "replace")).get("timeout", ())
    try:
        return parse_duration(values[0]) if values else None
    except InvalidDuration:
        return None


def _headers(scope: Scope) -> tuple[bytes, bytes, bytes]:
    """Return content type, content encoding and content length."""
    found = {b"content-type": b"", b"content-encoding": b"", b"content-length": b""}
    for name, value in scope["headers"]:
        if name in found:
            found[name] = value
    content_type, encoding, length = found.values()
    return content_type, encoding, length


def _shown(value: bytes) -> str:
    return repr(value[:80].decode("latin-1"))
