"""Docker configs and pull secrets, decoded as the kubelet decodes them (pure).

    type kubernetes.io/dockerconfigjson   key .dockerconfigjson   {"auths": {host: entry}}
    type kubernetes.io/dockercfg          key .dockercfg          {host: entry}
    entry                                 {"username", "password", "email", "auth"}, nothing else

Of these, `auth` wins. Any other type, another key, an empty value: the secret is skipped without a word. One thing
wrong in any entry for any host (a number for a password, an `auth` that is no base64): the whole keyring fails, and
with it every pull of the pod. Source: kubernetes pkg/credentialprovider/secrets/secrets.go, config.go, keyring.go.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from webhook.credentials.authfield import InvalidAuth, decode_auth
from webhook.credentials.credential import Credential, Origin
from webhook.credentials.gojson import NotJSON, Object, TooDeep, Value, decode, text_of
from webhook.credentials.parseauth import AuthConfig, parse_auth
from webhook.credentials.pattern import normalise_key, without_user
from webhook.credentials.pullsecret import Entry, PullSecret, SecretState

_KEYS: Final = {
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
    "kubernetes.io/dockercfg": ".dockercfg",
}
_IGNORED_LOGINS: Final = frozenset({"identitytoken", "registrytoken"})
_ENTRY_FIELDS: Final = _IGNORED_LOGINS | {"username", "password", "email", "auth"}
_CONFIG_FIELDS: Final = frozenset({"auths", "httpheaders"})
_LONGEST_HOST: Final = 80
_MOST_OBJECTS: Final = 5_000
_MOST_ENTRIES: Final = 2_000
"""Bounds of what is followed here. The node has none: a secret beyond them is unreadable to us, never malformed."""


class MalformedConfig(ValueError):
    """What the kubelet refuses; the text says what and where, and quotes no secret."""


class BeyondBounds(ValueError):
    """What the kubelet may well read, and we do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One entry as it was read. `ignored` names a kind of token that it holds and the kubelet does not look at."""

    username: str = ""
    password: str = ""
    ignored: str = ""


def decode_secret(name: str, type: str, data: Mapping[str, bytes]) -> PullSecret:
    """Tell what the kubelet makes of a Secret whose values have been base64-decoded once."""
    key = _KEYS.get(type)
    if key is None:
        return _ignored(name, f"its type is {type!r}, not kubernetes.io/dockerconfigjson")
    if key not in data:
        return _ignored(name, f"it has no key {key!r}, which its type {type} calls for")
    if not data[key]:
        return _ignored(name, f"its key {key!r} is empty")
    return decode_config(name, data[key], bare=key == ".dockercfg", source=f'secret "{name}"')


def decode_config(
    name: str, body: bytes, *, bare: bool = False, source: str = "", origin: Origin = Origin.POD
) -> PullSecret:
    """Decode a docker config as the kubelet does; `bare` for the older form, a map without "auths"."""
    try:
        logins = read_logins(body, bare=bare)
    except MalformedConfig as error:
        return PullSecret(name=name, state=SecretState.MALFORMED, reason=str(error))
    except BeyondBounds as error:
        return PullSecret(name=name, state=SecretState.UNREADABLE, reason=str(error))
    entries = tuple(
        Entry(
            host=without_user(host),
            key=normalise_key(host) or "",
            credential=credential(login.username, login.password, source=source or name, origin=origin),
        )
        for host, login in logins.items()
    )
    return PullSecret(name=name, state=SecretState.USABLE, reason=_lack(logins, bare=bare), entries=entries)


def credential(username: str, password: str, *, source: str, origin: Origin) -> Credential:
    """Return the login as containerd takes it from the kubelet."""
    username, secret = parse_auth(AuthConfig(username=username, password=password))
    return Credential(username=username, secret=secret, source=source, origin=origin)


def read_logins(body: bytes, *, bare: bool = False) -> dict[str, Login]:
    """Read host -> login in order; raise `MalformedConfig` or `BeyondBounds`."""
    if body.count(b"{") > _MOST_OBJECTS:
        raise BeyondBounds(f"it holds more than {_MOST_OBJECTS} objects")
    try:
        value = decode(body)
    except NotJSON as error:
        raise MalformedConfig(str(error)) from None
    except TooDeep as error:
        raise BeyondBounds(f"it is {error}") from None
    logins: dict[str, Login] = {}
    if bare:
        _add_logins(logins, value, "the document")
    else:
        _add_config(logins, value)
    if len(logins) > _MOST_ENTRIES:
        raise BeyondBounds(f"it holds more than {_MOST_ENTRIES} hosts")
    return logins


def _add_config(logins: dict[str, Login], value: Value) -> None:
    for field, member in _fields(value, _CONFIG_FIELDS, "the document"):
        if field == "auths":
            _add_logins(logins, member, '"auths"')
        elif member is not None:
            for _, text in _object(member, "HttpHeaders"):
                if not isinstance(text, str | None):
                    raise MalformedConfig(f"a value of HttpHeaders is {_type(text)}, not a text")


def _add_logins(logins: dict[str, Login], value: Value, what: str) -> None:
    """Add what a map holds: a second map adds to the first, a null empties it, as Go decodes maps."""
    if value is None:
        logins.clear()
        return
    for host, entry in _object(value, what):
        logins[text_of(host)] = _login(entry, f"the entry of {without_user(text_of(host))[:_LONGEST_HOST]!r}")


def _login(entry: Value, what: str) -> Login:
    """Read one entry: of fields that come twice the last counts, and null changes nothing."""
    found: dict[str, str] = {}
    ignored = ""
    for field, value in _fields(entry, _ENTRY_FIELDS, what):
        if field in _IGNORED_LOGINS:
            ignored = ignored or (field if value else "")
        elif isinstance(value, str):
            found[field] = text_of(value)
        elif value is not None:
            raise MalformedConfig(f"{what}: {field} is {_type(value)}, not a text")
    username, password = found.get("username", ""), found.get("password", "")
    if found.get("auth"):
        try:
            username, password = decode_auth(found["auth"])
        except InvalidAuth as error:
            raise MalformedConfig(f"{what}: {error}") from None
    return Login(username=username, password=password, ignored=ignored)


def _fields(value: Value, names: frozenset[str], what: str) -> Iterator[tuple[str, Value]]:
    return iter(()) if value is None else _object(value, what).fields(names)


def _object(value: Value, what: str) -> Object:
    if not isinstance(value, Object):
        raise MalformedConfig(f"{what} is {_type(value)}, not an object")
    return value


def _type(value: Value) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int():
            return "a number"
        case str():
            return "a text"
        case Object():
            return "an object"
        case _:
            return "a list"


def _ignored(name: str, reason: str) -> PullSecret:
    return PullSecret(name=name, state=SecretState.IGNORED, reason=reason)


def _lack(logins: Mapping[str, Login], *, bare: bool) -> str:
    """Say what a decoded config lacks, or ""."""
    if not logins:
        return "it holds no login" if bare else 'it holds no login under "auths"'
    if any(login.username and login.password for login in logins.values()):
        return ""
    if bare and "auths" in logins:
        return 'its hosts stand under "auths", where its type kubernetes.io/dockercfg has them at the top'
    token = next((login.ignored for login in logins.values() if login.ignored), "")
    return f"it holds only an {token}, which nodes ignore" if token else "its logins lack user or password"
