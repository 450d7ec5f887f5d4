"""Where certificates are kept, and who is told whom to trust.

`ensure` is all that a caller needs: it brings what is stored to what is wanted and returns it. Calls must not overlap;
among replicas one writes (by a lease of the caller's), the others only read.
"""

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Protocol

from certs.keypair import KeyPair, UnusableKeyPair, fingerprints
from certs.rotate import State, Step, Terms, plan, take

_MOST_STEPS = 16


class Store(Protocol):
    """Keeps the state; all of it changes at once, or none."""

    async def load(self) -> State:
        """Return what was saved last, or an empty state."""
        ...

    async def save(self, state: State) -> None:
        """Save; raise an error of its own when another writer has saved since the last `load`."""
        ...


class Publisher(Protocol):
    """Tells clients which authorities to trust (caBundle)."""

    async def published(self) -> bytes:
        """Return the PEM bundle that clients are told now; empty when none."""
        ...

    async def publish(self, bundle: bytes) -> None:
        """Tell clients to trust exactly this PEM bundle."""
        ...


async def ensure(
    store: Store, publisher: Publisher, names: Collection[str], now: datetime, terms: Terms | None = None
) -> State:
    """Bring certificates to what is wanted at `now` (aware, UTC) for servers of these names.

    Everything made is saved before it is published or served. Call it again every minute or so: a rotation takes
    several calls, an overlap apart.
    """
    terms = terms or Terms()
    saved = state = await store.load()
    published = await publisher.published()
    for _ in range(_MOST_STEPS):
        step = plan(now, state, published, names, terms)
        if step is None:
            break
        if step is Step.PUBLISH:
            if saved is not state:
                await store.save(state)
            await publisher.publish(state.bundle)
            published = state.bundle
        state = take(step, now, state, published, names, terms)
        if step is Step.PUBLISH:
            await store.save(state)
            saved = state
    if saved is not state:
        await store.save(state)
    return state


def encode(state: State) -> Mapping[str, bytes]:
    """Return the state as named files; `tls.crt`, `tls.key` and `ca.crt` are what servers and clients expect."""
    times = {"publishedAt": state.published_at, "promotedAt": state.promoted_at}
    files: dict[str, bytes] = {
        "rotation.json": json.dumps({key: at.isoformat() for key, at in times.items() if at is not None}).encode(),
    }
    for name, pair in (("tls", state.leaf), ("ca", state.authority), ("next-ca", state.next)):
        if pair is not None:
            files |= {f"{name}.crt": pair.certificate, f"{name}.key": pair.key}
    return {**files, "previous-ca.crt": state.previous} if state.previous else files


def decode(files: Mapping[str, bytes]) -> State:
    """Read named files back; what is missing, torn or not understood counts as not there."""
    times = _times(files.get("rotation.json", b""))
    return State(
        authority=_pair(files, "ca"),
        leaf=_pair(files, "tls"),
        next=_pair(files, "next-ca"),
        previous=_certificate(files.get("previous-ca.crt", b"")),
        published_at=times.get("publishedAt"),
        promoted_at=times.get("promotedAt"),
    )


def _pair(files: Mapping[str, bytes], name: str) -> KeyPair | None:
    try:
        return KeyPair.parse(files.get(f"{name}.crt", b""), files.get(f"{name}.key", b""))
    except UnusableKeyPair:
        return None


def _certificate(pem: bytes) -> bytes:
    try:
        return pem if fingerprints(pem) else b""
    except UnusableKeyPair:
        return b""


def _times(text: bytes) -> Mapping[str, datetime]:
    try:
        found = json.loads(text)
        return {str(key): datetime.fromisoformat(at).astimezone(UTC) for key, at in dict(found).items()}
    except (ValueError, TypeError):
        return {}
