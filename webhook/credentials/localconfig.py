"""The logins of a person's machine, as docker and podman file them (pure).

    {"auths": {key: entry}, "credsStore": program, "credHelpers": {key: program}}
    entry := {"auth"} | {"username", "password"} | {"identitytoken"}

| asks | looks under | then |
|---|---|---|
| docker | the registry; for Docker Hub `https://index.docker.io/v1/` | a key of the same host name |
| podman | the image's name, then its folders from the longest, then the registry | a key of the same host name |

A key that has a program (`docker-credential-NAME`) asks that alone. Source: docker/cli config/configfile/file.go and
config/credentials, containers/image pkg/docker/config/config.go. Unlike nodes, both know identity tokens.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from webhook.credentials.authfield import InvalidAuth, decode_padded
from webhook.credentials.dockerconfig import MalformedConfig
from webhook.credentials.gojson import NotJSON, Object, TooDeep, Value, decode, text_of
from webhook.credentials.pattern import without_user
from webhook.image.reference import Reference

HUB_SERVER: Final = "https://index.docker.io/v1/"

_HUB_KEYS: Final = (HUB_SERVER, "index.docker.io", "docker.io")
_ENTRY_FIELDS: Final = frozenset({"auth", "username", "password", "identitytoken"})
_CONFIG_FIELDS: Final = frozenset({"auths", "credsstore", "credhelpers"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LocalLogin:
    """User and secret; a secret without a user is an identity token. No repr: it is a secret."""

    username: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalConfig:
    """One file of logins. `store` is the program for all keys, `helpers` those for one each."""

    logins: Mapping[str, LocalLogin] = field(default_factory=dict)
    store: str = ""
    helpers: Mapping[str, str] = field(default_factory=dict)

    def program(self, reference: Reference) -> tuple[str, str]:
        """Return the program to ask for an image's registry, and by which key; two empty texts for none."""
        keys = server_keys(reference)
        own = next(((self.helpers[key], key) for key in keys if self.helpers.get(key)), None)
        return own or (self.store, keys[0] if self.store else "")

    def login(self, reference: Reference, *, by_path: bool = False) -> LocalLogin | None:
        """Return the login that the file itself holds for an image; `by_path` as podman looks."""
        keys = (*_paths(reference), *server_keys(reference)) if by_path else server_keys(reference)
        found = next((self.logins[key] for key in keys if key in self.logins), None)
        if found is None:
            hosts = {_host(key) for key in server_keys(reference)}
            found = next((login for key, login in self.logins.items() if _host(key, by_path=by_path) in hosts), None)
        return found if found is not None and found.secret else None


def server_keys(reference: Reference) -> tuple[str, ...]:
    """Return the keys that stand for an image's registry, the usual one first."""
    return _HUB_KEYS if reference.registry == "docker.io" else (reference.registry,)


def decode_local(body: bytes) -> LocalConfig:
    """Decode such a file; raise `MalformedConfig`."""
    try:
        value = decode(body)
    except (NotJSON, TooDeep) as error:
        raise MalformedConfig(str(error)) from None
    logins: dict[str, LocalLogin] = {}
    helpers: dict[str, str] = {}
    store = ""
    for name, member in _object(value, "the document").fields(_CONFIG_FIELDS):
        match name:
            case "auths":
                logins.update((key, _login(entry, key)) for key, entry in _members(member, "auths"))
            case "credhelpers":
                helpers.update((key, _text(program, "credHelpers")) for key, program in _members(member, "credHelpers"))
            case _:
                store = _text(member, "credsStore")
    return LocalConfig(logins=logins, store=store, helpers=helpers)


def _login(entry: Value, key: str) -> LocalLogin:
    what = f"the entry of {without_user(key)!r}"
    if entry is None:
        return LocalLogin()
    found = {name: _text(value, what) for name, value in _object(entry, what).fields(_ENTRY_FIELDS)}
    if found.get("identitytoken"):
        return LocalLogin(secret=found["identitytoken"])
    if not found.get("auth"):
        return LocalLogin(username=found.get("username", ""), secret=found.get("password", ""))
    try:
        username, colon, password = decode_padded(found["auth"]).partition(":")
    except InvalidAuth as error:
        raise MalformedConfig(f"{what}: {error}") from None
    if not colon or not username:
        raise MalformedConfig(f"{what}: its auth is no base64 of user:password")
    return LocalLogin(username=username, secret=password.strip("\0"))


def _members(value: Value, what: str) -> Iterator[tuple[str, Value]]:
    return iter(()) if value is None else ((text_of(key), member) for key, member in _object(value, what))


def _object(value: Value, what: str) -> Object:
    if not isinstance(value, Object):
        raise MalformedConfig(f"{what} is not an object")
    return value


def _text(value: Value, what: str) -> str:
    if not isinstance(value, str | None):
        raise MalformedConfig(f"{what} holds something else than a text")
    return text_of(value or "")


def _paths(reference: Reference) -> Iterator[str]:
    path = reference.name
    while "/" in path:
        yield path
        path = path.rpartition("/")[0]


def _host(key: str, *, by_path: bool = False) -> str:
    """Return a key's host and port, as both read what older versions wrote; to podman a path without scheme counts."""
    stripped = key.removeprefix("https://").removeprefix("http://")
    return stripped if by_path and stripped == key else stripped.partition("/")[0]
