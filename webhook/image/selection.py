"""Which manifests of an index a node fetches, and whether it can use one (pure).

containerd asks twice, with two different matchers, and both must be content:

    what to fetch       client.Pull          the best one that `only` takes; none: the pull fails there
                        transfer service     all that `only_strict` takes, and all without a platform; none: nothing
    what to run         both                 the best one that `only` takes, or else one without a platform whose config
                                             says a platform that it takes; it must have been fetched

Entries marked unknown/unknown (attestations) match no node. Nested indexes are followed, each judged like the first.
The transfer service is the CRI's since containerd 2.1, unless configured otherwise; its part was seen on a node
(kubelet 1.37.2, containerd 2.4.2), also that content which another pull left there counts as fetched. Source:
containerd v2.4.2 core/images/handlers.go (`FilterPlatforms`, `LimitManifests`), image.go (`Manifest`),
core/transfer/image/imagestore.go, client/pull.go, internal/cri/server/images/image_pull.go.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from webhook.image.manifest import Descriptor, Index, Kind, kind_of
from webhook.image.matching import Matcher, only, only_strict, windows
from webhook.image.platform import Platform
from webhook.image.reference import Digest

_DEEPEST = 8


class Puller(StrEnum):
    """Which part of containerd pulls."""

    CLIENT = "client.Pull"
    TRANSFER = "transfer service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What one puller makes of an index on one node.

    `fetched`: the entries it asks the registry for. `chosen`: the one that it would run. `pulls`: None where only a
    document that was not read can tell: the config of an entry without a platform, or a nested index.
    """

    fetched: tuple[Descriptor, ...]
    chosen: Descriptor | None
    pulls: bool | None


def select(index: Index, node: Platform, puller: Puller) -> Selection:
    """Select what `puller` takes of `index` on a node."""
    return _select(index, node, puller, 0)


def pullable(index: Index, node: Platform) -> bool | None:
    """Tell whether a node can pull: None where it depends on its containerd, or on documents that were not read."""
    answers = {select(index, node, puller).pulls for puller in Puller}
    return answers.pop() if len(answers) == 1 else None


def platforms(index: Index) -> tuple[Platform, ...]:
    """Return the platforms that an index names, nested ones too, in order, once each, without attestations."""
    named = (entry.platform.normalised() for entry in _entries(index, set()) if entry.platform is not None)
    return tuple(dict.fromkeys(platform for platform in named if not platform.unknown))


def _select(index: Index, node: Platform, puller: Puller, depth: int) -> Selection:
    run = windows(node) if node.os == "windows" else only(node)
    usable = _kept(index, run)
    chosen = min(usable, key=lambda entry: _rank(entry, run), default=None)
    match puller:
        case Puller.TRANSFER:
            fetched = _kept(index, only_strict(node))
        case Puller.CLIENT:
            fetched = () if chosen is None else (chosen,)
        case other:
            assert_never(other)
    pulls = chosen is not None and chosen in fetched and _usable(chosen, index, node, puller, depth)
    return Selection(fetched=fetched, chosen=chosen, pulls=pulls)


def _usable(entry: Descriptor, index: Index, node: Platform, puller: Puller, depth: int) -> bool | None:
    kind = kind_of(entry.media_type)
    if kind is Kind.INDEX:
        nested = dict(index.nested).get(entry.digest)
        return None if nested is None or depth >= _DEEPEST else _select(nested, node, puller, depth + 1).pulls
    if kind is not Kind.MANIFEST:
        return False
    return True if entry.platform is not None else None


def _kept(index: Index, matcher: Matcher) -> tuple[Descriptor, ...]:
    return tuple(entry for entry in index.manifests if entry.platform is None or matcher.match(entry.platform))


def _rank(entry: Descriptor, matcher: Matcher) -> tuple[int, ...]:
    return (2,) if entry.platform is None else matcher.rank(entry.platform)


def _entries(index: Index, seen: set[Digest]) -> Iterator[Descriptor]:
    """Yield the entries of an index and of those nested in it, each nested one once."""
    nested = dict(index.nested)
    for entry in index.manifests:
        yield entry
        if entry.digest in nested and entry.digest not in seen:
            seen.add(entry.digest)
            yield from _entries(nested[entry.digest], seen)
