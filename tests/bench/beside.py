"""Pullproof and the no-op beside real peers, in one cluster, in turns on one core (I/O)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import load
import page
import parts
import peers
import reviews

CONNECTIONS = (1, 16)
NOOP, OURS = "noop", "pullproof"
_IMAGES = 30
"""Tags of the registry that one session uses up."""


@dataclass(slots=True)
class Figures:
    """What was found of one webhook."""

    rounds: dict[int, list[load.Round]] = field(default_factory=lambda: {number: [] for number in CONNECTIONS})
    facts: dict[str, object] = field(default_factory=dict)
    slower: list[float] = field(default_factory=list)

    def add(self, rounds: dict[int, list[load.Round]], floor: dict[int, list[load.Round]]) -> None:
        """Note the rounds of a session, and those of the floor that were in turns with them."""
        for number, told in rounds.items():
            self.rounds[number] += told
        most = CONNECTIONS[-1]
        pairs = zip(floor[most], rounds[most], strict=True)
        self.slower += [theirs.rate / ours.rate for theirs, ours in pairs]


def measure(
    folder: Path, pair: tuple[Path, Path], registry: parts.Registry, noop: Path, rounds: int, seconds: float
) -> dict[str, object]:
    """Return the figures of each webhook by its name, and why others are lacking."""
    found = {name: Figures() for name in (NOOP, OURS)}
    lacking: dict[str, str] = {}
    try:
        with peers.cluster(folder / "cluster") as api:
            for number, peer in enumerate(peers.PEERS):
                session = _Session(folder, pair, registry, noop, 300 + number * _IMAGES)
                try:
                    session.run(peer, api, found, rounds, seconds)
                except (
                    peers.Lacking,
                    OSError,
                    EOFError,
                    RuntimeError,
                ) as error:  # its row says so, and the rest goes on
                    lacking[peer.name] = str(error) or f"its answers did not come ({type(error).__name__})"
    except peers.Lacking as error:
        lacking["all"] = str(error)
    told = {name: _told(figures) for name, figures in found.items() if figures.slower}
    return {"webhooks": told, "lacking": lacking}


class _Session:
    """One peer beside ours and the floor, all three started for it."""

    def __init__(self, folder: Path, pair: tuple[Path, Path], registry: parts.Registry, noop: Path, first: int) -> None:
        self._folder, self._pair, self._registry, self._noop = folder, pair, registry, noop
        self._images = iter(range(first, first + _IMAGES))

    def run(
        self, peer: peers.Peer, api: peers.kubeapi.ApiServer, found: dict[str, Figures], rounds: int, seconds: float
    ) -> None:
        """Add to what was found."""
        with (
            peers.running(peer, api, self._registry, reviews.numbered(self._review(1), 0)) as theirs,
            parts.noop(self._noop, self._pair) as noop,
            parts.probed(self._folder, self._pair, [self._registry], Path(api.kubeconfig("admin"))) as probed,
        ):
            servers = {NOOP: noop, OURS: probed.server, peer.name: theirs}
            facts = {name: self._facts(servers[name]) for name in (OURS, peer.name)}
            case = self._folder / "review-peers.json"
            case.write_bytes(self._review(3))
            told = {name: {number: list[load.Round]() for number in CONNECTIONS} for name in servers}
            for number in CONNECTIONS:
                for _ in range(rounds):
                    for name, server in servers.items():
                        told[name][number].append(load.wrk(server, case, connections=number, seconds=seconds))
            self._registry.asked()
        for name, theirs_told in told.items():
            figures = found.setdefault(name, Figures())
            figures.facts = figures.facts or facts.get(name, {})
            figures.add(theirs_told, told[NOOP])

    def _review(self, images: int) -> bytes:
        return reviews.pod([self._registry.image(next(self._images)) for _ in range(images)], size=5000)

    def _facts(self, server: parts.Server) -> dict[str, object]:
        """Return what nobody knows before: requests of one admission, cold and again, and of a burst; memory."""
        at_rest = server.rss()
        self._registry.asked()
        one, many = self._review(3), load.numbered(self._review(3), page.PODS_AT_ONCE)
        asked = []
        for number in range(2):
            load.burst(server.port, [reviews.numbered(one, number)], server.path)
            asked.append(self._registry.asked())
        burst = load.burst(server.port, many, server.path)
        return {
            "ready": server.ready,
            "asked cold": asked[0],
            "asked again": asked[1],
            "burst asked": self._registry.asked(),
            "burst seconds": burst.seconds,
            "burst refused": burst.refused,
            "rss at rest": at_rest,
            "rss after": server.rss(),
        }


def _told(figures: Figures) -> Mapping[str, object]:
    def spreads(measure: str) -> dict[str, object]:
        return {
            str(number): load.spread([getattr(each, measure) for each in told])
            for number, told in figures.rounds.items()
        }

    return {
        **figures.facts,
        "rate": spreads("rate"),
        "p99": spreads("p99"),
        "cpu": spreads("cpu"),
        "failed": sum(each.failed for told in figures.rounds.values() for each in told),
        "slower": load.spread(figures.slower),
    }
