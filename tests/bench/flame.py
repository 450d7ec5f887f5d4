"""Draw where the time of warm reviews goes: docs/flame.svg, by py-spy, while wrk loads `pullproof serve` (I/O).

    python tests/bench/flame.py            some twenty seconds; needs root, or the right to trace processes

Samples hold the functions of C libraries too (libuv, OpenSSL, msgspec). What is above the event loop is left out, and
what took less than a thousandth, so that the drawing stays small.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import load
import parts
import run

_SECONDS = 10
_RATE = 400
_ROOT = "uv_run"
_LEAST = 0.001
_WIDTH, _HEIGHT, _LETTER = 1200.0, 16.0, 6.2
_COLOURS = {"webhook/": "#e0793f", ".py": "#e8b04b", "": "#9aa7b5"}
"""Ours, other Python, and C, by what is found in a frame."""


@dataclass(slots=True)
class Frame:
    """A function where it was called from: its samples, and what it called."""

    samples: int = 0
    below: dict[str, "Frame"] = field(default_factory=dict)


def main() -> int:
    """Draw it; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=run.DOCS / "flame.svg")
    given = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="pullproof-flame-") as name:
        drawing = draw(tree(sampled(Path(name))))
    given.out.write_text(drawing, encoding="utf-8")
    print(f"{given.out}: {len(drawing):,} bytes")
    return 0


def sampled(folder: Path) -> str:
    """Return the stacks of a server under load, as py-spy writes them: `outermost;…;innermost samples`."""
    out = folder / "stacks"
    with parts.registry(folder, 20) as registry, run.Bench(folder, run.SHORT, registry).pullproof() as server:
        case = folder / "review-0.json"
        load.burst(server.port, load.numbered(case.read_bytes(), 2))
        options = {"connections": 16, "seconds": _SECONDS + 2}
        loading = threading.Thread(target=load.wrk, args=(server, case), kwargs=options)
        loading.start()
        spy = ["taskset", "-c", str(parts.LOAD_CORE), str(Path(sys.executable).parent / "py-spy"), "record", "--native"]
        spy += [
            "--function",
            "--rate",
            str(_RATE),
            "--duration",
            str(_SECONDS),
            "--format",
            "raw",
            "--output",
            str(out),
        ]
        subprocess.run([*spy, "--pid", str(server.process.pid)], check=True, stdout=subprocess.DEVNULL)
        loading.join()
    return out.read_text(encoding="utf-8")


def tree(stacks: str) -> Frame:
    """Return the samples below the event loop, one frame for each function and caller."""
    root = Frame()
    for line in stacks.splitlines():
        stack, _, samples = line.rpartition(" ")
        names = [_short(name) for name in stack.split(";")]
        if _ROOT not in names:
            continue
        frame = root
        frame.samples += int(samples)
        for name in names[names.index(_ROOT) + 1 :]:
            frame = frame.below.setdefault(name, Frame())
            frame.samples += int(samples)
    return root


def _short(frame: str) -> str:
    """Keep the file of a Python function, without the line; a C function's name is enough."""
    name, _, place = frame.partition(" (")
    return f"{name} ({place.partition(':')[0]})" if ".py" in place else name


def draw(root: Frame) -> str:
    """Return the drawing: callers above what they call, as wide as their share of the time."""
    boxes = list(_boxes(root, root.samples, 0.0, 0))
    height = (max(depth for depth, _ in boxes) + 2) * _HEIGHT
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:.0f} {height:.0f}" '
        'font-family="monospace" font-size="10">\n'
        f"<title>Where the time of warm reviews goes ({root.samples:,} samples)</title>\n"
        f'<rect width="{_WIDTH:.0f}" height="{height:.0f}" fill="#fff"/>\n'
    )
    return head + "".join(box for _, box in boxes) + "</svg>\n"


def _boxes(frame: Frame, whole: int, left: float, depth: int) -> Iterator[tuple[int, str]]:
    for name, below in sorted(frame.below.items()):
        width = below.samples / whole * _WIDTH
        if below.samples >= whole * _LEAST:
            yield depth, _box(name, below.samples / whole, left, depth * _HEIGHT, width)
            yield from _boxes(below, whole, left, depth + 1)
        left += width


def _box(name: str, share: float, left: float, top: float, width: float) -> str:
    colour = next(colour for found, colour in _COLOURS.items() if found in name)
    shown = name[: max(0, int((width - 4) / _LETTER))]
    text = f'<text x="{left + 2:.1f}" y="{top + 11:.0f}">{escape(shown)}</text>' if len(shown) > 2 else ""
    return (
        f'<g><title>{escape(name)}: {share:.1%}</title><rect x="{left:.1f}" y="{top:.0f}" width="{width:.1f}" '
        f'height="{_HEIGHT - 1:.0f}" fill="{colour}"/>{text}</g>\n'
    )


if __name__ == "__main__":
    raise SystemExit(main())
