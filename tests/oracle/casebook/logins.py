"""Each registry of the world x each shape that a login for it may have (pure).

Regular: a shape says which Secrets a pod brings for a registry, and whether the kubelet then shows the right login. A
registry without private images serves a public one: any shape will do but a Secret that breaks all pulls.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from case import PASSWORD, Arrival, Case, Secret, entry, holding, login

from casebook.registries import REGISTRIES, Registry

USER = "bob"


@dataclass(frozen=True)
class Place:
    """Where a login is for: the host as `docker login` writes it, the registry's name, and the repository."""

    host: str
    name: str
    path: str


@dataclass(frozen=True)
class Shape:
    """One way to bring a login. `fits`: the kubelet shows it; `breaks`: nothing at all is pulled."""

    key: str
    says: str
    fits: bool
    secrets: Callable[[Place], tuple[Secret, ...]]
    account: bool = False
    breaks: bool = False


def _at(host: str, **fields: str) -> Secret:
    """Return a Secret whose entry for `host` holds just these fields."""
    return Secret(data={".dockerconfigjson": json.dumps({"auths": {host: fields}})})


def _old(place: Place) -> tuple[Secret, ...]:
    text = json.dumps({place.host: entry(USER, PASSWORD)})
    return (Secret(type="kubernetes.io/dockercfg", data={".dockercfg": text}),)


def _opaque(place: Place) -> tuple[Secret, ...]:
    return (Secret(type="Opaque", data=login(place.host).data),)


def _wrong(place: Place) -> Secret:
    return login(place.host, password="no", name="wrong")


SHAPES = (
    Shape("url", "its host as a URL", True, lambda place: (login(_url(place)),)),
    Shape("path", "for this repository alone", True, lambda place: (login(f"{place.name}/{place.path}"),)),
    Shape("other path", "for another repository", False, lambda place: (login(f"{place.name}/elsewhere/x"),)),
    Shape("wildcard", "its host with a wildcard", True, lambda place: (login(f"*.{place.name.partition('.')[2]}"),)),
    Shape("port", "its host with the port of TLS", False, lambda place: (login(f"{place.name}:443"),)),
    Shape("old type", "a Secret of the old type", True, _old),
    Shape(
        "auth alone", "the field auth alone", True, lambda place: (_at(place.host, auth=entry(USER, PASSWORD)["auth"]),)
    ),
    Shape(
        "fields", "user and password alone", True, lambda place: (_at(place.host, username=USER, password=PASSWORD),)
    ),
    Shape("wrong, good", "a wrong one, then a right one", True, lambda place: (_wrong(place), login(place.host))),
    Shape("good, wrong", "a right one, then a wrong one", True, lambda place: (login(place.host), _wrong(place))),
    Shape("account", "the ServiceAccount's", True, lambda place: (login(place.host),), account=True),
    Shape("other host", "another host's", False, lambda place: (login("other.test"),)),
    Shape("opaque", "in a Secret of type Opaque", False, _opaque),
    Shape("missing", "in a Secret that is not there", False, lambda place: (login(place.host, arrival=Arrival.NEVER),)),
    Shape(
        "malformed",
        "in an entry that does not decode",
        False,
        lambda place: (_at(place.host, auth="!!!"),),
        breaks=True,
    ),
)


def cases() -> Iterator[Case]:
    for registry in REGISTRIES:
        for shape in SHAPES:
            yield _case(registry, shape)


def _case(registry: Registry, shape: Shape) -> Case:
    id_ = f"login-{registry.key}-{shape.key.replace(', ', '-').replace(' ', '-')}"
    path = registry.path.format(id_)
    image = f"{registry.name}/{path}:1"
    secrets = shape.secrets(Place(registry.login_host or registry.name, registry.name, path))
    public = registry.public_only
    return Case(
        id=id_,
        says=f"{registry.name}: {'a public' if public else 'a private'} image, the login {shape.says}",
        image=image,
        runs=not shape.breaks and (public or shape.fits),
        secrets=() if shape.account else secrets,
        account_secrets=secrets if shape.account else None,
        holds=(holding(image, host=registry.host, public=public, readers=None if public else (USER,)),),
        cell=(registry.key, shape.key),
    )


def _url(place: Place) -> str:
    return place.host if "://" in place.host else f"https://{place.host}/v1/"
