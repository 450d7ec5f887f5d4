"""YAML text -> trees with positions (pure).

libyaml's events are turned into nodes here and not by its own composer: that one recurses in C, so that a few thousand
brackets end the process, and it has no opinion about aliases. With events, everything is bounded before it is built:

    16 MiB of text, 1 000 000 values and 100 levels in one document, counted as if its aliases were written out

(The API server takes 3 MiB for one request and etcd 1.5 MiB for one object.) JSON is read as the YAML that it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import yaml

from webhook.documents.node import Branch, Leaf, Node, Row, Span
from webhook.documents.scalar import resolve

MAX_BYTES = 16 * 1024 * 1024
MAX_VALUES = 1_000_000
MAX_DEPTH = 100

_ADVICE = "correct it, or leave the file out"
_SURROGATES = re.compile(r"\\ud([89ab][0-9a-f]{2})\\ud([c-f][0-9a-f]{2})", re.IGNORECASE)


class MalformedDocument(ValueError):
    """The text is no YAML that can be read; says the line (from 1) and what to do."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One document. `braces` is the line of the first key that is itself a mapping: `{{ … }}` without quotes, or 0."""

    root: Node
    braces: int = 0


class _Mark(Protocol):
    """Where libyaml stands, counted from 0."""

    line: int
    column: int


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been seen; keys and values of a mapping take turns in `nodes`."""

    start: _Mark | None
    mapping: bool
    anchor: str | None
    nodes: list[Node] = field(default_factory=list)


class _Composer:
    """The state while one document is read."""

    def __init__(self) -> None:
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._count = 0
        self._braces = 0
        self._root: Node | None = None

    def take(self, event: yaml.Event) -> None:
        """Add one event; raise `MalformedDocument` where a bound is passed."""
        if isinstance(event, yaml.ScalarEvent):
            value = resolve(event.value, event.tag, quoted=not event.implicit[0] and event.tag is None)
            self._add(Leaf(value, _span(event.start_mark, event.end_mark)), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            node = self._aliased(event.anchor or "", _line(event.start_mark))
            self._count += node.size - 1
            self._add(node, None)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            opened = self._stack.pop()
            self._add(_closed(opened, event.end_mark), opened.anchor)

    def tree(self) -> Tree | None:
        """Return the document, or None for an empty one."""
        root = self._root
        if root is None or (isinstance(root, Leaf) and root.value is None):
            return None
        return Tree(root=root, braces=self._braces)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        mapping = isinstance(event, yaml.MappingStartEvent)
        above = self._stack[-1] if self._stack else None
        if mapping and above and above.mapping and len(above.nodes) % 2 == 0 and not self._braces:
            self._braces = _line(event.start_mark)
        if len(self._stack) >= MAX_DEPTH:
            raise MalformedDocument(
                _line(event.start_mark), f"nested deeper than {MAX_DEPTH} levels; no Kubernetes object is"
            )
        if event.anchor:
            self._anchors[event.anchor] = None
        self._stack.append(_Open(event.start_mark, mapping, event.anchor))

    def _aliased(self, anchor: str, line: int) -> Node:
        if anchor not in self._anchors:
            raise MalformedDocument(line, f"not valid YAML: alias {anchor!r} has no anchor before it; {_ADVICE}")
        node = self._anchors[anchor]
        if node is None:
            raise MalformedDocument(line, f"alias {anchor!r} refers to itself; write it out")
        return node

    def _add(self, node: Node, anchor: str | None) -> None:
        self._count += 1
        if self._count > MAX_VALUES or len(self._stack) + node.height > MAX_DEPTH:
            raise MalformedDocument(
                node.span.line,
                f"more than {MAX_VALUES} values or {MAX_DEPTH} levels once its aliases are written out; split the file",
            )
        if anchor:
            self._anchors[anchor] = node
        if self._stack:
            self._stack[-1].nodes.append(node)
        else:
            self._root = node


def compose(data: bytes) -> Iterator[Tree]:
    """Yield the documents of a text in order, without the empty ones.

    Raise `MalformedDocument` at the first that cannot be read; where one ends and the next begins is then lost.
    """
    if len(data) > MAX_BYTES:
        raise MalformedDocument(1, f"larger than {MAX_BYTES // 1024 // 1024} MiB; split it, or leave it out")
    text = _text(data)
    loader = yaml.CSafeLoader(text)
    try:
        composer = _Composer()
        while loader.check_event():
            event = loader.get_event()
            if event is None or isinstance(event, yaml.DocumentStartEvent):
                composer = _Composer()
            elif isinstance(event, yaml.DocumentEndEvent):
                tree = composer.tree()
                if tree is not None:
                    yield tree
            else:
                composer.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise MalformedDocument(mark.line + 1 if mark else 1, f"not valid YAML: {error.problem}; {_ADVICE}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise MalformedDocument(line, f"not valid YAML: {error.reason}; {_ADVICE}") from error
    finally:
        loader.dispose()


def _text(data: bytes) -> str:
    """Decode as YAML does: UTF-16 by its byte order mark, else UTF-8."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedDocument(line, f"not {encoding.removesuffix('-sig')} text; save it as UTF-8") from error
    # JSON writers escape characters beyond U+FFFF as two halves, which YAML does not know
    return _SURROGATES.sub(_join, text) if "\\ud" in text or "\\uD" in text else text


def _join(halves: re.Match[str]) -> str:
    high, low = int(halves[1], 16) - 0x800, int(halves[2], 16) - 0xC00
    return f"\\U{0x10000 + (high << 10) + low:08x}"


def _line(mark: _Mark | None) -> int:
    return mark.line + 1 if mark else 1


def _column(mark: _Mark | None) -> int:
    return mark.column + 1 if mark else 1


def _span(start: _Mark | None, end: _Mark | None) -> Span:
    return Span(_line(start), _column(start), _line(end), _column(end))


def _closed(opened: _Open, end: _Mark | None) -> Node:
    span = _span(opened.start, end)
    size = 1 + sum(node.size for node in opened.nodes)
    height = 1 + max((node.height for node in opened.nodes), default=0)
    if not opened.mapping:
        return Row(tuple(opened.nodes), span, size, height)
    pairs = list(zip(opened.nodes[::2], opened.nodes[1::2], strict=True))
    merged = {key: child for name, value in pairs if _is_merge(name) for key, child in _mergeable(value)}
    own = {_key(key): value for key, value in pairs if isinstance(key, Leaf) and not _is_merge(key)}
    return Branch(merged | own, span, size, height)


def _is_merge(key: Node) -> bool:
    return isinstance(key, Leaf) and key.value == "<<"


def _mergeable(value: Node) -> Iterator[tuple[str, Node]]:
    """Yield what `<<` brings; of several mappings the first wins, so it comes last."""
    sources = reversed(value.items) if isinstance(value, Row) else (value,)
    for source in sources:
        if isinstance(source, Branch):
            yield from source.entries.items()


def _key(key: Leaf) -> str:
    return key.value if isinstance(key.value, str) else str(key.value).lower()
