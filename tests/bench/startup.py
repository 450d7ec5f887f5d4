"""Measure how quickly the commands are there, and write docs/startup.md (I/O).

    python tests/bench/startup.py        about half a minute

Each command is a process of its own, in turns with a Python that does nothing; its registries (tests/cli/internet.py)
answer over TLS on this machine, under their real names. Wall and processor time, medians of the rounds.
"""

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "cli"), str(ROOT)]

from internet import Internet, internet, lacking  # noqa: E402 - found by the path above

ROUNDS = 15
NOTHING = "python -c pass"
COMMANDS = {
    NOTHING: (0, ("-c", "pass")),
    "pullproof --version": (0, ("-m", "webhook", "--version")),
    "pullproof --help": (0, ("-m", "webhook", "--help")),
    "pullproof image ghcr.io/acme/web:1.4.1": (0, ("-m", "webhook", "image", "ghcr.io/acme/web:1.4.1")),
    "pullproof image A:1 (no request)": (1, ("-m", "webhook", "image", "A:1")),
    "pullproof explain ghcr.io/acme/web:1.4.1": (0, ("-m", "webhook", "explain", "ghcr.io/acme/web:1.4.1")),
    "pullproof check examples/manifests/good --offline": (
        0,
        ("-m", "webhook", "check", "examples/manifests/good", "--offline"),
    ),
}
"""Exit code and arguments of Python, by what a person types."""

_PAGE = """# Start-up

How long a command takes from its start to its end, beside a Python that does nothing. Repeat it with `make startup`,
which writes this page. `image` and `explain` ask a registry of ours on the same machine, over TLS with a token, three
requests in all; of a real registry's answer the network comes on top. Asked for are less than 200 ms of `--version` and
less than 500 ms of `image` beside the network. What is imported when is kept by `tests/cli/test_process.py`.

{when}; {cores} cores, {processor}, Linux {kernel}, Python {python}; load average {before:.1f} before, {after:.1f}
after; medians of {rounds} rounds, the least in brackets.

| command | ms | ms of processor | of a Python that does nothing |
|---|---|---|---|
{rows}
"""


def once(net: Internet, arguments: Sequence[str], code: int) -> tuple[float, float]:
    """Run one command; return its wall and processor time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        net.command(sys.executable, *arguments), capture_output=True, check=False, cwd=ROOT, env=net.environ()
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != code:
        raise SystemExit(f"{arguments}: exit code {done.returncode}, not {code}: {done.stderr.decode()}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(net: Internet) -> dict[str, list[tuple[float, float]]]:
    """Run all commands in turns; the first round only warms up."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for number in range(ROUNDS + 1):
        for name, (code, arguments) in COMMANDS.items():
            taken = once(net, arguments, code)
            if number:
                found[name].append(taken)
    return found


def row(name: str, taken: Sequence[tuple[float, float]], nothing: float) -> str:
    """Return one line of the table."""
    walls, used = [wall * 1000 for wall, _ in taken], [cpu * 1000 for _, cpu in taken]
    wall = statistics.median(walls)
    return f"| `{name}` | {wall:.0f} ({min(walls):.0f}) | {statistics.median(used):.0f} | {wall / nothing:.1f}x |"


def main() -> int:
    """Return 2 where there can be no namespace."""
    if reason := lacking():
        print(reason, file=sys.stderr)
        return 2
    before = os.getloadavg()[0]
    script = ROOT / "tests/cli/worlds/troubles.yaml"
    with tempfile.TemporaryDirectory() as folder, internet(script, Path(folder)) as net:
        found = measure(net)
    nothing = statistics.median(wall * 1000 for wall, _ in found[NOTHING])
    page = _PAGE.format(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        cores=os.cpu_count(),
        processor=platform.machine(),
        kernel=platform.release(),
        python=platform.python_version(),
        before=before,
        after=os.getloadavg()[0],
        rounds=ROUNDS,
        rows="\n".join(row(name, taken, nothing) for name, taken in found.items()),
    )
    (ROOT / "docs" / "startup.md").write_text(page, encoding="utf-8")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
