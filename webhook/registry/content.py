"""What a descriptor leads to: index or manifest, and a single manifest's config (pure but for the Sessions' Wire).

Every document is fetched by digest, bounded in bytes, and only taken if its hash is right. First asked is the endpoint
that has the image, then the others as containerd would.

    the document itself   it is what a node fetches next: what keeps it from us is told as a node would meet it
    all that is inside    None where it cannot be had: the question it was to answer is then not judged

With `depth`, all of it is looked for: of an index the manifests of its images, of every manifest the config and the
layers (by HEAD). What the registry says it has not is noted as gone; what it does not tell is not.

Source: containerd core/remotes/docker/fetcher.go; core/images/image.go (Manifest, Config), core/images/handlers.go.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from webhook.image.manifest import (
    MAX_MANIFEST_BYTES,
    Descriptor,
    Index,
    Kind,
    MalformedManifest,
    Manifest,
    decode,
    decode_config,
    kind_of,
)
from webhook.image.reference import Digest
from webhook.registry import nodetext
from webhook.registry.answer import Answer
from webhook.registry.failure import RegistryError, error_of
from webhook.registry.lookup import Found, verify
from webhook.registry.resolution import INCONCLUSIVE, Absent, Failure, Quota, Step
from webhook.registry.session import Question, Session

_MOST_NESTED = 8
_DEEPEST = 3
_LEAST_LEFT = 0.2
_MOST_IMAGES = 16
_MOST_LAYERS = 128
"""As many as an image may have for Linux to mount them."""
_ELSEWHERE = re.compile(r"\bforeign\b|\bnondistributable\b")
"""Layers that are had by their own URLs, and that no registry need have."""


def affordable(quota: Quota | None) -> bool:
    """Tell whether a GET may be spent: where pulls are counted, more than a fifth of the window's must be left."""
    return quota is None or quota.remaining > quota.limit * _LEAST_LEFT


@dataclass(frozen=True, slots=True)
class _Missing:
    """What could not be had. `gone`: all who were asked say that they have it not."""

    error: RegistryError

    @property
    def gone(self) -> bool:
        return self.error.failure is Failure.NOT_FOUND


