"""One look for one reference over all its endpoints, as containerd resolves it (pure but for the Sessions' Wire).

    by tag      HEAD manifests/TAG at every endpoint that may resolve
    by digest   HEAD manifests/DIGEST at every endpoint; were all answers 404 or none at all, HEAD blobs/DIGEST
    200         digest and length in the headers: found. One is missing: GET, and hash what comes
    else        the next endpoint; an answer that is neither success nor refusal (304) ends the look

Of several failures the node shows one: the first of the highest rank. We show the same, with two differences. Where any
endpoint could not be asked, nothing was found out: a mirror that only nodes can reach may have the image. And "not
found" is confirmed only if every endpoint said so and a GET brought the registry's own words for it.

A GET is made where HEAD cannot tell: without a digest, after 405, to confirm a 404, and to read the reason of 400, 403,
412 and 451, which decides what it means.

Source: containerd core/remotes/docker/resolver.go (Resolve).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from http import HTTPStatus

from webhook.image.manifest import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    MAX_MANIFEST_BYTES,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1,
    is_json,
    parse_media_type,
)
from webhook.image.reference import Digest, InvalidReference, Reference, parse_digest
from webhook.registry import nodetext
from webhook.registry.answer import Answer
from webhook.registry.endpoint import Capability
from webhook.registry.failure import RegistryError, error_of
from webhook.registry.resolution import INCONCLUSIVE, Absent, Failure, Step
from webhook.registry.session import Question, Session

ACCEPT = ", ".join((DOCKER_MANIFEST, DOCKER_INDEX, OCI_MANIFEST, OCI_INDEX, "*/*"))
"""What containerd accepts, to the letter: some registries convert or refuse by it."""

MOST_ERROR_BYTES = 64_000
"""What containerd reads of an error's body."""

_UNEXPLAINED = (400, 403, 412, 451)


