"""What `pullproof explain` makes of pods that wait for an image (I/O: runs it, as a person would)."""

import asyncio
import json
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from case import Case
from workload import RUN

CAUSE_FOUND = (0, 1, 3)
"""Exit codes: it would be pulled by now, it fails, it could not be found out."""

LONGEST_LOOK = "5s"


async def explain(cases: Sequence[Case]) -> dict[str, str]:
    """Return the code of the cause that is told of each case's pod, "" where none is."""
    objects = [f"{case.kind.lower()}/{case.id}" for case in cases]
    command = ("-m", "webhook", "explain", *objects, "-n", RUN, "-o", "json", "--timeout", LONGEST_LOOK)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=pipe, stderr=pipe)
    said, complaint = await process.communicate()
    if process.returncode not in CAUSE_FOUND:
        raise RuntimeError(f"pullproof explain {' '.join(objects)}: {complaint.decode().strip()}")
    return dict(zip((case.id for case in cases), codes(json.loads(said)), strict=True))


def codes(report: Any) -> list[str]:
    """Return the code that is told of each object's judged image; objects come in the order they were named."""
    by_object = groupby(report["explanations"], key=lambda each: each["workload"])
    return [_code(list(explanations)) for _, explanations in by_object]


def _code(explanations: list[Any]) -> str:
    causes = [each["cause"] for each in explanations if each["container"] in ("judged", "v")]
    return next((str(cause["code"]) for cause in causes if cause), "")
