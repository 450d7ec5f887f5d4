"""docs/benchmarks.md, from the figures (pure)."""

from collections.abc import Mapping
from typing import Any

Figures = Mapping[str, Any]
NODES = 5000
"""Of the cluster that trouble is measured in."""

PODS_AT_ONCE = 200
"""Of three images, asked for while nothing is known."""

_WEBHOOKS = {"noop": "no-op", "pullproof": "**Pullproof**"}
_LACKING = {"all": "any"}

_HEAD = """# Benchmarks

What an admission costs, measured beside the least that any webhook costs: a no-op in Go (`net/http`; it reads the
review, asks nobody and allows; `tests/bench/noop`) and beside webhooks that ask registries, too. Repeat it with
`make bench` (`BENCH_SHORT=1` for three minutes of it); it needs Go, wrk and taskset, and writes this page and
`benchmarks.json`. Rates depend on the machine, ratios hardly do.

Both servers take turns on one core, {rounds} rounds of {seconds:g} s for each case; wrk and the registry
(`webhook/demo`, over TLS, without a login) have the other. TLS 1.3, P-256, keep-alive. Every request has its own uid,
pod name and token volume, so nothing can be answered by its bytes. Medians, with the least and the most of the rounds
behind them. Processor time is the server's, kernel included: where others use the machine too, it tells more than the
rate.

{when}; {processor}, {cores} cores, Linux {kernel}, Python {python}; load average {before:.1f} before, {after:.1f}
after.
"""

_NOTES = """
## What stands behind the figures

- A warm review costs no task and no request. It is answered inside the read of its connection that completes it
  (`webhook/server/protocol.py`); whatever is unusual about it, be it only that its body does not follow at once, takes
  the way through ASGI, which knows every bound, and costs two to three times as much.
- It is decoded in one go, to the fields that rule a pull. The judgements of a pod are given again for the next one with
  the same images, logins and placement, for as long as no source of evidence has anything else to tell and no answer
  has ended (`webhook/policy/judgements.py`). A denial never comes from there: for it everything is asked again.
- Logins are compared by opaque ids, so that no secret is kept beyond the read that brought it.
- New connections are TLS handshakes: a P-256 signature each. An API server opens one for each request past its idle
  ones (25 by default).
- Where the time goes: ![flame graph](flame.svg), by `make flame`. Ours is red, other Python yellow, C grey.
- `tests/scale` asserts the counts (never times): HEADs of bursts, entries of caches, reads of Secrets, looks at
  registries that are slow, limited or down, a day's rollout through five replicas that share a cache on a real Redis.
- The peers ask for every admission, and wait for the registry and the API server, which share the core of the load: how
  much of it is their own work, their processor time tells.

## What moved them

Microseconds of processor from a whole review to its answer, of a pod of 5 kB with three images where nothing else is
said, each measured in process before and after the commit, on the machine of that day; between two days it was another.

| commit | before | after |
|---|---|---|
| Judge what is in memory without a task | 265 | 185 |
| Remember judgements of images that were shown, by all that a check may see | 185 | 89 |
| Set a timer only for reviews that wait; leave the collector nothing old to look through | 89 | 78 |
| Keep containers of usual length; decide at once where nothing was found | 78 | 68 |
| Decode a review in one go (decoding alone) | 17 | 12 |
| the same, 40 kB with 20 containers | 66 | 33 |
| Answer what is known inside the read that brought it | 65 | 37 |
| the same, with a pull secret | 90 | 41 |
| Tell again what is known of a placement, and answers whole (in a cluster of 1,000 nodes) | 66 | 44 |
| Judge a pod like the one before in one piece, while nothing that it rests on has changed | 45 | 27 |
| the same, Deployment | 44 | 27 |
| the same, 20 containers | 136 | 48 |
| Keep as many judgements as answers (10,000 images, the server's processor for a request) | 163 | 72 |
| Keep what is read of a connection on the heap (the server's processor for a request) | 80 | 60 |
| the same, 20 containers | 180 | 110 |
"""


def render(found: Figures) -> str:
    """Return the page."""
    machine, effort = found["machine"], found["effort"]
    head = _HEAD.format(
        rounds=effort["rounds"],
        seconds=effort["seconds"],
        when=found["when"],
        processor=machine["processor"],
        cores=machine["cores"],
        kernel=machine["kernel"],
        python=machine["python"],
        before=machine["load_at_start"][0],
        after=found["load_at_end"][0],
    )
    return f"{head}\n{table(found)}{_NOTES}"


def table(found: Figures) -> str:
    """Return the figures alone."""
    rows = [row for row in found["warm"] if "case" in row]
    parts = (_warm(rows), _many(found["many"]), _counts(found), _peers(found["peers"]), _processes(found))
    return "\n".join((*parts, _trouble(found)))


