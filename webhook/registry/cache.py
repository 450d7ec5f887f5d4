"""What registries answered, for as long as it may be believed (pure: the clock is a parameter).

One entry per registry, repository, tag or digest, credential and "with content": one login's access never answers for
another's. Laws:

- an answer that says yes is good for its whole lifetime;
- an answer that says no, or that could not find out, is good only for those who accept its age (`not_before`);
- an answer with content also answers who asks without.

Content (an index or manifest) is kept apart, bounded by its number of descriptors, since it is what weighs. Its key
holds registry and repository beside the digest, so that a hostile registry which lies about a digest lies to itself.
What a digest names never changes, but what is gone of it may come back: content with something missing lives and dies
with the answer that it came with.

Memory, measured with 20,000 entries on CPython 3.11 (tracemalloc): 1.5 kB an entry with three attempts, so 30 MB when
full; a descriptor of content takes 350 bytes, so 50,000 of them 18 MB.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cachetools import LRUCache, TLRUCache

from webhook.image.manifest import Descriptor, Index, Kind, Manifest, kind_of
from webhook.image.reference import Digest, Reference
from webhook.registry.resolution import INCONCLUSIVE, Failure, Resolution, Resolved

PACE = 1.0
"""Seconds between two looks at one image with one login, however often a fresh answer is wanted.

No negative answer lives shorter than this: it is what the next look-up is paced by.
"""

ANY_AGE = float("-inf")
"""For `not_before`: whatever there is."""

_CHARACTERS = 256
"""Characters of a descriptor's texts that weigh as much as another descriptor."""

_LIGHT = 256
"""Descriptors up to which flawed content stays in its answer."""

_ABSENT = (Failure.NOT_FOUND, Failure.NOT_AN_IMAGE)


class Key(NamedTuple):
    """What an answer is an answer to. `credential` is `Credential.id`."""

    registry: str
    repository: str
    identifier: str
    credential: str
    content: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What one look with one login told, and when that look began (loop time).

    `source` is the name of the login that the look was made with, as it stands in the attempts. Another caller's name
    for the same login may differ. `apart`: the content that came with it is kept by digest, not here.

    `heard_for`: another replica's word, and the seconds for which that holds; None for what we saw ourselves. No denial
    may rest on it: whoever states an age, as a second look does, is not served by it.

    `until`: when it ends (loop time), once it is remembered.
    """

    resolution: Resolution
    began: float
    source: str = ""
    apart: bool = False
    heard_for: float | None = None
    until: float = field(default=float("inf"), compare=False)

    @property
    def positive(self) -> bool:
        """True when the registry has the image."""
        return isinstance(self.resolution, Resolved)

    def serves(self, not_before: float, *, fresh: bool = False) -> bool:
        """Tell whether a caller may have this who accepts no older refusal, or with `fresh` no older answer at all."""
        if self.heard_for is not None and not_before > ANY_AGE:
            return False
        return self.began >= not_before or (self.positive and not fresh)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long answers live, in seconds."""

    tags: float = 60.0
    digests: float = 3600.0
    not_found: float = 15.0
    refused: float = 30.0
    inconclusive: float = 5.0
    rate_limited_most: float = 3600.0

    def of(self, key: Key, answer: Answer) -> float:
        """Return how long `answer` may be believed."""
        resolution = answer.resolution
        if isinstance(resolution, Resolved):
            # content that was asked for and could not be had should be asked for again soon
            settled = ":" in key.identifier and (answer.apart or not key.content)
            seconds = self.digests if settled else self.tags
            if kind_of(resolution.media_type) is Kind.OTHER:  # no node takes it, so it is an absence in effect
                seconds = min(seconds, max(PACE, self.not_found))
            return seconds if answer.heard_for is None else min(seconds, answer.heard_for)
        if resolution.failure is Failure.RATE_LIMITED and resolution.retry_after is not None:
            return max(PACE, min(resolution.retry_after, self.rate_limited_most))
        if resolution.failure in INCONCLUSIVE:
            return max(PACE, self.inconclusive)
        return max(PACE, self.not_found if resolution.failure in _ABSENT else self.refused)


@dataclass(slots=True)
class _Held:
    """One index or manifest. `last`: the answer that was last made whole with it, without and with it."""

    content: Index | Manifest
    last: tuple[Answer, Answer] | None = None


