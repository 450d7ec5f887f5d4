"""Bytes from files, folders and standard input (I/O).

A folder is walked in the order of its names: `*.yaml`, `*.yml` and `*.json`, without hidden names and `node_modules`,
links to folders not followed. The `templates` of a Helm chart (a folder that holds a Chart.yaml) are programs and no
documents: they are left out, and named, so that their owner can pipe `helm template` in. A path that is named itself is
read whatever its name is.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from webhook.documents.compose import MAX_BYTES
from webhook.documents.source import Problem

STDIN = "<stdin>"
_SUFFIXES = (".yaml", ".yml", ".json")
_CHART = "Chart.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFile:
    """A file's content. `named` is False when it was met while walking a folder."""

    name: str
    data: bytes
    named: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrenderedChart:
    """A Helm chart whose templates were left out."""

    folder: str


Found = TextFile | UnrenderedChart | Problem


def find(paths: Sequence[str], stdin: BinaryIO) -> Iterator[Found]:
    """Yield what the paths hold, each file once, in the order of the paths; `-` is standard input."""
    seen: set[str] = set()
    for path in paths:
        for found in _find(path, stdin):
            if isinstance(found, TextFile) and found.name != STDIN:
                real = os.path.realpath(found.name)
                if real in seen:
                    continue
                seen.add(real)
            yield found


def _find(path: str, stdin: BinaryIO) -> Iterator[Found]:
    if path == "-":
        yield TextFile(name=STDIN, data=stdin.read(MAX_BYTES + 1), named=True)
    elif os.path.isdir(path):
        yield from _walk(path)
    else:
        yield _read(path, named=True)


def _walk(folder: str) -> Iterator[Found]:
    problems: list[Problem] = []
    for root, folders, files in os.walk(folder, onerror=lambda error: problems.append(_unreadable(error))):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        if _CHART in files and "templates" in folders:
            folders.remove("templates")
            yield UnrenderedChart(folder=_shown(root))
        for name in sorted(files):
            if not name.startswith(".") and name.endswith(_SUFFIXES):
                yield _read(os.path.join(root, name), named=False)
    yield from problems


def _read(path: str, *, named: bool) -> TextFile | Problem:
    try:
        with open(path, "rb") as file:
            return TextFile(name=_shown(path), data=file.read(MAX_BYTES + 1), named=named)
    except OSError as error:
        return _unreadable(error, path)


def _shown(path: str) -> str:
    """Return the path as reports show it: from the working directory, where it is below that."""
    here = Path.cwd()
    whole = Path(path)
    return (whole.relative_to(here) if whole.is_relative_to(here) else whole).as_posix()


def _unreadable(error: OSError, path: str = "") -> Problem:
    advice = {
        FileNotFoundError: "no such file or folder; check the path",
        PermissionError: "may not be read; check its permissions",
    }.get(type(error), f"cannot be read: {(error.strerror or str(error)).lower()}")
    return Problem(file=_shown(path or str(error.filename)), line=0, message=advice)
