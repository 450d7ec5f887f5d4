"""Templates that pods were or are made from: ReplicaSets and ControllerRevisions, watched (I/O).

Two questions are answered from memory: did an earlier revision of this object have this image (a rollback may find it
on the nodes), and does this pod differ from the template of its ReplicaSet (then something changes pods). Only hashes
are kept, some 400 bytes a revision.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import msgspec

from webhook.cluster.api import Api, decode
from webhook.cluster.failure import Unavailable
from webhook.cluster.watching import Metadata, Watching

REPLICA_SETS = "/apis/apps/v1/replicasets"
CONTROLLER_REVISIONS = "/apis/apps/v1/controllerrevisions"
_PAGE = 100
K = TypeVar("K", bound=Hashable)


class _Owner(msgspec.Struct):
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class OwnedMetadata(Metadata, rename="camel"):
    """metadata with the owner that made the object."""

    owner_references: list[_Owner] | None = None

    @property
    def controller(self) -> _Owner | None:
        """The owner that made the object, if any."""
        return next((owner for owner in self.owner_references or () if owner.controller), None)


class _Container(msgspec.Struct):
    name: str = ""
    image: str | None = None


class _Named(msgspec.Struct):
    name: str = ""


class PodSpec(msgspec.Struct, rename="camel"):
    """What two pods of one template have in common, unless something changes them."""

    containers: list[_Container] | None = None
    init_containers: list[_Container] | None = None
    image_pull_secrets: list[_Named] | None = None
    service_account_name: str = ""

    def images(self) -> Iterable[tuple[str, str]]:
        """Yield container names with their image texts."""
        for container in (*(self.containers or ()), *(self.init_containers or ())):
            yield container.name, container.image or ""

    def secrets(self) -> tuple[str, ...]:
        """Return the pull secrets by name."""
        return tuple(secret.name for secret in self.image_pull_secrets or () if secret.name)


class _Template(msgspec.Struct):
    spec: PodSpec = msgspec.field(default_factory=PodSpec)


class _Templated(msgspec.Struct):
    template: _Template = msgspec.field(default_factory=_Template)
    replicas: int | None = None


class _Status(msgspec.Struct, rename="camel"):
    ready_replicas: int = 0


class _ReplicaSet(msgspec.Struct):
    metadata: OwnedMetadata
    spec: _Templated = msgspec.field(default_factory=_Templated)
    status: _Status = msgspec.field(default_factory=_Status)


class _RevisionData(msgspec.Struct):
    spec: _Templated = msgspec.field(default_factory=_Templated)


class _ControllerRevision(msgspec.Struct):
    metadata: OwnedMetadata
    data: msgspec.Raw = msgspec.Raw(b"{}")


class Difference(StrEnum):
    """In what a pod differs from the template it was made from."""

    IMAGE = "an image"
    SECRETS = "the pull secrets"


@dataclass(frozen=True, slots=True)
class _Revision:
    """`images`: hashes of container name and image in turn. `counts`: whether its images can be said to have run."""

    owner: int
    images: tuple[int, ...]
    secrets: int
    counts: bool


class _History:
    """A replica of one kind of revisions."""

    def __init__(self) -> None:
        self.by_key: dict[str, _Revision] = {}
        self.ran: Counter[tuple[int, int]] = Counter()
        self.images: Counter[int] = Counter()

    def keep(self, metadata: OwnedMetadata, spec: PodSpec, *, counts: bool) -> None:
        self.delete(metadata.key)
        owner = metadata.controller
        revision = _Revision(hash(owner.uid) if owner else 0, _hashes(spec), hash(spec.secrets()), counts)
        self.by_key[metadata.key] = revision
        pairs = _pairs(revision)
        self.ran.update(pairs)
        self.images.update(image for _, image in pairs)

    def delete(self, key: str) -> None:
        revision = self.by_key.pop(key, None)
        if revision is None:
            return
        for pair in _pairs(revision):
            _less(self.ran, pair)
            _less(self.images, pair[1])

    def keep_only(self, keys: set[str]) -> None:
        for key in [key for key in self.by_key if key not in keys]:
            self.delete(key)


class _ReplicaSets(_History):
    def put(self, obj: _ReplicaSet) -> None:
        """Take a revision in; one that wants pods and has none ready has not shown that its images can run."""
        running = obj.spec.replicas == 0 or obj.status.ready_replicas > 0
        self.keep(obj.metadata, obj.spec.template.spec, counts=running and obj.metadata.controller is not None)


class _ControllerRevisions(_History):
    def put(self, obj: _ControllerRevision) -> None:
        """Take a revision in, unless it is one of another controller's own making: `data` may be anything."""
        try:
            data = decode(obj.data, _RevisionData)
        except Unavailable:
            return
        self.keep(obj.metadata, data.spec.template.spec, counts=True)


class Revisions:
    """The revisions of all workloads; each of `watchings` is to be run beside it."""

    def __init__(self, api: Api) -> None:
        self._sets = _ReplicaSets()
        self._others = _ControllerRevisions()
        self.watchings: tuple[Watching[_ReplicaSet], Watching[_ControllerRevision]] = (
            Watching(api, REPLICA_SETS, _ReplicaSet, self._sets, size=_PAGE),
            Watching(api, CONTROLLER_REVISIONS, _ControllerRevision, self._others, size=_PAGE),
        )

    def ran(self, owner_uid: str, image: str) -> bool:
        """Tell whether a revision of the object with this uid had this image."""
        pair = (hash(owner_uid), hash(image))
        return bool(owner_uid) and (pair in self._sets.ran or pair in self._others.ran)

    def may_have_run(self, owner_uid: str, image: str) -> bool:
        """Tell the same of what is known to have run, and of everything as long as the revisions are not read."""
        return not all(watching.synced.is_set() for watching in self.watchings) or self.ran(owner_uid, image)

    def may_have_run_here(self, image: str) -> bool:
        """Tell whether any object's revision had this image, and of every image as long as they are not read."""
        known = all(watching.synced.is_set() for watching in self.watchings)
        return not known or hash(image) in self._sets.images or hash(image) in self._others.images

    def difference(self, replica_set: str, pod: PodSpec) -> Difference | None:
        """Tell in what a pod differs from its ReplicaSet (`namespace/name`); containers that were added do not count.

        Pull secrets are compared where the template names any; else they came from the ServiceAccount.
        """
        revision = self._sets.by_key.get(replica_set)
        if revision is None:
            return None
        wanted = dict(zip(revision.images[::2], revision.images[1::2], strict=True))
        for name, image in pod.images():
            if wanted.get(hash(name), hash(image)) != hash(image):
                return Difference.IMAGE
        if revision.secrets not in (_NO_SECRETS, hash(pod.secrets())):
            return Difference.SECRETS
        return None

    def names_secrets(self, replica_set: str) -> bool:
        """Tell whether the template of a ReplicaSet names pull secrets of its own; True where it is not known."""
        revision = self._sets.by_key.get(replica_set)
        return revision is None or revision.secrets != _NO_SECRETS


_NO_SECRETS = hash(())


def _hashes(spec: PodSpec) -> tuple[int, ...]:
    return tuple(part for name, image in spec.images() for part in (hash(name), hash(image)))


def _less(counter: Counter[K], key: K) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]


def _pairs(revision: _Revision) -> Collection[tuple[int, int]]:
    """Return owner and image of each of a revision's images, once; nothing where they may never have run."""
    return {(revision.owner, image) for image in revision.images[1::2]} if revision.counts else ()
