"""YAML as a tree that knows where it stands in its text (pure).

A tree and not plain objects, because every finding must point at the scalar it is about. Aliases share their nodes, so
a tree is as small as its text; `size` and `height` count what it would be if it were written out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Value = str | int | float | bool | None | Sequence["Value"] | Mapping[str, "Value"]


@dataclass(frozen=True, slots=True)
class Span:
    """Where a node stands: lines and columns count from 1, in characters; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar, resolved as Kubernetes' own YAML reader would."""

    value: str | int | float | bool | None
    span: Span
    size: int = 1
    height: int = 0


@dataclass(frozen=True, slots=True)
class Branch:
    """A mapping. Merge keys are merged; the last of two equal keys wins."""

    entries: Mapping[str, "Node"]
    span: Span
    size: int = 1
    height: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A sequence."""

    items: Sequence["Node"]
    span: Span
    size: int = 1
    height: int = 0


Node = Leaf | Branch | Row

_STEP = re.compile(r"(?:^|\.)([^.\[\]]+)|\[(\d+)\]")


def locate(node: Node, field: str) -> Node | None:
    """Return the node at a field path (`spec.containers[0].image`), or None when there is none."""
    position = 0
    found: Node | None = node
    for step in _STEP.finditer(field):
        if step.start() != position:
            return None
        position = step.end()
        found = _child(found, step[1], step[2])
    return found if position == len(field) else None


def _child(node: Node | None, key: str | None, index: str | None) -> Node | None:
    match node:
        case Branch() if key is not None:
            return node.entries.get(key)
        case Row() if index is not None and int(index) < len(node.items):
            return node.items[int(index)]
        case _:
            return None


def text_at(node: Node, field: str) -> str:
    """Return the string at a field path, or "" when there is no string."""
    found = locate(node, field)
    return found.value if isinstance(found, Leaf) and isinstance(found.value, str) else ""


def plain(node: Node) -> Value:
    """Return the tree as dicts, lists and scalars; what aliases share stays shared."""
    return _plain(node, {})


def _plain(node: Node, done: dict[int, Value]) -> Value:
    if isinstance(node, Leaf):
        return node.value
    if id(node) not in done:
        match node:
            case Branch():
                done[id(node)] = {key: _plain(child, done) for key, child in node.entries.items()}
            case Row():
                done[id(node)] = [_plain(child, done) for child in node.items]
    return done[id(node)]