class Fetcher:
    """Fetches by digest from the endpoints of one look."""

    def __init__(self, sessions: Sequence[Session], *, depth: bool = False, may_spend: Callable[[], bool]) -> None:
        """Ask these, in order; `may_spend` tells whether another manifest may be fetched."""
        self._sessions = tuple(sessions)
        self._depth = depth
        self._may_spend = may_spend
        self._nested = 0
        self._images = 0

    async def content(self, found: Found) -> Index | Manifest | None:
        """Return the document that was found; raise `RegistryError` if a node would not get it, or not take it."""
        self._sessions = (found.session, *(each for each in self._sessions if each is not found.session))
        document = await self._document(found.digest, found.media_type, found.body)
        match document:
            case _Missing():
                raise _as_found(document.error)
            case Index():
                return await self._with_nested(document, _DEEPEST)
            case Manifest():
                return await self._with_config(document)
        return None

    async def _document(
        self, digest: Digest, media_type: str, body: bytes | None = None
    ) -> Index | Manifest | _Missing | None:
        if kind_of(media_type) not in (Kind.INDEX, Kind.MANIFEST):
            return None
        fetched = await self._fetch("manifests", Step.MANIFEST, digest, media_type) if body is None else body
        if isinstance(fetched, _Missing):
            return fetched
        try:
            return decode(fetched, media_type)
        except MalformedManifest as error:
            raise error_of(Failure.NOT_AN_IMAGE, str(error)) from error

    async def _with_nested(self, index: Index, depth: int) -> Index:
        """Fetch the indexes inside, a few and not deep."""
        nested = []
        for descriptor in _of_kind(index, Kind.INDEX):
            if depth == 0 or self._nested >= _MOST_NESTED:
                break
            self._nested += 1
            inner = await self._inner(descriptor)
            if isinstance(inner, Index):
                nested.append((descriptor.digest, await self._with_nested(inner, depth - 1)))
        whole = replace(index, nested=tuple(nested))
        return await self._with_images(whole) if self._depth else whole

    async def _with_images(self, index: Index) -> Index:
        """Fetch the manifests inside, and look for what they name."""
        images, gone = [], []
        for descriptor in _of_kind(index, Kind.MANIFEST):
            if self._images >= _MOST_IMAGES or not self._may_spend():
                break
            self._images += 1
            inner = await self._inner(descriptor)
            if isinstance(inner, Manifest):
                images.append((descriptor.digest, await self._with_config(inner)))
            elif isinstance(inner, _Missing) and inner.gone:
                gone.append(descriptor.digest)
        return replace(index, images=tuple(images), gone=tuple(gone))

    async def _inner(self, descriptor: Descriptor) -> Index | Manifest | _Missing | None:
        try:
            return await self._document(descriptor.digest, descriptor.media_type)
        except RegistryError:  # the outer index is fine, and what is in it may never be chosen
            return None

    async def _with_config(self, manifest: Manifest) -> Manifest:
        """Add what the config says, as far as there is one that says it, and what is gone."""
        layers = await self._missing_layers(manifest) if self._depth else ()
        body = await self._fetch("blobs", Step.BLOB, manifest.config.digest, manifest.config.media_type)
        if isinstance(body, _Missing):
            return replace(manifest, gone=((manifest.config.digest,) if body.gone else ()) + layers)
        manifest = replace(manifest, gone=layers)
        try:
            config = decode_config(body)
        except MalformedManifest:
            return manifest
        return replace(manifest, platform=config.platform, counted=config.layers)

    async def _missing_layers(self, manifest: Manifest) -> tuple[Digest, ...]:
        here = (layer for layer in manifest.layers if not _ELSEWHERE.search(layer.media_type))
        digests = tuple(dict.fromkeys(layer.digest for layer in here))[:_MOST_LAYERS]
        return tuple([digest for digest in digests if await self._lacks(digest)])

    async def _lacks(self, digest: Digest) -> bool:
        question = Question(step=Step.BLOB, method="HEAD", parts=("blobs", digest), accept="*/*", limit=0)
        for session in self._sessions:
            try:
                answer = await session.ask(question, last=False)
            except RegistryError:
                return False
            if answer.status != HTTPStatus.NOT_FOUND:
                return False
            session.refusal(answer, question)  # so that the attempts tell what it was
        return True

    async def _fetch(self, kind: str, step: Step, digest: Digest, media_type: str) -> bytes | _Missing:
        question = Question(
            step=step,
            method="GET",
            parts=(kind, digest),
            accept=f"{media_type}, */*" if media_type else "*/*",
            limit=MAX_MANIFEST_BYTES + 1,
            what=Absent.DIGEST,
        )
        errors: list[RegistryError] = []
        for session in self._sessions:
            try:
                answer = await session.ask(question, last=session is self._sessions[-1])
            except RegistryError as error:
                errors.append(error)
                continue
            if answer.status >= 300:
                errors.append(_refused(session, answer, question))
            elif len(answer.body) <= MAX_MANIFEST_BYTES and verify(answer.body, digest):
                return answer.body
            else:
                errors.append(error_of(Failure.NOT_FOUND, f"{answer.url.origin} has other content under {digest}"))
        return _Missing(_telling(errors))


def _telling(errors: Sequence[RegistryError]) -> RegistryError:
    """Return what was not found out, if anything was not; else who refuses, and only then who has it not."""
    unsure = (each for each in errors if each.failure in INCONCLUSIVE)
    refusing = (each for each in errors if each.failure is not Failure.NOT_FOUND)
    return next(unsure, None) or next(refusing, None) or errors[0]


def _as_found(error: RegistryError) -> RegistryError:
    """Mark what was said of the content behind a name: never as sure as what is said of a name."""
    node_error = nodetext.not_fetched(error.node_error) if error.node_error else ""
    return replace(error, found=True, confirmed=False, node_error=node_error)


def _refused(session: Session, answer: Answer, question: Question) -> RegistryError:
    error = session.refusal(answer, question)
    if error.failure is Failure.NOT_FOUND:
        error.node_error = nodetext.absent_content(answer.url)
    return error


def _of_kind(index: Index, kind: Kind) -> Iterator[Descriptor]:
    entries = (each for each in index.manifests if kind_of(each.media_type) is kind)
    return (each for each in entries if each.platform is None or not each.platform.unknown)
