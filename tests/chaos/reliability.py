"""From rows to docs/reliability.md, and to what a terminal shows (I/O: the page, a folder for results)."""

import json
import os
import platform
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiment import FAULT_SECONDS, Row
from rig import RATE
from traffic import TIMEOUT

PAGE = Path(__file__).parents[2] / "docs/reliability.md"
FAULTS = (
    *("down", "refuse", "reset", "hang", "slow", "half-closed", "garbage", "huge", "5xx"),
    *("expired cert", "wrong cert", "flapping", "clock jump"),
)
Plain = Mapping[str, Any]
_RUNS = 10
"""Runs whose counts the page keeps."""


def plain(row: Row) -> dict[str, Any]:
    """Return a row as JSON can hold it."""
    cell = {name: getattr(row.cell, name) for name in ("part", "fault", "what", "name")}
    rest = {name: value for name, value in vars(row).items() if name not in ("cell", "before", "after")}
    return {**cell, **rest, "before": asdict(row.before), "after": asdict(row.after)}


def results() -> Path:
    """Return a new folder for the results of lanes."""
    return Path(tempfile.mkdtemp(prefix="pullproof-chaos-"))


def read(file: Path) -> list[dict[str, Any]]:
    """Return a lane's rows, none where it broke off."""
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return found


def last(rows: Sequence[Plain]) -> list[Plain]:
    """Return each cell's last try."""
    return list({row["name"]: row for row in rows}.values())


def violated(rows: Sequence[Plain]) -> list[Plain]:
    """Return the cells that were violated in their last try, or ever by a wrong denial."""
    wrongly = {row["name"] for row in rows if row["wrongly_denied"]}
    return [row for row in last(rows) if row["violations"] or row["name"] in wrongly]


def line(row: Plain) -> str:
    """Return one line for a terminal, with the first violations below."""
    violations = list(row["violations"])
    shown = f"{'VIOLATED' if violations else 'ok':8} {row['name']}: {_figures(row)}"
    return "\n".join([shown, *(f"         {each[:300]}" for each in violations[:6])])


def summary(rows: Sequence[Plain]) -> str:
    """Return the counts of a run in a line."""
    cells = last(rows)
    again = len(rows) - len(cells)
    return (
        f"{len(cells)} cells: {len(violated(rows))} violated, {again} tries repeated; "
        f"{sum(row['reviews'] for row in rows):,} reviews, {sum(row['unanswered'] for row in cells)} unanswered, "
        f"{sum(row['wrongly_denied'] for row in rows)} wrongly denied"
    )


def _figures(row: Plain) -> str:
    size = row["after"]
    return (
        f"{row['reviews']} reviews, slowest {row['slowest']:.2f} s, lag {row['lag']:.2f}, {_codes(row)}; "
        f"well after {_seconds(row['recovery'])}, quiet after {_seconds(row['quiet'])}; tasks {size['tasks']}, "
        f"fds {size['descriptors']}, threads {size['threads']}, rss {size['rss']:.0f}"
    )


def _codes(row: Plain) -> str:
    return ", ".join(f"{code} {count}" for code, count in sorted(row["codes"].items())) or "nothing told"


def _seconds(value: object) -> str:
    return f"{value:.1f} s" if isinstance(value, float) else "never"


def machine(load: Sequence[float]) -> str:
    """Return what was measured on, and when."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*:\s*(.*)$", info, re.MULTILINE)
    before, after = load[0], os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {model[1] if model else platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}; load average {before:.1f} before, {after:.1f} after."
    )


def write_matrix(target: Path, rows: Sequence[Plain], *, load: Sequence[float]) -> None:
    """Put the matrix into its place in the page, and its counts among those of the runs before."""
    put(target, "matrix", _matrix(rows, load))
    note(target, "chaos", summary(rows))


def note(target: Path, run: str, counts: str) -> None:
    """Put a run's counts above those of the runs before it, so that a rerun can be held against them."""
    _, before, _ = _parted(target, "runs")
    rows = [line for line in before.splitlines() if re.match(r"\| \d", line)]
    head = ["| when, UTC | run | counts |", "|---|---|---|"]
    rows = [f"| {datetime.now(UTC):%Y-%m-%d %H:%M} | {run} | {counts} |", *rows]
    put(target, "runs", "\n".join([*head, *rows[:_RUNS], ""]))


def put(target: Path, name: str, text: str) -> None:
    """Replace what stands between the page's marks of that name; the rest of the page is written by hand."""
    head, _, tail = _parted(target, name)
    target.write_text(f"{head}\n\n{text}\n{tail}", encoding="utf-8")


def _parted(target: Path, name: str) -> tuple[str, str, str]:
    """Return the page up to a mark, what stands between it and its end, and the rest."""
    begin, end = f"<!-- {name}: written by a run -->", f"<!-- {name}: end -->"
    head, _, rest = target.read_text(encoding="utf-8").partition(begin)
    between, found, tail = rest.partition(end)
    if not found:
        raise ValueError(f"{str(target)!r} has no place for {name!r}: put {begin!r} and {end!r} there")
    return head + begin, between, end + tail


def _matrix(rows: Sequence[Plain], load: Sequence[float]) -> str:
    cells = last(rows)
    parts = list(dict.fromkeys(row["part"] for row in cells))
    counts = [f"| {part} | " + " | ".join(_count(cells, part, fault) for fault in FAULTS) + " |" for part in parts]
    table = [
        f"| {row['part']} | {row['fault']} | {row['what']} | {row['reviews']} | {row['slowest']:.2f} | {_codes(row)} "
        f"| {_seconds(row['recovery'])} | {_growth(row)} | {'**no**' if row['violations'] else 'yes'} |"
        for row in cells
    ]
    return "\n".join(
        [
            f"{machine(load)}",
            "",
            f"**{summary(rows)}.** {RATE:.0f} reviews a second beside the fault, each with "
            f"`?timeout={TIMEOUT:g}s`; a fault lasts {FAULT_SECONDS} s.",
            "",
            "How many cells there are of each kind; `-`: it would mean nothing there.",
            "",
            f"| | {' | '.join(FAULTS)} |",
            f"|---|{'---|' * len(FAULTS)}",
            *counts,
            "",
            "| part | fault | what happens | reviews | slowest answer, s | told of those not verified "
            "| well again after | tasks, descriptors, threads, MiB: before → after | as it should be |",
            "|---|---|---|---|---|---|---|---|---|",
            *table,
            *_shortfalls(rows),
            "",
        ]
    )


def _shortfalls(rows: Sequence[Plain]) -> list[str]:
    found = [f"- {row['name']}: {row['violations'][0]}" for row in violated(rows) if row["violations"]]
    return ["", "What was not as it should be:", "", *found] if found else []


def _count(rows: Sequence[Plain], part: str, fault: str) -> str:
    return str(sum(row["part"] == part and row["fault"] == fault for row in rows) or "-")


def _growth(row: Plain) -> str:
    before, after = row["before"], row["after"]
    return ", ".join(f"{before[name]:.0f} → {after[name]:.0f}" for name in ("tasks", "descriptors", "threads", "rss"))
