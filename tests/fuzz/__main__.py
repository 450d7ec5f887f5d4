"""Let atheris at every decoder, and write docs/fuzzing.md (I/O).

    python tests/fuzz                     ten minutes of processor each; FUZZ_MINUTES says otherwise
    python tests/fuzz manifest reference  some of them; the page is left alone
    python tests/fuzz --results DIR       what ended is kept there, and the same command goes on where it broke off

Exit code 1 where a target broke; the input that broke it is left in build/fuzz. Put it into tests/fuzz/corpus/TARGET
under a name that tells what it is, and it is tried by every run of the tests.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent)]

from targets import TARGETS, seeds  # noqa: E402

_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs/fuzzing.md"
_KEPT = _ROOT / "build/fuzz"


@dataclass(frozen=True)
class Result:
    """What one target came to. Seconds of processor; `edges`: places in the code that were reached."""

    name: str
    seconds: float
    runs: int
    edges: int
    kept: int
    broke: str = ""


def fuzz(name: str, minutes: float) -> Result:
    """Fuzz one target until it has used so much processor time, over as many processes as that takes."""
    spent, runs, edges, broke = 0.0, 0, 0, ""
    with tempfile.TemporaryDirectory(prefix="pullproof-fuzz-") as folder:
        new = Path(folder, "new")
        new.mkdir()
        while spent < minutes * 60 - 1 and not broke:
            code, used, said = _once(name, round(minutes * 60 - spent), new, Path(folder, "said"))
            spent += used
            runs += _number(r"stat::number_of_executed_units:\s*(\d+)", said)
            edges = max(edges, _number(r"cov: (\d+)", said))
            broke = _broken(name, code, said, new)
        kept = sum(not each.name.startswith(("crash", "timeout", "oom")) for each in new.iterdir())
    return Result(name, spent, runs, edges, kept, broke)


def resumed(name: str, minutes: float, results: Path | None) -> Result:
    """Return what a run before this one found of the target, given as much time; else fuzz it, and keep the result."""
    kept = results and results / f"{name}.json"
    if kept and kept.exists():
        result = Result(**json.loads(kept.read_text(encoding="utf-8")))
        if result.seconds >= minutes * 60 - 1:
            return result
    result = fuzz(name, minutes)
    if kept and not result.broke:
        kept.write_text(json.dumps(asdict(result)), encoding="utf-8")
    print(f"{name}: {result.runs:,} inputs, {result.broke or 'nothing broke it'}", file=sys.stderr, flush=True)
    return result


def _once(name: str, seconds: int, new: Path, log: Path) -> tuple[int, float, str]:
    """Run one process; return its exit code, the processor seconds it used, and what it said."""
    command = [sys.executable, str(Path(__file__).with_name("one.py")), name, str(max(1, seconds)), str(new)]
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_utime + used.ru_stime, log.read_text(encoding="utf-8", errors="replace")


def _number(pattern: str, said: str) -> int:
    """Return the last number that the pattern finds."""
    found = re.findall(pattern, said)
    return int(found[-1]) if found else 0


def _broken(name: str, code: int, said: str, new: Path) -> str:
    if code == 0:
        return ""
    _KEPT.mkdir(parents=True, exist_ok=True)
    for each in new.iterdir():
        if each.name.startswith(("crash", "timeout", "oom")):
            shutil.copy(each, _KEPT / f"{name}-{each.name}")
    lines = [line for line in said.splitlines() if re.search(r"Error|Exception|Invalid|ALARM|out-of-memory", line)]
    told = " ".join((lines[-1] if lines else said[-300:]).split()).replace("|", "/")
    return told[:300] or f"exit code {code}"


_HEAD = """# Fuzzing

What reads bytes from outside is let at by atheris (libFuzzer, guided by coverage) in `make fuzz`, with `FUZZ_MINUTES`
of processor time for each target. `tests/fuzz/targets.py` says what each may refuse, and which laws it holds: what is
printed can be read again; the fast and the thorough way of reading a review agree. The samples in `tests/fuzz/corpus`,
with what once broke a target, and some mutations of them are tried by every run of the tests; so is the HTTP surface.
"""


def render(results: list[Result], minutes: float) -> str:
    """Return the page."""
    rows = [
        (each.name, f"{each.seconds / 60:.1f}", f"{each.runs:,}", f"{each.edges:,}", len(seeds(each.name)), each.kept)
        for each in results
    ]
    return "\n".join(
        [
            _HEAD,
            f"Written by a run with {minutes:g} minutes or more for each, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; "
            f"{os.cpu_count()} cores, Python {platform.python_version()}, "
            f"load average {os.getloadavg()[0]:.1f} at the end.",
            "",
            "| target | minutes of processor | inputs | places reached | samples | new inputs kept | broke it |",
            "|---|---|---|---|---|---|---|",
            *(
                f"| {' | '.join(str(cell) for cell in row)} | {each.broke or 'nothing'} |"
                for row, each in zip(rows, results, strict=True)
            ),
            "",
        ]
    )


def main() -> int:
    """Run what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], help="all of them when none is named")
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("FUZZ_MINUTES", "10")))
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--page", type=Path, default=None)
    parser.add_argument("--results", type=Path, default=None)
    given = parser.parse_args()
    if given.results is not None:
        given.results.mkdir(parents=True, exist_ok=True)
    wanted = given.targets or list(TARGETS)
    with ThreadPoolExecutor(given.at_once) as threads:
        results = list(threads.map(lambda name: resumed(name, given.minutes, given.results), wanted))
    page = given.page or (None if given.targets else _PAGE)
    text = render(results, given.minutes)
    if page is not None:
        page.write_text(text, encoding="utf-8")
    print(text)
    return 1 if any(each.broke for each in results) else 0


if __name__ == "__main__":
    sys.exit(main())
