"""When to make which certificate (pure).

A client trusts what it was last told to (the bundle), a server shows what it last read (the leaf), and news reaches
either late. So a new authority goes through three states, each at least `Terms.overlap` long:

    next        published in the bundle, signs nothing         -> every client knows it before it is used
    authority   signs the leaf
    previous    signs nothing, still published                 -> no server shows its leaf any more when it goes

Law: whoever lags behind by less than the overlap, be it client or server, sees only leaves that it can verify. The one
exception is a start with no usable authority; even then what was published stays in the bundle for an overlap.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from certs.issue import issue_authority, issue_leaf
from certs.keypair import KeyPair, UnusableKeyPair, expiry, fingerprints


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long things live. `renew` is the share of a life that is left when its successor is made."""

    authority: timedelta = timedelta(days=730)
    leaf: timedelta = timedelta(days=90)
    renew: float = 1 / 3
    overlap: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is stored. `previous` is a certificate only; its key is gone.

    `published_at`: since when the bundle that this state wants is known to be published.
    `promoted_at`: when the authority began to sign.
    """

    authority: KeyPair | None = None
    leaf: KeyPair | None = None
    next: KeyPair | None = None
    previous: bytes = b""
    published_at: datetime | None = None
    promoted_at: datetime | None = None

    @property
    def bundle(self) -> bytes:
        """Every authority that a client should trust, PEM, the signing one first."""
        pairs = (self.authority, self.next)
        found = [pair.certificate for pair in pairs if pair is not None] + ([self.previous] if self.previous else [])
        return b"".join(certificate.strip() + b"\n" for certificate in found)


class Step(StrEnum):
    """One thing to do."""

    FOUND = "found a new authority"
    STAGE = "stage the next authority"
    PROMOTE = "let the next authority sign"
    RENEW = "renew the serving certificate"
    RETIRE = "retire the previous authority"
    PUBLISH = "publish the bundle"


def plan(now: datetime, state: State, published: bytes, names: Collection[str], terms: Terms) -> Step | None:
    """Return the next thing to do, or None where all is well. `published` is the bundle that clients are told now."""
    if state.authority is None or (state.authority.expired(now) and state.next is None):
        return Step.FOUND
    if state.next is not None and _promotable(now, state, published, state.authority, terms):
        return Step.PROMOTE
    if _leaf_wanted(now, state, state.authority, names, terms):
        return Step.RENEW
    if state.previous and _retirable(now, state, terms):
        return Step.RETIRE
    if state.next is None and state.authority.spent(now, terms.renew):
        return Step.STAGE
    if not _is_published(now, state, published):
        return Step.PUBLISH
    return None


def take(step: Step, now: datetime, state: State, published: bytes, names: Collection[str], terms: Terms) -> State:
    """Return the state after `step`; only for PUBLISH is there anything else to do, and that before."""
    match step:
        case Step.FOUND:
            return State(
                authority=issue_authority(now, terms.authority), previous=_readable(published), promoted_at=now
            )
        case Step.STAGE:
            return replace(state, next=issue_authority(now, terms.authority), published_at=None)
        case Step.PROMOTE:
            return _promoted(now, state, names, terms)
        case Step.RENEW:
            return replace(state, leaf=_new_leaf(now, state, names, terms))
        case Step.RETIRE:
            return replace(state, previous=b"", published_at=None)
        case Step.PUBLISH:
            return replace(state, published_at=now)


def _promoted(now: datetime, state: State, names: Collection[str], terms: Terms) -> State:
    previous = state.authority.certificate if state.authority is not None else b""
    promoted = replace(state, authority=state.next, next=None, previous=previous, promoted_at=now)
    return replace(promoted, leaf=_new_leaf(now, promoted, names, terms))


def _new_leaf(now: datetime, state: State, names: Collection[str], terms: Terms) -> KeyPair:
    if state.authority is None:
        raise ValueError("there is no authority to sign with")
    return issue_leaf(state.authority, names, now, terms.leaf)


def _promotable(now: datetime, state: State, published: bytes, authority: KeyPair, terms: Terms) -> bool:
    if not _is_published(now, state, published) or state.published_at is None:
        return False
    return authority.expired(now) or now - state.published_at >= terms.overlap


def _leaf_wanted(now: datetime, state: State, authority: KeyPair, names: Collection[str], terms: Terms) -> bool:
    leaf = state.leaf
    if leaf is None or not leaf.signed_by(authority) or not frozenset(names) <= leaf.names:
        return not authority.expired(now)
    # A leaf cannot outlive its authority: near that one's end a new leaf would be no younger.
    ends_with_authority = leaf.not_after >= authority.not_after
    return leaf.spent(now, terms.renew) and not ends_with_authority and not authority.expired(now)


def _retirable(now: datetime, state: State, terms: Terms) -> bool:
    return state.promoted_at is None or not timedelta(0) <= now - state.promoted_at < terms.overlap


def _is_published(now: datetime, state: State, published: bytes) -> bool:
    """Tell whether clients are told exactly the wanted bundle, and since when is known (a clock may have jumped)."""
    if state.published_at is None or state.published_at > now:
        return False
    try:
        return fingerprints(published) == fingerprints(state.bundle)
    except UnusableKeyPair:
        return False


def _readable(bundle: bytes) -> bytes:
    try:
        return bundle if fingerprints(bundle) else b""
    except UnusableKeyPair:
        return b""


def expiries(state: State) -> dict[str, datetime]:
    """Return when each certificate in use ends, by its role."""
    found = {"authority": state.authority, "serving": state.leaf, "next-authority": state.next}
    ends = {role: pair.not_after for role, pair in found.items() if pair is not None}
    return {**ends, "previous-authority": expiry(state.previous)} if state.previous else ends
