"""Run the resource attacks and write what they cost into docs/threat-model.md (I/O).

python tests/security/figures.py
"""

import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs/threat-model.md"
_BEGIN, _END = "<!-- attacks: written by a run -->", "<!-- attacks: end -->"
_FIGURES = r"\d{3}, [\d.]+ s|\[b'|[\d.]+ s of CPU|[\d.]+ s for |\d+ MiB more|\d+ closed"
_FIGURE = re.compile(rf"FIGURE (?P<name>.*): (?P<figures>(?:{_FIGURES}).*)")


def rows(said: str) -> list[tuple[str, str]]:
    """Return what each attack cost, as the tests printed it."""
    return [(found["name"], found["figures"]) for found in map(_FIGURE.search, said.splitlines()) if found]


def render(found: list[tuple[str, str]], before: float) -> str:
    """Return what goes into the page."""
    machine = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {os.cpu_count()} cores, Python {platform.python_version()}"
    load = f"load average {before:.1f} before, {os.getloadavg()[0]:.1f} after"
    lines = [f"| {name.replace('|', '/')} | {figures.replace('|', '/')} |" for name, figures in found]
    return "\n".join([f"{len(found)} attacks; {machine}; {load}.", "", "| attack | cost |", "|---|---|", *lines])


def main() -> int:
    """Run them; return pytest's exit code."""
    before = os.getloadavg()[0]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "0",
        "-q",
        "-s",
        str(Path(__file__).with_name("test_exhaustion.py")),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_ROOT)
    found = rows(done.stdout)
    if done.returncode == 0:
        head, _, rest = _PAGE.read_text(encoding="utf-8").partition(_BEGIN)
        tail = rest.partition(_END)[2]
        _PAGE.write_text(f"{head}{_BEGIN}\n\n{render(found, before)}\n\n{_END}{tail}", encoding="utf-8")
    print(render(found, before) if done.returncode == 0 else done.stdout[-3000:])
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
