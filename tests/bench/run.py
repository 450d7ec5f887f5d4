"""Measure Pullproof beside a no-op webhook in Go, and write docs/benchmarks.md and docs/benchmarks.json (I/O).

    python tests/bench/run.py            about a quarter of an hour
    python tests/bench/run.py --short    about three minutes; also BENCH_SHORT=1

Both servers run on one core, in turns; wrk and the embedded registry on the other. Whoever repeats it gets other
figures and, on a quiet machine, the same ratios.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import beside
import load
import page
import parts
import reviews
import shipped
import trouble

DOCS = parts.HERE.parents[1] / "docs"
CONNECTIONS = (16, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long it takes: rounds of a case and their seconds, starts, seconds of idling and of trouble, many images.

    `handshakes`: new connections of each kind; `peers`: rounds beside each of them.
    """

    rounds: int
    seconds: float
    starts: int
    idle: float
    trouble: float
    images: int
    handshakes: int
    peers: int


LONG = Effort(rounds=7, seconds=2.0, starts=5, idle=10.0, trouble=10.0, images=10_000, handshakes=1000, peers=4)
SHORT = Effort(rounds=2, seconds=1.0, starts=2, idle=2.0, trouble=2.0, images=2_000, handshakes=200, peers=1)


def main() -> int:
    """Run all of it; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", default=bool(os.environ.get("BENCH_SHORT")))
    parser.add_argument("--out", type=Path, default=DOCS, help="folder for benchmarks.md and benchmarks.json")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # whoever ends us ends what we started
    found = measure(SHORT if given.short else LONG)
    (given.out / "benchmarks.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (given.out / "benchmarks.md").write_text(page.render(found), encoding="utf-8")
    print(page.table(found))
    return 0


def measure(effort: Effort) -> dict[str, object]:
    """Return all figures."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a started server has its code compiled, as an installed one has
    with tempfile.TemporaryDirectory(prefix="pullproof-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        bench = Bench(folder, effort, stack.enter_context(parts.registry(folder, effort.images)))
        return {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": _machine(),
            "effort": asdict(effort),
            "starts": bench.starts(),
            "warm": bench.warm(),
            "many": bench.many(),
            "connections": bench.connections(),
            "cold": bench.cold(),
            "peers": bench.peers(),
            "memory": trouble.memory(folder, bench.pair, bench.registry, effort.idle),
            "lateness": trouble.lateness(folder, bench.pair, bench.registry, effort.trouble),
            "slow": trouble.slow_registry(
                folder, bench.pair, bench.registry, min(effort.rounds, 5), effort.trouble / 2
            ),
            "image": shipped.layers(),
            "load_at_end": os.getloadavg(),
        }


class Bench:
    """One run: the parts, and each measurement on servers that are started for it."""

    def __init__(self, folder: Path, effort: Effort, registry: parts.Registry) -> None:
        self._folder = folder
        self._effort = effort
        self.registry = registry
        self.pair = parts.certificate(folder)
        self._noop = parts.build_noop(folder)
        self._cases = self._write_cases()

    def starts(self) -> dict[str, dict[str, float]]:
        """Return the seconds from process start to the first answer of /readyz."""
        with self.pullproof():
            pass  # compiles what is not compiled yet
        times: dict[str, list[float]] = {"noop": [], "pullproof": []}
        for _ in range(self._effort.starts):
            for name, running in (("noop", self._running_noop()), ("pullproof", self.pullproof())):
                with running as server:
                    times[name].append(server.ready)
        return {name: load.spread(seconds) for name, seconds in times.items()}

    def warm(self) -> list[dict[str, object]]:
        """Return rates and times of requests whose images are all known, rounds of both servers interleaved."""
        with self._running_noop() as noop, self.pullproof() as pullproof:
            for case in self._cases.values():
                load.burst(pullproof.port, load.numbered(case.read_bytes(), 2))
            asked = self.registry.asked()
            rows = [
                self._row(name, connections, self._rounds((noop, pullproof), case, connections))
                for name, case in self._cases.items()
                for connections in CONNECTIONS
            ]
        rows += self._in_a_cluster()
        rows.append({"registry requests to warm up": asked, "registry requests while warm": self.registry.asked()})
        return rows

    def _in_a_cluster(self) -> Iterator[dict[str, object]]:
        """Return the same where each image is held against the cluster's nodes, its namespace and what was learnt."""
        case = self._cases["pod, 5 kB"]
        with (
            parts.standin(self._folder, page.NODES) as api,
            self._running_noop() as noop,
            parts.probed(self._folder, self.pair, [self.registry], api.kubeconfig) as probed,
        ):
            time.sleep(3)  # the nodes are read
            load.burst(probed.server.port, load.numbered(case.read_bytes(), 2))
            self.registry.asked()
            for connections in CONNECTIONS:
                rounds = self._rounds((noop, probed.server), case, connections)
                yield self._row("pod, 5 kB, in a cluster", connections, rounds)

    def many(self) -> dict[str, object]:
        """Return what it is like to know thousands of images: reviews of three, of the same or of ever others."""
        count = self._effort.images
        image = self.registry.image(0).removesuffix("0")
        case = self._folder / "review-many.json"
        case.write_bytes(reviews.pod([f"{image}@TAG@"] * 3, size=5000))
        with self.pullproof() as server:
            load.burst(server.port, load.numbered(self._cases["pod, 5 kB"].read_bytes(), 2))
            before = server.rss()
            images = [self.registry.image(number) for number in range(count)]
            twenties = [reviews.pod(images[at : at + 20], size=5000) for at in range(0, count, 20)]
            for first in range(0, len(twenties), 100):
                load.burst(server.port, [reviews.numbered(each, first) for each in twenties[first : first + 100]])
            asked, after = self.registry.asked(), server.rss()
            few, many = [], []
            for _ in range(self._effort.rounds):
                for told, template, number in ((few, self._cases["pod, 5 kB"], 1), (many, case, count - count % 3)):
                    told.append(load.wrk(server, template, connections=16, seconds=self._effort.seconds, images=number))
            return {
                "images": count,
                "asked": asked,
                "asked while warm": self.registry.asked(),
                "rss before": before,
                "rss after": after,
                "few": self._side(few),
                "many": self._side(many),
            }

    def connections(self) -> dict[str, object]:
        """Return how many requests a second are served on a new TLS connection each."""
        case = self._cases["pod, 5 kB"]
        with self._running_noop() as noop, self.pullproof() as pullproof:
            load.burst(pullproof.port, load.numbered(case.read_bytes(), 2))
            row = self._row("new connection each", 16, self._rounds((noop, pullproof), case, 16, close=True))
            resumed = {server.name: load.resumes(server.port) for server in (noop, pullproof)}
            costs = {
                server.name: {
                    "full": load.handshakes(server, self._effort.handshakes, resumed=False),
                    "resumed": load.handshakes(server, self._effort.handshakes, resumed=True)
                    if resumed[server.name]
                    else None,
                }
                for server in (noop, pullproof)
            }
        self.registry.asked()
        return {**row, "resumes sessions": resumed, "us a connection": costs}

    def cold(self) -> list[dict[str, object]]:
        """Return what a burst of pods costs the registry, and how long it takes, with nothing known."""
        bursts = []
        for name, pods, images in (
            ("200 pods of three images", 200, range(100, 103)),
            ("1,000 pods of one image", 1000, range(110, 111)),
        ):
            with self.pullproof() as server:
                before = server.rss()
                template = reviews.pod([self.registry.image(number) for number in images], size=5000)
                burst = load.burst(server.port, load.numbered(template, pods))
                asked = self.registry.asked()
                bursts.append(
                    {"burst": name, **asdict(burst), "asked": asked, "rss at rest": before, "rss after": server.rss()}
                )
        return bursts

    def peers(self) -> dict[str, object]:
        """Return what webhooks of others do that ask registries too."""
        folder, effort = self._folder, self._effort
        return beside.measure(folder, self.pair, self.registry, self._noop, effort.peers, effort.seconds)

    def _write_cases(self) -> Mapping[str, Path]:
        images = [self.registry.image(number) for number in range(20)]
        made = {
            "pod, 5 kB": reviews.pod(images[:3], size=5000),
            "pod, 40 kB, 20 containers": reviews.pod(images, size=40_000),
            "Deployment, 5 kB": reviews.deployment(images[:3], size=5000),
            "pod, 5 kB, pull secret": reviews.pod(images[:3], size=5000, secret="regcred"),
        }
        for number, review in enumerate(made.values()):
            (self._folder / f"review-{number}.json").write_bytes(review)
        return {name: self._folder / f"review-{number}.json" for number, name in enumerate(made)}

    def _rounds(
        self, servers: Sequence[parts.Server], case: Path, connections: int, *, close: bool = False
    ) -> dict[str, list[load.Round]]:
        rounds: dict[str, list[load.Round]] = {server.name: [] for server in servers}
        for _ in range(self._effort.rounds):
            for server in servers:
                rounds[server.name].append(
                    load.wrk(server, case, connections=connections, seconds=self._effort.seconds, close=close)
                )
        return rounds

    def _row(self, name: str, connections: int, rounds: dict[str, list[load.Round]]) -> dict[str, object]:
        sides = {server: self._side(told) for server, told in rounds.items()}
        pairs = list(zip(rounds["pullproof"], rounds["noop"], strict=True))
        ratios = {
            "rate": load.spread([ours.rate / theirs.rate for ours, theirs in pairs]),
            "p99": load.spread([ours.p99 / max(theirs.p99, 0.001) for ours, theirs in pairs]),
            "cpu": load.spread([theirs.cpu / ours.cpu for ours, theirs in pairs if ours.cpu]),
        }
        return {"case": name, "connections": connections, **sides, "ratio": ratios}

    @staticmethod
    def _side(told: Sequence[load.Round]) -> dict[str, object]:
        measures = ("rate", "p50", "p99", "cpu")
        spreads = {measure: load.spread([getattr(each, measure) for each in told]) for measure in measures}
        return {**spreads, "failed": sum(each.failed for each in told)}

    def _running_noop(self) -> AbstractContextManager[parts.Server]:
        return parts.noop(self._noop, self.pair)

    @contextmanager
    def pullproof(self) -> Iterator[parts.Server]:
        """Run `pullproof serve` with the secret that a case names."""
        secret = self._folder / "secret.yaml"
        host = f"{parts.HOST}:{self.registry.port}"
        config = json.dumps({"auths": {host: {"username": "bench", "password": "bench"}}})
        secret.write_text(
            "apiVersion: v1\nkind: Secret\nmetadata: {name: regcred, namespace: default}\n"
            f"type: kubernetes.io/dockerconfigjson\nstringData: {{.dockerconfigjson: {json.dumps(config)}}}\n"
        )
        with parts.pullproof(self._folder, self.pair, [self.registry], (secret,)) as server:
            yield server


def _machine() -> dict[str, object]:
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), "")
    return {
        "processor": model or platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_at_start": os.getloadavg(),
    }


if __name__ == "__main__":
    raise SystemExit(main())
