"""Positive answers that the replicas of a webhook share, over the Redis protocol (I/O).

| law | how |
|---|---|
| only "yes" is shared | there is nothing else to `tell`; and what was heard never serves a second look, see `Answer` |
| the store learns nothing | keys are keyed hashes of image and login, values are sealed (AES-GCM) |
| the store can invent nothing | what was not sealed with our secret, and for this key, is nobody's word |
| down or slow is as if it were not there | each exchange has `timeout`; after a failure it is left alone for `REST` |
| one look for all replicas | who finds nothing leaves a claim, which the others wait out, `CLAIM` seconds at most |

The secret is stretched (scrypt) from the store's own password: all replicas have it, and nobody else should.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis.asyncio import BlockingConnectionPool, Redis, SSLConnection
from redis.asyncio.connection import RedisSSLContext
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from webhook.credentials.credential import Credential
from webhook.image.reference import Digest, Reference, parse_digest
from webhook.registry.resolution import Resolved

T = TypeVar("T")

CLAIM = 2.0
"""Seconds that a replica may take for a look before the others, who wait for it, look themselves."""

REST = 5.0
"""Seconds for which a store that failed is not asked again."""

_CONNECTIONS = 8
_POLL = 0.02
_SLOWEST_POLL = 0.2
_NONCE = 12
_SALT = b"pullproof shared answers 1"
_NOBODYS_WORD = (InvalidTag, msgspec.DecodeError, ValueError)


class _Word(msgspec.Struct, frozen=True, array_like=True):
    """What is told of an image: what a HEAD shows, no more."""

    digest: str
    media_type: str
    endpoint: str
    mirrored: bool


class _Found(NamedTuple):
    """What stands under a name, and for how long; a claim is empty."""

    value: bytes | None
    seconds: float

    @property
    def claimed(self) -> bool:
        return self.value == b""


class _Connection(SSLConnection):
    """One whose TLS context is that of all the others; the library would read the system's authorities for each."""

    def __init__(self, *, context: RedisSSLContext, **more: Any) -> None:
        super().__init__(**more)
        self.ssl_context = context


def _connections(url: str, password: str, timeout: float) -> BlockingConnectionPool:
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=timeout,
        password=password,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
    )
    if pool.connection_class is SSLConnection:
        try:
            context = SSLConnection(**pool.connection_kwargs).ssl_context
            context.get()
        except (OSError, RedisError) as error:
            raise ValueError(f"its certificate files: {error}") from error
        pool.connection_class = _Connection
        pool.connection_kwargs["context"] = context
    return pool


class SharedStore:
    """The replicas' answers; `aclose` it."""

    def __init__(self, url: str, *, password: str, prefix: str, timeout: float, claim: float = CLAIM) -> None:
        """Make ready, which takes a processor's tenth of a second (keys, authorities): not on an event loop.

        `timeout` (of each exchange) and `claim` in seconds. Raise a ValueError for a URL, or files in it, of no use.
        """
        self._redis = Redis.from_pool(_connections(url, password, timeout))
        self._timeout = timeout
        self._claim = claim
        self._prefix = prefix
        key = hashlib.scrypt(password.encode(), salt=_SALT, n=2**14, r=8, p=1, dklen=64)
        self._naming, self._sealing = key[:32], AESGCM(key[32:])
        self._resting_until = 0.0

    async def ask(self, reference: Reference, login: Credential) -> tuple[Resolved, float] | None:
        """Return a replica's word and for how many seconds it holds; None: look, the others wait for what you tell."""
        name = self._name(reference, login)
        end = _now() + self._claim
        found = await self._guarded(lambda: self._found(name, claim=True))
        pause = _POLL
        while found is not None and found.claimed and _now() < end:
            await asyncio.sleep(pause)
            pause = min(pause * 2, _SLOWEST_POLL)
            found = await self._guarded(lambda: self._found(name, claim=False))
        return None if found is None else self._heard(reference, name, found)

    async def tell(self, reference: Reference, login: Credential, resolved: Resolved | None, seconds: float) -> None:
        """Say what a look found and for how long it holds; None for what is not to be shared. Never raises."""
        name = self._name(reference, login)
        if resolved is None or seconds < 1:
            await self._guarded(lambda: self._redis.delete(name))
            return
        sealed = self._seal(name, resolved)
        await self._guarded(lambda: self._redis.set(name, sealed, px=int(seconds * 1000)))

    async def aclose(self) -> None:
        """Close the connections; one whose other end does not take part has nothing to lose. Never raises."""
        with suppress(Exception):
            await self._redis.aclose()

    async def _found(self, name: str, *, claim: bool) -> _Found:
        """Return what is there; `claim`: leave a claim where there is nothing, which is ours alone then."""
        async with self._redis.pipeline(transaction=False) as steps:
            if claim:
                steps.set(name, b"", px=int(self._claim * 1000), nx=True)
            steps.get(name)
            steps.pttl(name)
            *claimed, value, left = await steps.execute()
        return _Found(value if isinstance(value, bytes) and not any(claimed) else None, left / 1000)

    def _heard(self, reference: Reference, name: str, found: _Found) -> tuple[Resolved, float] | None:
        word = self._open(name, found.value) if found.value else None
        if word is None or found.seconds <= 0:
            return None
        resolved = Resolved(
            reference=reference,
            digest=Digest(word.digest),
            media_type=word.media_type,
            endpoint=word.endpoint,
            mirrored=word.mirrored,
        )
        return resolved, found.seconds

    def _name(self, reference: Reference, login: Credential) -> str:
        parts = (reference.registry, reference.repository, reference.identifier, login.username, login.secret)
        text = msgspec.json.encode([part.encode("utf-8", "surrogatepass").hex() for part in parts])
        return self._prefix + hashlib.blake2b(text, key=self._naming, digest_size=32).hexdigest()

    def _seal(self, name: str, resolved: Resolved) -> bytes:
        word = _Word(resolved.digest, resolved.media_type, resolved.endpoint, resolved.mirrored)
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._sealing.encrypt(nonce, msgspec.json.encode(word), name.encode())

    def _open(self, name: str, value: bytes) -> _Word | None:
        try:
            plain = self._sealing.decrypt(value[:_NONCE], value[_NONCE:], name.encode())
            word = msgspec.json.decode(plain, type=_Word)
            parse_digest(word.digest)
        except _NOBODYS_WORD:
            return None
        return word

    async def _guarded(self, exchange: Callable[[], Awaitable[T]]) -> T | None:
        """Return what an exchange brought; None where the store is down, slow or garbled, and for a while after.

        The library trusts what is at the other end: an answer that is none of Redis' has it raise whatever its parser
        stumbles over, and what is no number has us do so. None of that may be a review's end.
        """
        if _now() < self._resting_until:
            return None
        try:
            async with asyncio.timeout(self._timeout):
                return await exchange()
        except Exception:  # noqa: BLE001
            self._resting_until = _now() + REST
            return None


def _now() -> float:
    return asyncio.get_running_loop().time()
