"""YAML as a tree that knows where it stands in its text (pure).

A tree and not plain objects, because every finding must point at the scalar it is about. Aliases share their nodes, so
a tree is as small as its text; `size` and `height` count what it would be if it were written out.
Structs, because a large file has a million nodes.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from webhook.workload.fieldpath import Step

Value = str | int | float | bool | None | Sequence["Value"] | Mapping[str, "Value"]


class Span(msgspec.Struct, frozen=True, gc=False):
    """Where a node stands: lines and columns count from 1, in characters; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Leaf(msgspec.Struct, frozen=True, gc=False):
    """A scalar, resolved as Kubernetes' own YAML reader would."""

    value: str | int | float | bool | None
    span: Span
    size: int = 1
    height: int = 0


class Branch(msgspec.Struct, frozen=True):
    """A mapping. Merge keys are merged; the last of two equal keys wins."""

    entries: Mapping[str, "Node"]
    span: Span
    size: int = 1
    height: int = 0


class Row(msgspec.Struct, frozen=True):
    """A sequence."""

    items: Sequence["Node"]
    span: Span
    size: int = 1
    height: int = 0


Node = Leaf | Branch | Row


def locate(node: Node, steps: Sequence[Step]) -> Node | None:
    """Return the node at the end of the steps, or None when there is none."""
    found: Node | None = node
    for step in steps:
        found = _child(found, step)
    return found


def nearest(node: Node, steps: Sequence[Step]) -> Node:
    """Return the deepest node on the way of the steps: where something that is missing should have been."""
    for length in range(len(steps), 0, -1):
        found = locate(node, steps[:length])
        if found is not None:
            return found
    return node


def _child(node: Node | None, step: Step) -> Node | None:
    match node, step:
        case Branch(), str():
            return node.entries.get(step)
        case Row(), int() if step < len(node.items):
            return node.items[step]
        case _:
            return None


def text_at(node: Node, *steps: Step) -> str:
    """Return the string at the end of the steps, or "" when there is no string."""
    found = locate(node, steps)
    return found.value if isinstance(found, Leaf) and isinstance(found.value, str) else ""


def plain(node: Node, text: Callable[[str], str] = str) -> Value:
    """Return the tree as dicts, lists and scalars, each text as `text` makes it; what aliases share stays shared."""
    return _plain(node, {}, text)


def _plain(node: Node, done: dict[int, Value], text: Callable[[str], str]) -> Value:
    if isinstance(node, Leaf):
        return text(node.value) if isinstance(node.value, str) else node.value
    if id(node) not in done:
        match node:
            case Branch():
                done[id(node)] = {key: _plain(child, done, text) for key, child in node.entries.items()}
            case Row():
                done[id(node)] = [_plain(child, done, text) for child in node.items]
    return done[id(node)]
