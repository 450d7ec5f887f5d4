"""How long a decoder may be kept busy: every one of them with 1 MiB of everything hostile.

    python tests/decoders [--page FILE]

Writes docs/decoders.md. Exit code 1 where one takes longer than it may.
"""

import argparse
import contextlib
import gc
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from table import Decoder, decoders, hostile

MIB = 1 << 20
MOST_MS = 50.0
AGAIN = 3

_HEAD = """Written by `make decoders`; do not edit. Every decoder of what strangers write (users in their objects,
registries in their answers, providers) is given 1 MiB of each of {inputs} hostile inputs: open brackets, half texts, a
hundred thousand keys, … What is shown is the longest, in processor time, the best of {again} runs of it; load average
{load:.1f}. That only its own error leaves each, and that none is quadratic, are tests (`tests/decoders`). So it is for
those that read an operator's or a person's own files (YAML, TOML, docker configs); how long these take is not measured:
they hold up nobody else.
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """The longest that a decoder took, and with what; the best of a few runs, since others use the machine too."""

    decoder: Decoder
    milliseconds: float
    worst: str


def main() -> int:
    options = argparse.ArgumentParser(prog="decoders", description=__doc__)
    options.add_argument("--page", type=Path, default=Path("docs/decoders.md"))
    page = options.parse_args().page
    load = os.getloadavg()[0]
    rows = sorted((measure(each) for each in decoders() if each.bound), key=lambda each: -each.milliseconds)
    page.write_text("\n".join(_page(rows, load)) + "\n")
    slow = [each for each in rows if each.milliseconds > MOST_MS]
    for each in slow:
        print(f"{each.decoder.name}: {each.milliseconds:.0f} ms with {each.worst}", file=sys.stderr)
    return 1 if slow else 0


def measure(decoder: Decoder) -> Measured:
    found = [(min(_timed(decoder, body) for _ in range(AGAIN)), name) for name, body in hostile(MIB)]
    longest, worst = max(found)
    return Measured(decoder, longest * 1000, worst)


def _timed(decoder: Decoder, body: bytes) -> float:
    gc.collect()
    began = time.process_time()
    with contextlib.suppress(*decoder.raises):
        decoder.take(body)
    return time.process_time() - began


def _page(rows: list[Measured], load: float) -> Iterator[str]:
    yield "# Decoders under attack\n"
    yield _HEAD.format(inputs=len(list(hostile(64))), again=AGAIN, load=load)
    yield "| decoder | what is decoded is written by | longest | with |"
    yield "|---|---|---|---|"
    for each in rows:
        yield f"| {each.decoder.name} | {each.decoder.by} | {each.milliseconds:.1f} ms | {each.worst} |"


if __name__ == "__main__":
    sys.exit(main())