class Contents:
    """Indexes and manifests by digest, and the digest that each name had last."""

    def __init__(self, most: int = 50_000) -> None:
        """Keep at most `most` descriptors in all."""
        self._kept: LRUCache[tuple[str, str, Digest], _Held] = LRUCache(most, getsizeof=_weight_of)
        self._last: LRUCache[tuple[str, str, str], Digest] = LRUCache(4096)

    def keep(self, resolved: Resolved) -> bool:
        """Remember what `resolved` holds; tell whether there was anything and it could be kept."""
        content, reference = resolved.content, resolved.reference
        if content is None or not _whole(content) or _weight(content) > self._kept.maxsize:
            return False
        self._kept[reference.registry, reference.repository, resolved.digest] = _Held(content)
        self._last[reference.registry, reference.repository, reference.identifier] = resolved.digest
        return True

    def fill(self, resolved: Resolved) -> Resolved:
        """Return `resolved` with its content, if that is kept."""
        held = self._held(resolved)
        return resolved if held is None else replace(resolved, content=held.content)

    def whole(self, answer: Answer, resolved: Resolved) -> Answer | None:
        """Return `answer`, which is `resolved`, with its content; None if that is not kept any more.

        The same answer is made whole for pod after pod, and kept so for as long as its content is.
        """
        held = self._held(resolved)
        if held is None:
            return None
        if held.last is None or held.last[0] is not answer:
            held.last = answer, replace(answer, resolution=replace(resolved, content=held.content))
        return held.last[1]

    def expects(self, reference: Reference) -> bool:
        """Tell whether the content that `reference` had last is kept: a HEAD may then be enough."""
        digest = reference.digest or self._last.get((reference.registry, reference.repository, reference.identifier))
        return digest is not None and (reference.registry, reference.repository, digest) in self._kept

    def _held(self, resolved: Resolved) -> _Held | None:
        reference = resolved.reference
        return self._kept.get((reference.registry, reference.repository, resolved.digest))


class Answers:
    """Answers by key, the least recently used dropped first.

    `changes`: how often anything was put here or, for that, dropped. While it stays, what was told is told again until
    it ends.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        lifetimes: Lifetimes | None = None,
        contents: Contents | None = None,
        most: int = 20_000,
    ) -> None:
        """Keep at most `most` entries; `clock` gives the time that `Answer.began` is measured in."""
        self.changes = 0
        self._clock = clock
        self._lifetimes = lifetimes or Lifetimes()
        self._contents = contents or Contents()
        self._kept: TLRUCache[Key, Answer] = TLRUCache(most, _end_of, clock)

    def get(self, key: Key, *, not_before: float, fresh: bool = False) -> Answer | None:
        """Return what is known, if the caller may have it; see `Answer.serves`."""
        answer = self._served(key, not_before, fresh)
        if key.content:
            return None if answer is None else self._whole(answer)
        if answer is not None:
            return answer
        richer = self._served(key._replace(content=True), not_before, fresh)
        return richer if richer is not None and richer.positive else None

    def looked_at(self, key: Key, *, fresh: bool) -> float | None:
        """Return when the look began that is remembered, if it failed (`fresh`: however it ended)."""
        answer = self._kept.get(key)
        return None if answer is None or (answer.positive and not fresh) else answer.began

    def put(self, key: Key, answer: Answer) -> None:
        """Remember `answer`; its content is kept apart."""
        self.changes += 1
        resolution = answer.resolution
        if isinstance(resolution, Resolved):
            self._forget_refusal(key._replace(content=not key.content))
            if resolution.content is not None:
                apart = self._contents.keep(resolution)
                stays = not _whole(resolution.content) and _weight(resolution.content) <= _LIGHT
                left = resolution if stays else replace(resolution, content=None)
                answer = replace(answer, resolution=left, apart=apart)
        self._kept[key] = replace(answer, until=self._clock() + self._lifetimes.of(key, answer))

    def _forget_refusal(self, key: Key) -> None:
        answer = self._kept.get(key)
        if answer is not None and not answer.positive:
            self._kept.pop(key, None)

    def _served(self, key: Key, not_before: float, fresh: bool) -> Answer | None:
        try:
            answer = self._kept[key]  # `get` would look twice, and twice at the clock
        except KeyError:
            return None
        return answer if answer.serves(not_before, fresh=fresh) else None

    def _whole(self, answer: Answer) -> Answer | None:
        """Put the content back; an answer whose content has been dropped is no answer."""
        if not (answer.apart and isinstance(answer.resolution, Resolved)):
            return answer
        return self._contents.whole(answer, answer.resolution)


def _end_of(_: Key, answer: Answer, __: float) -> float:
    return answer.until


def _weight_of(held: _Held) -> int:
    return _weight(held.content)


def _whole(content: Index | Manifest) -> bool:
    """Tell whether nothing of it was seen to be gone."""
    if isinstance(content, Manifest):
        return not content.gone
    nested = all(_whole(index) for _, index in content.nested)
    return nested and not content.gone and all(_whole(image) for _, image in content.images)


def _weight(content: Index | Manifest) -> int:
    """Count the descriptors, those with long texts as several."""
    if isinstance(content, Manifest):
        return 1 + sum(map(_weight_of_one, (content.config, *content.layers)))
    nested = sum(_weight(index) for _, index in content.nested)
    own = sum(map(_weight_of_one, content.manifests))
    return 1 + own + nested + sum(_weight(image) for _, image in content.images)


def _weight_of_one(descriptor: Descriptor) -> int:
    platform = descriptor.platform
    texts = len(descriptor.media_type) + len(descriptor.artifact_type)
    if platform is not None:
        texts += sum(map(len, (platform.os, platform.architecture, platform.variant, platform.os_version)))
        texts += sum(map(len, platform.os_features)) + _CHARACTERS // 4 * len(platform.os_features)
    return 1 + texts // _CHARACTERS
