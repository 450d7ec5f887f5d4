"""The way to a server that was asked, as steps: the name, the connection, the certificate (pure)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from webhook.registry.reach import Reach, Shown
from webhook.registry.resolution import Attempt, Failure
from webhook.reports.escape import clean

_MOST = 6


class State(StrEnum):
    """How a step went."""

    GOOD = "ok"
    BAD = "fails"
    UNSURE = "?"
    NOTE = "-"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what was looked at, how it went, and what was seen, a line each."""

    name: str
    state: State
    lines: tuple[str, ...]


def way(reach: Reach, attempts: Sequence[Attempt]) -> Iterator[Step]:
    """Yield the steps to a server; whether its certificate is trusted is told by what became of the requests."""
    distrusted = any(each.endpoint == reach.origin and each.failure is Failure.TLS for each in attempts)
    for step in _way(reach, distrusted=distrusted):
        yield Step(step.name, step.state, tuple(map(clean, step.lines)))


def _way(reach: Reach, *, distrusted: bool) -> Iterator[Step]:
    if reach.proxy:
        yield Step("proxy", State.NOTE, (f"{reach.host} is asked through {reach.proxy}",))
        return
    if reach.addresses:
        yield Step("dns", State.GOOD, (f"{reach.host} is {_listed(reach.addresses)}",))
    elif not reach.address and reach.trouble and not reach.trouble.startswith("dial tcp "):
        yield Step("dns", State.BAD, (f"{reach.host}: {reach.trouble}",))
        return
    if not reach.address:
        yield Step("tcp", State.BAD, (reach.trouble,))
        return
    yield Step("tcp", State.GOOD, (f"{reach.address} port {reach.port} takes connections",))
    if reach.shown is not None:
        yield Step("tls", State.BAD if distrusted else State.GOOD, (_certificate(reach.shown),))
    elif reach.secure and reach.trouble:
        yield Step("tls", State.BAD, (reach.trouble,))


def _certificate(shown: Shown) -> str:
    names = _listed(shown.names) or "no name (subjectAltName is missing, and its CN does not count)"
    issuer = f", issued by {shown.issuer}" if shown.issuer else ""
    return f"certificate for {names}{issuer}, valid {shown.begins:%Y-%m-%d} to {shown.ends:%Y-%m-%d}"


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _MOST} more" if len(texts) > _MOST else ""
    return ", ".join(texts[:_MOST]) + more
