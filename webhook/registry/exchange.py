"""Requests one after another, each written down (pure but for the Wire it is given).

A `Caller` makes the requests of one look at one registry with one login. It follows redirects as far as that is safe:

- a login, a token and the operator's own headers stay with the origin that was asked; no other origin ever gets them;
- where a redirect leads is read by the one parser of url.py: no user info, no tricks; the address rules hold there too;
- five at most (containerd follows ten).

A form with a login is never redirected.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import quote, quote_plus

from webhook.credentials.credential import Credential
from webhook.registry import ocierror
from webhook.registry.answer import Answer, Ask
from webhook.registry.endpoint import Trust
from webhook.registry.failure import RegistryError, error_of
from webhook.registry.observer import Observer
from webhook.registry.ratelimit import parse_quota
from webhook.registry.resolution import Attempt, Failure, Quota, Step
from webhook.registry.token import basic
from webhook.registry.url import InvalidUrl, Url

_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_SHORTEST_SECRET = 4


class NoAnswer(Exception):
    """Nobody answered. `cause` is what Go would say; `again`: the connection broke, a second try may do."""

    def __init__(self, failure: Failure, cause: str, *, again: bool = False) -> None:
        super().__init__(cause)
        self.failure = failure
        self.cause = cause
        self.again = again

    @property
    def words(self) -> str:
        """The cause without addresses and layers, the same for the same problem."""
        return self.cause if self.failure is Failure.ADDRESS_REFUSED else self.cause.rpartition(": ")[2]


class Wire(Protocol):
    """Sends one request, bounded in bytes and time."""

    async def send(self, ask: Ask, trust: Trust, *, connect_timeout: float | None) -> Answer:
        """Return the answer, whatever its status; raise `NoAnswer`."""
        ...


@dataclass(slots=True)
class Trail:
    """What was asked so far, in order, and what must not be told of it."""

    credential: Credential
    attempts: list[Attempt] = field(default_factory=list)
    quota: Quota | None = None
    _hidden: list[str] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        raw = self.credential.secret.encode("utf-8", "surrogateescape")
        read = {raw.decode(encoding, "replace") for encoding in ("utf-8", "latin-1")}  # as an answer may repeat it
        self.hide(*read, quote(raw, safe=""), quote_plus(raw), basic(self.credential).removeprefix("Basic "))

    def hide(self, *secrets: str) -> None:
        """Keep these out of every text, as they are and as they look once a text has been cleaned.

        Registries have been seen to repeat what they were sent, and secrets end with the line end that `echo` adds.
        """
        told = (form for secret in secrets for form in (secret, ocierror.clean(secret, len(secret))))
        self._hidden.extend(form for form in dict.fromkeys(told) if len(form) >= _SHORTEST_SECRET)

    def redact(self, text: str) -> str:
        """Return `text` without secrets."""
        for secret in self._hidden:
            text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
        return text

    def note(self, ask: Ask, step: Step, *, answer: Answer | None = None, none: NoAnswer | None = None) -> None:
        """Write one request down."""
        detail = none.cause if none is not None else "" if answer is None else _told(answer)
        self.attempts.append(
            Attempt(
                endpoint=ask.url.origin,
                credential=self.credential.source,
                step=step,
                method=ask.method,
                status=None if answer is None else answer.status,
                failure=None if none is None else none.failure,
                detail=ocierror.clean(self.redact(detail)),
                challenged=answer is None or not _asks_for_nothing(answer, step),
            )
        )

    def conclude(self, failure: Failure) -> None:
        """Mark the last request as the one that decided."""
        if self.attempts:
            self.attempts[-1] = replace(self.attempts[-1], failure=failure)

    def join(self, attempts: tuple[Attempt, ...]) -> None:
        """Add the requests that another made for us as well."""
        self.attempts.extend(replace(attempt, credential=self.credential.source) for attempt in attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Makes the requests of one look. `clock` is loop time, `now` Unix time."""

    wire: Wire
    observer: Observer
    registry: str
    trail: Trail
    clock: Callable[[], float]
    now: Callable[[], float]

    async def follow(self, ask: Ask, step: Step, trust: Trust, *, connect_timeout: float | None = None) -> Answer:
        """Send, go where redirects lead, and return the last answer; raise `NoAnswer`."""
        asked = ask
        for _ in range(_MOST_REDIRECTS):
            answer = await self.call(ask, step, trust, connect_timeout=connect_timeout)
            if answer.status not in _REDIRECTS or not answer.header("location") or ask.form is not None:
                return _marked(asked, answer)
            ask = _redirected(asked, _target(answer))
        raise NoAnswer(Failure.SERVER_ERROR, f"stopped after {_MOST_REDIRECTS} redirects")

    async def call(self, ask: Ask, step: Step, trust: Trust, *, connect_timeout: float | None = None) -> Answer:
        """Send one request and write it down; raise `NoAnswer`."""
        began = self.clock()
        try:
            answer = await self.wire.send(ask, trust, connect_timeout=connect_timeout)
        except NoAnswer as none:
            self._note_none(ask, step, none, began)
            raise
        except asyncio.CancelledError:  # the deadline: say whom we were waiting for
            self._note_none(ask, step, NoAnswer(Failure.OUT_OF_TIME, "no answer in the time there was"), began)
            raise
        self.trail.note(ask, step, answer=answer)
        self.observer.request(self.registry, ask.method, str(answer.status), self.clock() - began)
        self._count(parse_quota(answer))
        return answer

    def _note_none(self, ask: Ask, step: Step, none: NoAnswer, began: float) -> None:
        self.trail.note(ask, step, none=none)
        self.observer.request(self.registry, ask.method, none.failure, self.clock() - began)

    def _count(self, quota: Quota | None) -> None:
        if quota is not None:
            self.trail.quota = quota
            self.observer.rate_limit(self.registry, quota.remaining)


