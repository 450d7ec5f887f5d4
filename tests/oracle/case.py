"""What one case of the oracle is (pure).

A case is data: an image in a workload, the secrets beside it, what registries hold and do, how the node is set up, and
what arrives later. It states what the node is expected to make of it (so that a case which is not what it claims to be
is noticed) and what Pullproof cannot know of it.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from webhook.demo.images import ImageSpec
from webhook.demo.site import Repository, Rule, Site

PLAIN = ImageSpec()
"""An image that the node can run (of one platform, the node's own)."""


PASSWORD = "s3cret"


class Role(StrEnum):
    """What the image is in its pod."""

    CONTAINER = "container"
    INIT = "initContainer"
    EPHEMERAL = "ephemeralContainer"
    VOLUME = "volume"


class Arrival(StrEnum):
    """When a thing is there."""

    FIRST = "first"
    LATER = "later"
    """20 seconds after the pod"""
    NEVER = "never"
    """it is only spoken of"""
    ELSEWHERE = "elsewhere"
    """in another namespace"""


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A Secret; `data` is as kubectl would take it, not yet in base64. Its name gets the case's id in front."""

    name: str = "pull"
    type: str = "kubernetes.io/dockerconfigjson"
    data: Mapping[str, str] = field(default_factory=dict)
    arrival: Arrival = Arrival.FIRST


def login(
    host: str, user: str = "bob", password: str = PASSWORD, *, name: str = "pull", arrival: Arrival = Arrival.FIRST
) -> Secret:
    """Return the Secret that `kubectl create secret docker-registry` makes."""
    return logins({host: (user, password)}, name=name, arrival=arrival)


def logins(pairs: Mapping[str, tuple[str, str]], *, name: str = "pull", arrival: Arrival = Arrival.FIRST) -> Secret:
    """Return a Secret with a login for several hosts."""
    auths = {host: entry(user, password) for host, (user, password) in pairs.items()}
    return Secret(name=name, data={".dockerconfigjson": json.dumps({"auths": auths})}, arrival=arrival)


def entry(user: str, password: str) -> dict[str, str]:
    """Return one entry of a docker config as docker login writes it."""
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"username": user, "password": password, "auth": auth}


@dataclass(frozen=True, kw_only=True)
class Held:
    """A repository that a registry holds."""

    host: str
    repository: Repository
    arrival: Arrival = Arrival.FIRST


def holding(
    image: str, spec: ImageSpec = PLAIN, *, arrival: Arrival = Arrival.FIRST, host: str = "", **repository: Any
) -> Held:
    """Return what holds `image` (registry/repository:tag), at `host` where that is not the registry's name."""
    registry, _, rest = image.partition("/")
    name, _, tag = rest.partition("@")[0].rpartition(":")
    return Held(
        host=host or registry, repository=Repository(name=name, tags={tag: spec}, **repository), arrival=arrival
    )


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case. `image` may hold `{digest}`: that of the first tag of the first repository in `holds`.

    `runs`: what its author expects of the node. `unknowable`: why Pullproof cannot know what the node will do, "" where
    it can. `known`: why today's code falls short of it. `patience`: seconds for which the node must go on failing
    before that is its fate. `cell`: the kind of registry and the shape of the login, where all pairs are tried.
    `endless`: the node's try never ends, which is its fate once the patience has.
    `after`: the case whose pod must run when this one is asked about, by a Pullproof that was started since.
    """

    id: str
    says: str
    image: str
    runs: bool
    family: str = ""
    kind: str = "Pod"
    role: Role = Role.CONTAINER
    policy: str = ""
    secrets: tuple[Secret, ...] = ()
    extra_secret_names: tuple[str, ...] = ()
    account_secrets: tuple[Secret, ...] | None = None
    node_selector: Mapping[str, str] = field(default_factory=dict)
    sites: tuple[Site, ...] = ()
    holds: tuple[Held, ...] = ()
    rules: tuple[Rule, ...] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    mirrors: Mapping[str, str] = field(default_factory=dict)
    node_logins: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    preloaded: str = ""
    """the name under which the node has it"""
    unlisted: bool = False
    """preloaded so late that the node does not list it yet"""
    host_path: str = ""
    """a folder of the node that the pod mounts"""
    labels: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    cell: tuple[str, str] | None = None
    after: str = ""
    patience: float = 20
    endless: bool = False
    unknowable: str = ""
    known: str = ""
