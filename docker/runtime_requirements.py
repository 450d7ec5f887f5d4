#!/usr/bin/env python3
"""Print the part of constraints.txt that the program needs to run, hashes and all.

    runtime_requirements.py constraints.txt [EXTRA…]      EXTRA: shared-cache

The file also pins what developers need. Each of its entries says by whom it is wanted (`# via`), so what runs is what
can be reached from `pullproof (pyproject.toml)`. Standard library only: it runs before anything is installed.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = "pullproof (pyproject.toml)"
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==")


def entries(text: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield name, requirement lines and wanting parties of each pinned package."""
    block: list[str] = []
    for line in [*text.splitlines(), "end=="]:
        match = _NAME.match(line)
        if (match or line == "end==") and block:
            name = _NAME.match(block[0])
            if name:
                wanted = [each.strip().removeprefix("#").strip().removeprefix("via").strip() for each in block]
                comments = [each for each, raw in zip(wanted, block, strict=True) if raw.lstrip().startswith("#")]
                lines = [raw for raw in block if raw.strip() and not raw.lstrip().startswith("#")]
                yield normal(name[1]), "\n".join(lines), frozenset(normal(each) for each in comments if each)
            block = []
        block.append(line)


def normal(name: str) -> str:
    """Spell a package's name as PEP 503 does; leave the project's own line alone."""
    return name if "(" in name else re.sub(r"[-_.]+", "-", name).lower()


def runtime(text: str, extras: tuple[str, ...] = ()) -> list[str]:
    """Return the requirements that can be reached from the project (and its extras), in the file's order."""
    found = list(entries(text))
    reached = {PROJECT, *(f"pullproof (pyproject.toml:{extra})" for extra in extras)}
    reached |= {f"pullproof[{extra}] (pyproject.toml)" for extra in extras}
    while True:
        more = {name for name, _, wanted in found if wanted & reached} - reached
        if not more:
            return [lines for name, lines, _ in found if name in reached]
        reached |= more


if __name__ == "__main__":
    sys.stdout.write("\n".join(runtime(Path(sys.argv[1]).read_text(encoding="utf-8"), tuple(sys.argv[2:]))) + "\n")