def _asks_for_nothing(answer: Answer, step: Step) -> bool:
    """Tell a 401 of a gateway or a portal; token services refuse a login without a challenge, but not with a page."""
    silent = answer.status == 401 and not answer.values("www-authenticate")
    return silent and (step is not Step.TOKEN or answer.is_page)


def unreached(ask: Ask, none: NoAnswer, node_error: str) -> RegistryError:
    """Return the error for a request that nobody answered."""
    match none.failure:
        case Failure.ADDRESS_REFUSED:
            message = none.words
        case Failure.NOT_A_REGISTRY | Failure.SERVER_ERROR:
            message = f"{ask.url.origin} does not answer as a registry: {none.words}"
        case _:
            message = f"{ask.url.origin} cannot be reached ({none.failure}): {none.words}"
    return error_of(none.failure, message, node_error=node_error)


def _target(answer: Answer) -> Url:
    try:
        return answer.url.join(answer.header("location"))
    except InvalidUrl as error:
        raise NoAnswer(Failure.ADDRESS_REFUSED, f"redirect of {answer.url.origin} refused: {error}") from error


def _redirected(asked: Ask, target: Url) -> Ask:
    return replace(asked, url=target, private=asked.private if target.origin == asked.url.origin else ())


def _marked(asked: Ask, answer: Answer) -> Answer:
    redirected = answer.url.origin != asked.url.origin
    return replace(answer, redirected=redirected, withheld=redirected and asked.authorized)


def _told(answer: Answer) -> str:
    """Say what an answer tells: its own words, where it sends us, or what it asks for."""
    if answer.status == 401 and not answer.body:
        return next((f"asks for {line}" for line in answer.values("www-authenticate")), "")
    if answer.status in _REDIRECTS:
        return f"redirects to {answer.header('location').partition('?')[0]}"
    return ocierror.explain(answer.body) if answer.status >= 400 else ""
