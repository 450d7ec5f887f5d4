"""A registry and what goes wrong with it, as data that a script can hold (pure)."""

import re
from enum import StrEnum

import msgspec

from webhook.demo.answer import Answer, Auth, Fault, Headers, Request
from webhook.demo.images import ImageSpec
from webhook.demo.personality import PERSONALITIES, Personality


class Certificate(StrEnum):
    """Which certificate a registry shows."""

    VALID = "valid"
    EXPIRED = "expired"
    OTHER_NAME = "other-name"
    UNTRUSTED = "untrusted"


class Quota(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pull limit as Docker Hub keeps it: each GET of a manifest takes one of `remaining`; a HEAD takes none."""

    limit: int = 100
    remaining: int = 100
    window: int = 21600


class Repository(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A repository.

    `readers`: the users who may pull from a private one, None for every known user. `users` are known here only.
    """

    name: str
    tags: dict[str, ImageSpec] = {}
    public: bool = True
    readers: tuple[str, ...] | None = None
    users: dict[str, str] = {}


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to the requests that fit it; the first rule that fits counts.

    Fits by `host` (with or without the port), `path` and `agent` (regular expressions, found anywhere in path and
    User-Agent), `method` and `auth`; empty fits all. `times`: how often, None for ever. With a `status` the rule
    answers itself; without, the registry's own answer is changed: headers set or taken away (`without`), the body
    replaced, a fault added. `$host` and `$path` in headers and body are the request's; a header value may hold more
    lines of its kind after a line break.
    """

    host: str = ""
    path: str = ""
    method: str = ""
    auth: Auth | None = None
    agent: str = ""
    times: int | None = None
    status: int | None = None
    headers: Headers = {}
    without: tuple[str, ...] = ()
    body: str | None = None
    reason: str = ""
    fault: Fault = Fault.NONE
    delay: float = 0.0

    def fits(self, request: Request) -> bool:
        """Tell whether the rule is about this request."""
        return (
            self.host in ("", request.host, request.authority)
            and self.method in ("", request.method)
            and self.auth in (None, request.auth)
            and re.search(self.agent, request.headers.get("user-agent", "")) is not None
            and re.search(self.path, request.path) is not None
        )

    def change(self, answer: Answer) -> Answer:
        """Return what becomes of the registry's own answer."""
        gone = {name.lower() for name in self.without}
        kept = {key: value for key, value in answer.headers.items() if key.lower() not in gone}
        return Answer(
            status=answer.status if self.status is None else self.status,
            headers=kept | self.headers,
            body=answer.body if self.body is None else self.body,
            data=answer.data if self.body is None else b"",
            reason=self.reason or answer.reason,
            fault=self.fault,
            delay=self.delay,
        )


class Site(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One registry: the names it answers to, its manners, users and content.

    `personality`: the name of one, or one of its own. `backs`: the name of the registry whose content it serves too.
    """

    hosts: tuple[str, ...]
    personality: str | Personality = "open"
    users: dict[str, str] = {}
    repositories: tuple[Repository, ...] = ()
    quota: Quota | None = None
    certificate: Certificate = Certificate.VALID
    backs: str = ""

    @property
    def manners(self) -> Personality:
        """Return the personality; raises `UnknownPersonality`."""
        if isinstance(self.personality, Personality):
            return self.personality
        if self.personality not in PERSONALITIES:
            raise UnknownPersonality(f"personality {self.personality!r}: known are {', '.join(PERSONALITIES)}")
        return PERSONALITIES[self.personality]


class UnknownPersonality(ValueError):
    """No registry of that name is described."""