class Rank(IntEnum):
    """Which of several failures a node shows."""

    UNREACHED = 1
    ABSENT = 2
    STATUS = 3
    TOO_LARGE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A descriptor, and who gave it. `body` is the manifest if a GET was needed to learn its digest."""

    digest: Digest
    media_type: str
    session: Session
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Failed:
    rank: Rank
    error: RegistryError
    session: Session


class Lookup:
    """One look. The sessions are those of all endpoints, in order."""

    def __init__(self, reference: Reference, sessions: Sequence[Session]) -> None:
        """Begin with nothing asked."""
        self._reference = reference
        wanted = Capability.PULL if reference.digest else Capability.PULL | Capability.RESOLVE
        self._sessions = [each for each in sessions if wanted in each.endpoint.capabilities]
        self._failed: list[_Failed] = []

    async def find(self) -> Found:
        """Return what the reference names; raise `RegistryError`."""
        if not self._sessions:
            message = "no endpoint that is configured for this registry may resolve tags"
            raise error_of(Failure.NOT_FOUND, message, node_error=nodetext.NO_HOSTS)
        found = await self._among(self._question("manifests", Step.MANIFEST))
        if found is None and self._reference.digest and self._worst.rank <= Rank.ABSENT:
            found = await self._among(self._question("blobs", Step.BLOB))
        if found is None:
            raise await self._verdict()
        return found

    def _question(self, kind: str, step: Step) -> Question:
        return Question(
            step=step,
            method="HEAD",
            parts=(kind, self._reference.identifier),
            accept=ACCEPT,
            limit=MAX_MANIFEST_BYTES + 1,
            what=Absent.DIGEST if self._reference.digest else Absent.TAG,
        )

    async def _among(self, question: Question) -> Found | None:
        for session in self._sessions:
            try:
                answer = await session.ask(question, last=session is self._sessions[-1])
            except RegistryError as error:
                self._failed.append(_Failed(Rank.UNREACHED, error, session))
                continue
            if answer.status < 300:
                found = await self._descriptor(session, question, answer)
                if found is not None:
                    return found
            else:
                self._failed.append(await self._refused(session, question, answer))
        return None

    async def _refused(self, session: Session, question: Question, answer: Answer) -> _Failed:
        if answer.status < 400:
            raise session.refusal(answer, question)
        if answer.status == HTTPStatus.NOT_FOUND:
            error = session.refusal(answer, question)
            error.node_error = nodetext.not_found(self._reference)
            return _Failed(Rank.ABSENT, error, session)
        explained_by = None
        if answer.method == "HEAD" and answer.status in _UNEXPLAINED:
            explained_by = await self._by_get(session, question)
        return _Failed(Rank.STATUS, session.refusal(answer, question, explained_by=explained_by), session)

    async def _by_get(self, session: Session, question: Question) -> Answer | None:
        """Ask the same by GET to read what HEAD cannot tell; None when that fails."""
        try:
            return await session.ask(replace(question, method="GET", limit=MOST_ERROR_BYTES), last=False)
        except RegistryError:
            return None

    async def _descriptor(self, session: Session, question: Question, answer: Answer) -> Found | None:
        """Read the descriptor out of a success; None if it is too large to be one."""
        _refuse_page(answer)
        digest, size = self._stated(answer), answer.length
        body = None
        if digest is None or size is None:
            if answer.method == "HEAD":
                answer = await self._get(session, question)
            size = len(answer.body)
            if digest is None:
                digest, body = self._hashed(answer), answer.body
        if size > MAX_MANIFEST_BYTES:
            self._failed.append(_Failed(Rank.TOO_LARGE, self._too_large(size), session))
            return None
        media_type = parse_media_type(answer.header("content-type"))
        return Found(digest=digest, media_type=media_type, session=session, body=body)

    def _stated(self, answer: Answer) -> Digest | None:
        """Return the digest that was asked for, or the one in the header where that counts."""
        if self._reference.digest:
            return self._reference.digest
        header = answer.header("docker-content-digest")
        if not header or answer.length is None:
            return None
        try:
            return parse_digest(header)
        except InvalidReference as error:
            raise error_of(
                Failure.SERVER_ERROR,
                f"{answer.url.origin} names a digest that is none",
                node_error=nodetext.bad_digest(header, str(error)),
            ) from error

    async def _get(self, session: Session, question: Question) -> Answer:
        """Fetch the manifest itself; whatever fails here ends the look."""
        question = replace(question, method="GET")
        answer = await session.ask(question, last=True)
        if answer.status >= 300:
            raise session.refusal(answer, question)
        _refuse_page(answer)
        return answer

    def _hashed(self, answer: Answer) -> Digest:
        """Return the digest of what came; raise where no registry can have meant it: half a document, or none."""
        if len(answer.body) <= MAX_MANIFEST_BYTES and not is_json(answer.body):
            raise error_of(Failure.SERVER_ERROR, f"{answer.url.origin} answers {answer.status} with no whole manifest")
        if parse_media_type(answer.header("content-type")) == SCHEMA1:
            raise error_of(
                Failure.NOT_AN_IMAGE,
                "an image of schema 1, which containerd no longer takes",
                node_error=nodetext.schema1(SCHEMA1, DOCKER_MANIFEST, OCI_MANIFEST),
            )
        return Digest(f"sha256:{hashlib.sha256(answer.body).hexdigest()}")

    def _too_large(self, size: int) -> RegistryError:
        return error_of(
            Failure.NOT_AN_IMAGE,
            f"a manifest of more than {MAX_MANIFEST_BYTES} bytes, which containerd does not take",
            node_error=nodetext.too_large(self._reference, size),
        )

    @property
    def _worst(self) -> _Failed:
        """The failure that a node would show."""
        return max(self._failed, key=lambda failed: failed.rank)

    async def _verdict(self) -> RegistryError:
        """Return the failure to report."""
        shown = self._worst.error
        unsure = next((each.error for each in self._failed if each.error.failure in INCONCLUSIVE), None)
        if shown.failure not in INCONCLUSIVE and unsure is not None:
            return replace(unsure, node_error=shown.node_error)
        if self._worst.rank is Rank.ABSENT and shown.failure is Failure.NOT_FOUND:
            return await self._confirmed(shown)
        return shown

    async def _confirmed(self, shown: RegistryError) -> RegistryError:
        """Ask the last endpoint that said 404, the registry's own by preference, to say so in its own words."""
        absent = [each for each in self._failed if each.rank is Rank.ABSENT]
        own = [each for each in absent if not each.session.endpoint.mirrored]
        chosen = (own or absent)[-1]
        error = chosen.error if chosen.error.confirmed else await self._in_own_words(chosen.session)
        if error is None:
            return shown
        unanimous = all(each.error.failure is Failure.NOT_FOUND for each in self._failed)
        return replace(error, node_error=shown.node_error, confirmed=error.confirmed and unanimous)

    async def _in_own_words(self, session: Session) -> RegistryError | None:
        question = self._question("manifests", Step.MANIFEST)
        answer = await self._by_get(session, question)
        if answer is None or answer.status != HTTPStatus.NOT_FOUND:
            return None
        return session.refusal(answer, question)


def verify(body: bytes, digest: Digest) -> bool:
    """Tell whether `body` is what `digest` names."""
    algorithm, _, encoded = digest.partition(":")
    return hashlib.new(algorithm, body).hexdigest() == encoded


def _refuse_page(answer: Answer) -> None:
    """Raise for a page: a portal says 200 to everything."""
    if answer.is_page:
        raise error_of(
            Failure.NOT_A_REGISTRY,
            f"{answer.url.origin} answers {answer.status} with a web page, not as a registry",
        )
