"""Requests and answers of the v2 API as values (pure).

OCI distribution-spec: errors are `{"errors":[{"code","message","detail"}]}`. Texts may hold `$host`, `$name` (the
repository), `$reference` and `$user`, filled in when an answer is given.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from string import Template
from urllib.parse import parse_qsl

import msgspec

Headers = dict[str, str]

JSON = "application/json"


class Fault(StrEnum):
    """What happens to an answer on its way."""

    NONE = ""
    RESET = "reset"
    """the connection is reset before any answer"""
    CLOSE = "close"
    """the connection is closed before any answer"""
    HANG = "hang"
    """nothing is ever answered"""
    HANG_BODY = "hang-body"
    """headers, then nothing"""
    TRUNCATE = "truncate"
    """headers, half of the body, then the connection is closed"""


class Auth(StrEnum):
    """Which kind of Authorization a request carries."""

    NONE = "none"
    BASIC = "basic"
    BEARER = "bearer"
    OTHER = "other"


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One HTTP answer and what becomes of it.

    The body is `data` where there is any, else `body`. `delay` in seconds. `reason` is the status line's text, "" the
    usual one.
    """

    status: int = 200
    headers: Headers = {}
    body: str = ""
    data: bytes = b""
    reason: str = ""
    fault: Fault = Fault.NONE
    delay: float = 0.0

    def filled(self, names: Mapping[str, str]) -> "Answer":
        """Put names in place of `$host`, `$name`, `$reference` and `$user`."""
        body = Template(self.body).safe_substitute(names)
        headers = {key: Template(value).safe_substitute(names) for key, value in self.headers.items()}
        return msgspec.structs.replace(self, body=body, headers=headers)

    @property
    def content(self) -> bytes:
        return self.data or self.body.encode()


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request. `authority` is the Host header in lower case; header names are lower case."""

    method: str
    authority: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""

    @property
    def host(self) -> str:
        """Return the authority without its port."""
        return re.sub(r":\d+$", "", self.authority)

    @property
    def auth(self) -> Auth:
        scheme = self.headers.get("authorization", "").partition(" ")[0].lower()
        if not scheme:
            return Auth.NONE
        return Auth(scheme) if scheme in (Auth.BASIC, Auth.BEARER) else Auth.OTHER

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").partition(" ")[2].strip()

    @property
    def login(self) -> tuple[str, str] | None:
        """Return user and password of Basic, or of the password grant in a POST form."""
        if self.auth is Auth.BASIC:
            try:
                text = base64.b64decode(self.token, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return None
            user, _, password = text.partition(":")
            return user, password
        form = self.form
        return (form.get("username", ""), form["password"]) if "password" in form else None

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"))) if self.method == "POST" else {}

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return the scopes asked of a token service, by query or form."""
        pairs = parse_qsl(self.query) if self.method != "POST" else parse_qsl(self.body.decode("utf-8", "replace"))
        return tuple(scope for key, value in pairs if key == "scope" for scope in value.split())

    def parameter(self, name: str) -> str:
        """Return one query parameter, or ""."""
        return dict(parse_qsl(self.query)).get(name, "")


def refusal(status: int, code: str, message: str = "", detail: object = None, **headers: str) -> Answer:
    """Return an OCI error answer; header names with `_` for `-`."""
    error: dict[str, object] = {"code": code, "message": message}
    if detail is not None:
        error["detail"] = detail
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Answer(status=status, headers={"Content-Type": JSON} | named, body=json.dumps({"errors": [error]}))
