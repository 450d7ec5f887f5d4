"""Which entries of pull secrets fit an image: every vector of the kubelet's keyring that a pod can hold.

Each repository accepts every login of its vectors' secrets, fitting or not: a login that fits is shown and accepted,
one that does not fit is never shown and the pull is refused.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from case import Case, Held, Secret

from casebook.sites import host_of, other_site
from casebook.vectors import load
from webhook.demo.images import ImageSpec
from webhook.demo.site import Repository

_IMAGE = re.compile(r"(?P<host>(?=[^/]*[.:])(?=[^/]*[a-z])[a-z0-9.-]+(:\d+)?)/(?P<name>[a-z0-9-]+(/[a-z0-9-]+)*)")
_KEYS = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}


def cases() -> Iterator[Case]:
    for vector, host, name in _usable():
        secrets = tuple(
            Secret(name=f"s{number}", type=each["type"], data=each["data"])
            for number, each in enumerate(vector["secrets"])
        )
        repository = Repository(
            name=name, public=False, readers=None, tags=_TAGS[host_of(host), name], users=_USERS[host_of(host), name]
        )
        yield Case(
            id=vector["id"],
            says=vector.get("note", "which logins fit"),
            image=f"{host}/{name}:{vector['id']}",
            runs=any(match["username"] and match["password"] for match in vector.get("matches", ())),
            secrets=secrets,
            sites=other_site(host),
            holds=(Held(host=host_of(host), repository=repository),),
        )


def _usable() -> Iterator[tuple[Any, str, str]]:
    """Yield the vectors that are pods: no logins of the node, and Secrets that the API server stores."""
    for vector in load("keyring")["lookup"]:
        image = _IMAGE.fullmatch(vector["lookup"])
        stored = all(_is_stored(each) for each in vector["secrets"])
        if image and stored and "node_credentials" not in vector and "localhost" not in image["host"]:
            yield vector, image["host"], image["name"]


def _is_stored(secret: Mapping[str, Any]) -> bool:
    """Tell whether the API server takes it: the key of its type must be there and hold a JSON object."""
    key = _KEYS.get(secret["type"])
    if key is None:
        return True
    try:
        return isinstance(json.loads(secret["data"][key]), dict)
    except (KeyError, ValueError):
        return False


def _logins(secret: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for text in secret["data"].values():
        try:
            decoded = json.loads(text)
        except ValueError:
            continue
        if isinstance(decoded, dict):
            for entry in (decoded.get("auths") or decoded.get("AUTHS") or decoded).values():
                if isinstance(entry, dict) and isinstance(entry.get("password"), str):
                    yield entry.get("username", ""), entry["password"]


def _users() -> dict[tuple[str, str], dict[str, str]]:
    users: dict[tuple[str, str], dict[str, str]] = {}
    for vector, host, name in _usable():
        known = users.setdefault((host_of(host), name), {})
        known |= {match["username"]: match["password"] for match in vector.get("matches", ())}
        known |= dict(login for secret in vector["secrets"] for login in _logins(secret))
    return users


def _tags() -> dict[tuple[str, str], dict[str, ImageSpec]]:
    tags: dict[tuple[str, str], dict[str, ImageSpec]] = {}
    for vector, host, name in _usable():
        tags.setdefault((host_of(host), name), {})[vector["id"]] = ImageSpec()
    return tags


_USERS, _TAGS = _users(), _tags()

PRIVATE = frozenset(_TAGS)
"""Host and name of every repository that the vectors are about: they want a login."""