def _warm(rows: list[Figures]) -> str:
    lines = [
        "## Warm",
        "",
        "| review | connections | no-op, requests/s | Pullproof, requests/s | of the no-op's "
        "| p99 ms, no-op / Pullproof | p99, of the no-op's | us of processor a request, no-op / Pullproof "
        "| of the no-op's, by processor time |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(row) for row in rows]
    return "\n".join(lines) + "\n"


def _row(row: Figures) -> str:
    noop, ours, ratio = row["noop"], row["pullproof"], row["ratio"]
    failed = noop["failed"] + ours["failed"]
    cells = (
        row["case"] + (f" ({failed} failed)" if failed else ""),
        str(row["connections"]),
        _whole(noop["rate"]),
        _whole(ours["rate"]),
        f"**{ratio['rate']['median']:.2f}x** ({ratio['rate']['least']:.2f}-{ratio['rate']['most']:.2f})",
        f"{noop['p99']['median']:.1f} / {ours['p99']['median']:.1f}",
        f"{ratio['p99']['median']:.2f}x ({ratio['p99']['least']:.2f}-{ratio['p99']['most']:.2f})",
        f"{noop['cpu']['median']:.0f} / {ours['cpu']['median']:.0f}",
        f"{ratio['cpu']['median']:.2f}x",
    )
    return f"| {' | '.join(cells)} |"


def _many(found: Figures) -> str:
    few, many = found["few"], found["many"]
    entry = (found["rss after"] - found["rss before"]) * 1024 / found["images"]
    lines = (
        f"With {found['images']:,} images known, {entry:.1f} kB of memory each ({_asked(found['asked'])} to get there,",
        f"then {_asked(found['asked while warm'])}), a review of three others each time takes "
        f"{many['cpu']['median']:.0f} us of processor, p99",
        f"{many['p99']['median']:.1f} ms; one of the same three each time {few['cpu']['median']:.0f} us, p99 "
        f"{few['p99']['median']:.1f} ms.",
    )
    return "\n".join(lines) + "\n"


def _counts(found: Figures) -> str:
    last = found["warm"][-1]
    lines = [
        "## Cold",
        "",
        "| burst, all at once | requests to the registry | not allowed | seconds | RSS before, after, MiB |",
        "|---|---|---|---|---|",
        *(
            f"| {burst['burst']} | {_asked(burst['asked'])} | {burst['refused']} | {burst['seconds']:.2f} "
            f"| {burst['rss at rest']:.0f}, {burst['rss after']:.0f} |"
            for burst in found["cold"]
        ),
        f"| all of the warm rounds together | {_asked(last['registry requests while warm'])} | | | |",
    ]
    return "\n".join(lines) + "\n"


def _peers(found: Figures) -> str:
    """Return the table of other webhooks; it stays, and says so, where they could not be measured."""
    lines = [
        "## Peers",
        "",
        "Webhooks of others that ask a registry while admitting: the nearest that there is, though none of them says",
        "whether a node could pull. Each takes turns with Pullproof and the no-op, in a real cluster (kube-apiserver",
        "and etcd without a node, on the core of the load) and installed by its own files. A pod of 5 kB with three",
        "images; requests are counted at the registry; ready is who allows a pod for which it asked the registry.",
        "",
        *_table_of_peers(found["webhooks"]),
        *(f"- Not measured: {_LACKING.get(name, name)}: {why}." for name, why in found["lacking"].items()),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _table_of_peers(webhooks: Figures) -> list[str]:
    others = [row for name, row in webhooks.items() if name not in _WEBHOOKS]
    if not others:
        return []
    few, many = webhooks["pullproof"]["rate"]
    times = [webhooks["pullproof"]["rate"][at]["median"] / max(_medians(others, "rate", at)) for at in (few, many)]
    used = min(_medians(others, "cpu", many)) / webhooks["pullproof"]["cpu"][many]["median"]
    return [
        "| webhook | requests/s, -c1 | -c16 | p99 ms, -c1 | -c16 | of the no-op's rate, -c16 "
        "| us of processor a request, -c16 | requests to the registry of one admission, then again "
        f"| of {PODS_AT_ONCE} at once, cold | seconds, not allowed | RSS MiB, before, after | seconds to ready |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
        *(_peer(name, row) for name, row in webhooks.items()),
        "",
        f"Pullproof serves **{times[0]:.0f}x** (-c1) and **{times[1]:.0f}x** (-c16) what the best of the others does, "
        f"and takes 1/{used:.0f} of the processor time.",
        "",
    ]


def _medians(rows: list[Figures], measure: str, connections: str) -> list[float]:
    return [row[measure][connections]["median"] for row in rows]


def _peer(name: str, row: Figures) -> str:
    few, many = row["rate"]
    cells = [
        _WEBHOOKS.get(name, name) + (f" ({row['failed']} failed)" if row["failed"] else ""),
        _whole(row["rate"][few]),
        _whole(row["rate"][many]),
        f"{row['p99'][few]['median']:.1f}",
        f"{row['p99'][many]['median']:.1f}",
        f"1/{row['slower']['median']:.1f}",
        f"{row['cpu'][many]['median']:,.0f}",
    ]
    if "ready" in row:
        cells += [
            f"{_asked(row['asked cold'])}; {_asked(row['asked again'])}",
            f"**{_asked(row['burst asked'])}**",
            f"{row['burst seconds']:.2f}, {row['burst refused']}",
            f"{row['rss at rest']:.0f}, {row['rss after']:.0f}",
            f"{row['ready']:.2f}",
        ]
    return f"| {' | '.join(cells)} |" + ("" if "ready" in row else " |" * 5)


def _image(layers: list[Figures]) -> str:
    if not layers:
        return "The image was not built here; `make e2e` builds it, and says its size."
    pulled, unpacked = (sum(layer[what] for layer in layers) / 1e6 for what in ("pulled", "unpacked"))
    base = layers[0]
    return (
        f"The image: {pulled:.0f} MB to pull, {unpacked:.0f} MB unpacked; of that {base['pulled'] / 1e6:.0f} MB and "
        f"{base['unpacked'] / 1e6:.0f} MB are the base, Debian with Python."
    )


def _processes(found: Figures) -> str:
    starts, new, memory = found["starts"], found["connections"], found["memory"]
    costs = new["us a connection"]
    rate, resumed, ready = new["ratio"]["rate"]["median"], new["resumes sessions"], starts["pullproof"]
    lines = [
        "## Connections and process",
        "",
        "| | no-op | Pullproof |",
        "|---|---|---|",
        "| requests/s with a new TLS connection each, -c16 "
        f"| {_whole(new['noop']['rate'])} | {_whole(new['pullproof']['rate'])}, {rate:.2f}x |",
        f"| us of processor a new connection, with a request; resumed | {_connection(costs['noop'])} "
        f"| {_connection(costs['pullproof'])} |",
        f"| resumes TLS sessions | {_yes(resumed['noop'])} | {_yes(resumed['pullproof'])} |",
        f"| seconds from start to ready | {starts['noop']['median']:.2f} "
        f"| {ready['median']:.2f} ({ready['least']:.2f}-{ready['most']:.2f}) |",
        "",
        "| Pullproof with | RSS at rest, MiB | processor at idle, of a core | seconds to ready |",
        "|---|---|---|---|",
        *(
            f"| {name} | {row['rss']:.0f} | {row['cpu percent']:.2f} % | {row['ready']:.2f} |"
            for name, row in memory.items()
        ),
        "",
        _image(found["image"]),
    ]
    return "\n".join(lines) + "\n"


def _trouble(found: Figures) -> str:
    slow = found["slow"]
    alone, beside = slow["alone"], slow["beside"]
    lines = [
        "## Others' trouble",
        "",
        f"How late timers of the event loop are, in milliseconds, in a cluster of {NODES:,} generated nodes, with 100",
        "ordinary reviews a second. *Own*: for so much of it the loop was at work; the rest is other processes of the",
        "machine.",
        "",
        "| while | samples | late: p99 | p99.9 | most | own: p99.9 | most |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {row['while']} | {row['samples']:,} | {row['late']['p99']:.1f} | {row['late']['p999']:.1f} "
            f"| {row['late']['most']:.1f} | **{row['own']['p999']:.1f}** | {row['own']['most']:.1f} |"
            for row in found["lateness"]
        ),
        "",
        "200 ordinary reviews a second, alone and beside 20 a second for new images of a registry that takes 3 s: p99",
        f"{alone['p99']:.1f} ms and {beside['p99']:.1f} ms, **{beside['p99'] / alone['p99']:.2f}x** "
        f"({slow['ratios']['least']:.2f}-{slow['ratios']['most']:.2f} in turns), half of them in less than",
        f"{alone['p50']:.2f} ms and {beside['p50']:.2f} ms; the slow one was asked",
        f"{_asked(slow['asked of the slow one'])}.",
    ]
    return "\n".join(lines) + "\n"


def _connection(costs: Figures) -> str:
    return f"{costs['full']:,.0f}; " + (f"{costs['resumed']:,.0f}" if costs["resumed"] else "-")


def _whole(spread: Figures) -> str:
    return f"{spread['median']:,.0f} ({spread['least']:,.0f}-{spread['most']:,.0f})"


def _asked(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {method}" for method, number in counted.items()) or "none"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
