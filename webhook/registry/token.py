"""The token exchange, as values (pure).

A login is first offered as a form by POST (OAuth2), which some services do not know; those get it by GET with Basic.
Without a login the token is asked for anonymously. What a login may be sent to is decided here and only here.

    with a secret   POST realm  grant_type=password | refresh_token   only `access_token` counts in the answer
                    400, 401, 404; 405 with a user name               -> GET realm?scope=…&service=… with Basic
    without         GET realm?scope=…&service=…                       `token` or `access_token`

Source: containerd core/remotes/docker/authorizer.go (doBearerAuth), auth/fetch.go; distribution's docs, spec/auth.
"""

import re
from base64 import b64encode
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qsl, urlencode

import msgspec

from webhook.credentials.credential import Credential
from webhook.registry.answer import Answer, Ask, Headers
from webhook.registry.challenge import Challenge, merge_scopes
from webhook.registry.url import InvalidUrl, Url

MOST_BYTES = 64 * 1024
"""A token answer is bounded; tokens of the large registries have 1 to 5 kB."""

_CLIENT = "containerd-client"
_FORM: Headers = (("content-type", "application/x-www-form-urlencoded; charset=utf-8"),)
_POST_UNKNOWN = (400, 401, 404)
_SENDABLE = re.compile(r"[!-~]+", re.ASCII)
_ASSUMED_LIFETIME = 60
_LONGEST_LIFETIME = 600
_MARGIN = 10


class RealmRefused(ValueError):
    """The realm is none that a question, let alone a login, may be sent to."""


class NoToken(ValueError):
    """A successful answer without a token that can be used; the text is Go's error.

    It says nothing of the login: services in trouble answer `{}`, or a token that no client finds, to right ones too.
    """


class Grant(StrEnum):
    """How a token is asked for."""

    ANONYMOUS = "anonymous"
    FORM = "form"
    BASIC = "basic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer token and the seconds it may be used for, counted from when it was asked for."""

    value: str = field(repr=False)
    lifetime: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenQuestion:
    """What is asked of a token service: the realm (checked), the service, the scopes (sorted)."""

    realm: Url
    service: str
    scopes: tuple[str, ...]

    @classmethod
    def of(cls, challenge: Challenge, *, scope: str, plain: bool) -> Self:
        """Raise `RealmRefused` unless the challenge's realm may be asked; `plain`: the registry too is plain http."""
        realm = check_realm(challenge.realm or "", plain=plain)
        return cls(realm=realm, service=challenge.service, scopes=merge_scopes(challenge.scopes, (scope,)))


def check_realm(realm: str, *, plain: bool) -> Url:
    """Raise `RealmRefused` unless `realm` is an https URL (or http, where the registry itself is) without tricks."""
    try:
        url = Url.parse(realm)
    except InvalidUrl as error:
        raise RealmRefused(f"the registry names a token service that is no plain https URL: {realm[:100]!r}") from error
    if url.scheme != "https" and not plain:
        raise RealmRefused(f"the registry names a token service that is not https: {url.origin!r}")
    return url


def first_grant(credential: Credential) -> Grant:
    """Return how a token is asked for at first."""
    return Grant.ANONYMOUS if credential.anonymous else Grant.FORM


def next_grant(credential: Credential, grant: Grant, status: int) -> Grant | None:
    """Return how to ask again after `status`, None when that answer is final."""
    if grant is not Grant.FORM:
        return None
    again = status in _POST_UNKNOWN or (status == 405 and credential.username != "")
    return Grant.BASIC if again else None


def ask_for(question: TokenQuestion, credential: Credential, grant: Grant) -> Ask:
    """Return the request; only a form or a Basic grant carries the login."""
    if grant is Grant.FORM:
        form = urlencode(sorted(_form(question, credential)), errors="surrogateescape")
        return Ask(method="POST", url=question.realm, headers=_FORM, form=form, limit=MOST_BYTES)
    private: Headers = (("authorization", basic(credential)),) if grant is Grant.BASIC else ()
    return Ask(method="GET", url=_with_question(question), private=private, limit=MOST_BYTES)


def basic(credential: Credential) -> str:
    """Return the Basic authorization of a login."""
    return f"Basic {b64encode(credential.pair).decode('ascii')}"


def decode(answer: Answer, grant: Grant) -> Token:
    """Read the token of a successful answer; raise `NoToken`."""
    try:
        document = _DECODER.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NoToken(f"unable to decode token response: {_as_go(answer)}") from error
    candidates = (document.access_token,) if grant is Grant.FORM else (document.access_token, document.token)
    value = next((each for each in candidates if each), "")
    if not value:
        raise NoToken("authorization server did not include a token in the response")
    if not _SENDABLE.fullmatch(value):
        raise NoToken("the token holds characters that no header can carry")
    return Token(value=value, lifetime=_lifetime(document.expires_in))


class _TokenAnswer(msgspec.Struct):
    token: str | None = None
    access_token: str | None = None
    expires_in: int | float | None = None


_DECODER = msgspec.json.Decoder(_TokenAnswer)


def _form(question: TokenQuestion, credential: Credential) -> list[tuple[str, str]]:
    common = [
        ("client_id", _CLIENT),
        ("scope", " ".join(question.scopes)),
        ("service", question.service),
    ]
    if not credential.username:
        return [*common, ("grant_type", "refresh_token"), ("refresh_token", credential.secret)]
    login = [("username", credential.username), ("password", credential.secret)]
    return [*common, ("grant_type", "password"), *login]


def _with_question(question: TokenQuestion) -> Url:
    """Add the question to the realm's own query, in Go's order: by name."""
    own = parse_qsl(question.realm.query, keep_blank_values=True)
    service = [("service", question.service)] if question.service else []
    asked = [*own, *service, *(("scope", scope) for scope in question.scopes)]
    return question.realm.with_query(urlencode(sorted(asked, key=lambda pair: pair[0])))


def _lifetime(seconds: float | None) -> float:
    """Stop using a token shortly before it expires; the specification's minimum is 60 seconds where it is unstated."""
    stated = seconds if seconds is not None and seconds > 0 else _ASSUMED_LIFETIME
    return max(0.0, min(float(stated), _LONGEST_LIFETIME) - _MARGIN)


def _as_go(answer: Answer) -> str:
    """Say it as Go's decoder does where that is knowable: people search for this text."""
    text = answer.body.lstrip()
    if not text:
        return "EOF"
    if answer.truncated:
        return "unexpected end of JSON input"
    first = text[:1].decode("latin-1")
    if first in '{["tfn-0123456789':
        return "it is not a token answer"
    return f"invalid character '{first if first.isprintable() else '?'}' looking for beginning of value"
