"""Break every part in every way, under load, and see that no review suffers; writes docs/reliability.md (I/O, root).

    python tests/chaos                       the whole matrix, parts of it side by side
    python tests/chaos --only redis,clock    some parts
    python tests/chaos --cells TEXT          the cells whose name holds TEXT

Exit code 1 where a cell was violated.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import reliability as page  # noqa: E402
import stage  # noqa: E402
from experiment import observe  # noqa: E402
from lanes import LANES, Lane  # noqa: E402
from rig import opened  # noqa: E402

_TRIES = 3
_WARM_UP = 10.0
_BUSY = 0.15
"""Seconds of lag from which on a violation may be the machine's: the cell is tried again, and both are told."""


async def carry_out(lane: Lane, wanted: str) -> list[dict[str, object]]:
    """Carry out the cells of one lane, one after the other, and return their rows."""
    cells = [cell for cell in lane.cells() if wanted in cell.name]
    rows = []
    async with opened(lane.parts) as scene:
        async with scene.load.running():
            await asyncio.sleep(_WARM_UP)
        at_first = scene.webhook.size()
        for cell in cells:
            for _ in range(_TRIES):
                row = await observe(scene, cell, at_first)
                rows.append(page.plain(row))
                print(page.line(rows[-1]), file=sys.stderr, flush=True)
                if not row.violations or row.lag < _BUSY:
                    break
    return rows


async def _run_lane(name: str, wanted: str, out: Path) -> int:
    process = await asyncio.create_subprocess_exec(
        *stage.command("--lane", name, "--cells", wanted, "--out", str(out)), env=stage.environment()
    )
    return await process.wait()


async def _run_all(names: list[str], wanted: str, out: Path, at_once: int) -> list[str]:
    turns = asyncio.Semaphore(at_once)
    failed = []

    async def run(name: str) -> None:
        async with turns:
            if await _run_lane(name, wanted, out / f"{name.replace(' ', '-')}.json"):
                failed.append(name)

    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(run(name))
    return failed


def main() -> int:
    """Run what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default=",".join(LANES), help="parts to spoil, by commas")
    parser.add_argument("--cells", default="", help="only cells whose name holds this")
    parser.add_argument("--at-once", type=int, default=2, help="parts that are spoilt side by side, each by itself")
    parser.add_argument("--page", type=Path, help="the page to write; by default none unless everything ran")
    parser.add_argument("--results", type=Path, help="folder of results: those of other parts there count as well")
    parser.add_argument("--lane", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.lane is not None:
        rows = asyncio.run(carry_out(LANES[given.lane], given.cells))
        given.out.write_text(json.dumps(rows), encoding="utf-8")
        return 0
    if os.geteuid() != 0:
        sys.exit("chaos: only root can make namespaces; run it as root")
    return _whole(given)


def _whole(given: argparse.Namespace) -> int:
    began, load = time.monotonic(), os.getloadavg()
    out: Path = given.results or page.results()
    out.mkdir(parents=True, exist_ok=True)
    names = given.only.split(",")
    failed = asyncio.run(_run_all(names, given.cells, out, given.at_once))
    seconds = time.monotonic() - began
    found = {name: page.read(out / f"{name.replace(' ', '-')}.json") for name in LANES}
    rows = [row for each in found.values() for row in each]
    if given.page or (all(found.values()) and not given.cells):
        page.write_matrix(given.page or page.PAGE, rows, load=load)
    print(page.summary(rows), f"in {seconds:.0f} s", flush=True)
    for name in failed:
        print(f"{name}: the run broke off", file=sys.stderr)
    return 1 if page.violated(rows) or failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
