"""What is measured while something is wrong or much is going on: lateness of the event loop, slow registries (I/O)."""

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path

import load
import parts
import reviews
from page import NODES

_COLD = range(1000, 3000)
_SLOW = 3.0
"""Seconds that a slow registry takes to answer."""

_QUIET = 2.0
"""Seconds that a fresh server is given, before anything is measured."""

Pair = tuple[Path, Path]


def lateness(folder: Path, pair: Pair, registry: parts.Registry, seconds: float) -> list[dict[str, object]]:
    """Return how late timers of the webhook are, in milliseconds, while it is at rest and while it is not.

    All of it with 100 ordinary reviews a second, in a cluster of 5,000 nodes.
    """
    with (
        parts.registry(folder, 1000, delay=_SLOW) as slow,
        parts.standin(folder, NODES) as api,
        parts.silent_store() as store,
        parts.probed(folder, pair, [registry, slow], api.kubeconfig) as probed,
    ):
        port = probed.server.port
        warm = reviews.pod([registry.image(number) for number in range(3)], size=5000)
        known = reviews.numbered(warm, 0)
        load.burst(port, load.numbered(warm, 2))
        time.sleep(_QUIET + 1)
        images = iter(_COLD)

        def during(name: str, cold: Sequence[bytes], begin: Callable[[], None]) -> dict[str, object]:
            probed.lateness()
            begin()
            bodies = {"warm": load.numbered(warm, int(100 * seconds)), **({"cold": cold} if cold else {})}
            took = load.paced(port, bodies, known, seconds=seconds)
            return {"while": name, **probed.lateness(), "warm p99": _p99(took["warm"])}

        def reload() -> None:
            parts.configuration(folder, pair, [registry, slow], note=f"{time.time()}")

        def reload_all() -> None:
            parts.configuration(folder, pair, [registry, slow], note=f"{time.time()}", tags="1800s")

        def share() -> None:
            parts.configuration(folder, pair, [registry, slow], note=f"{time.time()}", store=store)

        cold, alone = (
            [
                reviews.numbered(reviews.pod([registry.image(next(images))], size=5000), number)
                for number in range(min(len(_COLD) // 2, int(100 * seconds)))
            ]
            for _ in range(2)
        )
        lost = [
            reviews.numbered(reviews.pod([f"r{number}.hang.example/app:1"], size=5000), number)
            for number in range(int(20 * seconds))
        ]
        late = [
            reviews.numbered(reviews.pod([slow.image(number)], size=5000), number)
            for number in range(int(20 * seconds))
        ]
        return [
            during("at rest", (), lambda: None),
            during("100 look-ups a second of images that nobody asked for", cold, lambda: None),
            during("20 a second of registries whose name server hangs", lost, lambda: None),
            during("20 a second of images of a registry that takes 3 s", late, lambda: None),
            during("the configuration is reloaded", (), reload),
            during("it is reloaded with another way to the registries", (), reload_all),
            during(f"{NODES:,} nodes are listed again", (), api.relist),
            during("a shared cache is switched on that hangs, 100 look-ups a second", alone, share),
        ]


def slow_registry(folder: Path, pair: Pair, registry: parts.Registry, rounds: int, seconds: float) -> dict[str, object]:
    """Return the p99 of 200 reviews a second alone, and while others ask for images of a registry that takes 3 s."""
    with (
        parts.registry(folder, 2000, delay=_SLOW) as slow,
        parts.pullproof(folder, pair, [registry, slow]) as server,
    ):
        warm = reviews.pod([registry.image(number) for number in range(3)], size=5000)
        known = reviews.numbered(warm, 0)
        load.burst(server.port, load.numbered(warm, 2))
        images = iter(range(2000))
        alone, beside = list[list[float]](), list[list[float]]()
        for _ in range(rounds):
            bodies = load.numbered(warm, int(200 * seconds))
            waiting = [
                reviews.numbered(reviews.pod([slow.image(next(images))], size=5000), number)
                for number in range(int(20 * seconds))
            ]
            alone.append(load.paced(server.port, {"warm": bodies}, known, seconds=seconds)["warm"])
            both = load.paced(server.port, {"warm": bodies, "slow": waiting}, known, seconds=seconds)
            beside.append(both["warm"])
        registry.asked()
        return {
            "alone": _parts(chain.from_iterable(alone)),
            "beside": _parts(chain.from_iterable(beside)),
            "ratios": load.spread([_p99(slowed) / _p99(usual) for slowed, usual in zip(beside, alone, strict=True)]),
            "asked of the slow one": slow.asked(),
        }


def memory(folder: Path, pair: Pair, registry: parts.Registry, idle: float) -> dict[str, dict[str, float]]:
    """Return memory at rest (MiB), idle time (percent of a core) and seconds to ready, without and with a cluster."""
    found: dict[str, dict[str, float]] = {}
    with parts.standin(folder, 0) as empty, parts.standin(folder, NODES) as full:
        ways = {"no cluster": None, "a cluster without nodes": empty, f"a cluster of {NODES:,} nodes": full}
        for name, api in ways.items():
            with parts.pullproof(folder, pair, [registry], (), api.kubeconfig if api else None) as server:
                time.sleep(_QUIET * 3 if api else _QUIET)
                before = server.cpu()
                time.sleep(idle)
                used = (server.cpu() - before) / idle * 100
                found[name] = {"rss": server.rss(), "cpu percent": used, "ready": server.ready}
    return found


def _parts(milliseconds: Iterable[float]) -> dict[str, float]:
    told = list(milliseconds)
    return {"p50": statistics.median(told), "p99": _p99(told)}


def _p99(milliseconds: Sequence[float]) -> float:
    return sorted(milliseconds)[int(len(milliseconds) * 0.99)]
