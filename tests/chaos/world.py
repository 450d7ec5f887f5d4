"""What the webhook of a run is asked about: one registry with its token service, five sorts of pods (I/O: sockets).

    reg.test:5000    the registry, at 127.0.0.2      auth.test:5001   its token service, at 127.0.0.3

| sort    | pod                                                  | a healthy webhook says                |
|---------|------------------------------------------------------|---------------------------------------|
| warm    | a public image, the same every time                  | allowed                               |
| cold    | a public image in a repository that is new each time | allowed                               |
| private | such an image, private, by a pull secret             | allowed                               |
| absent  | a tag that is not there, a new one every time        | denied: image-not-found               |
| refused | a private image by a pull secret that has gone wrong | denied: unauthorized                  |

The nodes are stated to hold no logins and to have no mutators, so that every failure is certain: where anything could
be denied wrongly, it would be.
"""

import base64
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from webhook.demo.authority import Authority
from webhook.demo.images import ImageSpec
from webhook.demo.personality import Personality, Scheme
from webhook.demo.server import Server
from webhook.demo.site import Repository, Site
from webhook.demo.world import Listener, World

REGISTRY, TOKENS, API, REDIS = "reg.test", "auth.test", "kubernetes.test", "redis.test"
ADDRESSES = {REGISTRY: "127.0.0.2", TOKENS: "127.0.0.3", API: "127.0.0.4", REDIS: "127.0.0.5"}
HOST = f"{REGISTRY}:5000"
NAMESPACE = "shop"

_MANNERS = Personality(scheme=Scheme.BEARER, realm=f"https://{TOKENS}:5001/token", service=REGISTRY)
_PUBLIC, _PRIVATE = "public/app", "private/app"


class Sort(StrEnum):
    """A sort of pod; see the module."""

    WARM = "warm"
    COLD = "cold"
    PRIVATE = "private"
    ABSENT = "absent"
    REFUSED = "refused"


DENIED = {Sort.ABSENT: "image-not-found", Sort.REFUSED: "unauthorized"}
"""The sorts that do not run, and the code of their denial; the others run."""

SECRETS = {"right": "correct horse", "wrong": "battery staple"}


def pull_secret(name: str) -> dict[str, object]:
    """Return a pull secret as an object: `right` opens the private repository, `wrong` does not."""
    auth = base64.b64encode(f"bob:{SECRETS[name]}".encode()).decode()
    config = json.dumps({"auths": {HOST: {"auth": auth}}}).encode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(config).decode()},
    }


def account() -> dict[str, object]:
    """Return the namespace's ServiceAccount."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": NAMESPACE},
        "imagePullSecrets": [],
    }


@dataclass
class Registries:
    """The registry and what it holds; `ports` are those of its own sockets, behind the doors."""

    world: World
    server: Server
    authority: Authority
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def ports(self) -> list[int]:
        return self.server.ports

    def pod(self, sort: Sort) -> dict[str, object]:
        """Return the spec of a pod of that sort."""
        number = next(self._numbers)
        match sort:
            case Sort.WARM:
                return _spec(_PUBLIC, "v0")
            case Sort.COLD:
                return _spec(self._new(_PUBLIC, number, public=True), "v0")
            case Sort.PRIVATE:
                return _spec(self._new(_PRIVATE, number, public=False), "v0", "right")
            case Sort.ABSENT:
                return _spec(_PUBLIC, f"absent-{number}")
            case Sort.REFUSED:
                return _spec(_PRIVATE, "v0", "wrong")

    def _new(self, repository: str, number: int, *, public: bool) -> str:
        """Make a repository that needs a token of its own, so that all of the way is gone anew."""
        name = f"{repository}-{number}"
        self.world.registry(HOST).store.add(Repository(name=name, tags={"v0": ImageSpec()}, public=public))
        return name


@asynccontextmanager
async def served(authority: Authority) -> AsyncIterator[Registries]:
    """Serve the registry and its token service until the block is left."""
    tags = {"v0": ImageSpec()}
    repositories = (Repository(name=_PUBLIC, tags=tags), Repository(name=_PRIVATE, tags=tags, public=False))
    site = Site(hosts=(HOST,), personality=_MANNERS, users={"bob": SECRETS["right"]}, repositories=repositories)
    world = World([site])
    server = Server(world, authority)
    for listener in (Listener(), Listener()):
        await server.listen(listener)
    try:
        yield Registries(world, server, authority)
    finally:
        await server.close()


def _spec(repository: str, tag: str, *secrets: str) -> dict[str, object]:
    container = {"name": "main", "image": f"{HOST}/{repository}:{tag}", "imagePullPolicy": "Always"}
    return {"containers": [container], "imagePullSecrets": [{"name": name} for name in secrets]}
