"""What a descriptor leads to: index or manifest, and a single manifest's config (pure but for the Sessions' Wire).

Every document is fetched by digest, bounded in bytes, and only taken if its hash is right. First asked is the endpoint
that has the image, then the others as containerd would. What cannot be fetched is None: the question it was to answer
is then not judged.

Source: containerd core/remotes/docker/fetcher.go; core/images/image.go (Manifest, Config).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

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
from webhook.registry.failure import RegistryError, error_of
from webhook.registry.lookup import Found, verify
from webhook.registry.resolution import Failure, Quota, Step
from webhook.registry.session import Question, Session

_MOST_NESTED = 8
_DEEPEST = 3
_LEAST_LEFT = 0.2


def affordable(quota: Quota | None) -> bool:
    """Tell whether a GET may be spent: where pulls are counted, more than a fifth of the window's must be left."""
    return quota is None or quota.remaining > quota.limit * _LEAST_LEFT


class Fetcher:
    """Fetches by digest from the endpoints of one look."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        """Ask these, in order."""
        self._sessions = tuple(sessions)
        self._nested = 0

    async def content(self, found: Found) -> Index | Manifest | None:
        """Return the document that was found; raise `RegistryError` if it is none that containerd takes."""
        self._sessions = (found.session, *(each for each in self._sessions if each is not found.session))
        document = await self._document(found.digest, found.media_type, found.body)
        match document:
            case Index():
                return await self._with_nested(document, _DEEPEST)
            case Manifest():
                return await self._with_config(document)
        return None

    async def _document(self, digest: Digest, media_type: str, body: bytes | None = None) -> Index | Manifest | None:
        if kind_of(media_type) not in (Kind.INDEX, Kind.MANIFEST):
            return None
        if body is None:
            body = await self._fetch("manifests", Step.MANIFEST, digest, media_type)
        if body is None:
            return None
        try:
            return decode(body, media_type)
        except MalformedManifest as error:
            raise error_of(Failure.NOT_AN_IMAGE, str(error)) from error

    async def _with_nested(self, index: Index, depth: int) -> Index:
        """Fetch the indexes inside, a few and not deep."""
        nested = []
        for descriptor in _indexes(index):
            if depth == 0 or self._nested >= _MOST_NESTED:
                break
            self._nested += 1
            inner = await self._inner(descriptor)
            if inner is not None:
                nested.append((descriptor.digest, await self._with_nested(inner, depth - 1)))
        return replace(index, nested=tuple(nested))

    async def _inner(self, descriptor: Descriptor) -> Index | None:
        try:
            document = await self._document(descriptor.digest, descriptor.media_type)
        except RegistryError:  # the outer index is fine, and what is in it may never be chosen
            return None
        return document if isinstance(document, Index) else None

    async def _with_config(self, manifest: Manifest) -> Manifest:
        """Add what the config says, as far as there is one that says it."""
        body = await self._fetch("blobs", Step.BLOB, manifest.config.digest, manifest.config.media_type)
        if body is None:
            return manifest
        try:
            config = decode_config(body)
        except MalformedManifest:
            return manifest
        return replace(manifest, platform=config.platform, counted=config.layers)

    async def _fetch(self, kind: str, step: Step, digest: Digest, media_type: str) -> bytes | None:
        question = Question(
            step=step,
            method="GET",
            parts=(kind, digest),
            accept=f"{media_type}, */*" if media_type else "*/*",
            limit=MAX_MANIFEST_BYTES + 1,
        )
        for session in self._sessions:
            try:
                answer = await session.ask(question, last=session is self._sessions[-1])
            except RegistryError:
                continue
            if answer.status < 300 and len(answer.body) <= MAX_MANIFEST_BYTES and verify(answer.body, digest):
                return answer.body
            if answer.status >= 300:
                session.refusal(answer, question)  # so that the attempts tell what it was
        return None


def _indexes(index: Index) -> Iterator[Descriptor]:
    return (each for each in index.manifests if kind_of(each.media_type) is Kind.INDEX)
