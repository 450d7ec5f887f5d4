"""A YAML document as plain values that remember their lines (pure).

Every scalar stays the text that was written: what it means is for the schema to say, so that `off` is a level, `1.0` a
tag and `2027-01-31` a date without quotes. An empty value or `null` is as good as a key left out.

Paths are msgspec's: `$.registries[0].match`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import yaml

Value = str | None | list["Value"] | dict[str, "Value"]

_LARGEST: Final = 1 << 20
_MOST_NODES: Final = 50_000
_DEEPEST: Final = 40
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


class NoTree(ValueError):
    """The text is no YAML that can be a configuration."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


@dataclass(frozen=True, slots=True)
class Tree:
    """The value of a document, the line (from 1) of every path in it, and the texts of its scalars."""

    value: Value
    lines: Mapping[str, int]
    texts: Mapping[str, str]


def parse(text: str) -> Tree:
    """Raise `NoTree` unless `text` is one YAML document of plain values."""
    if len(text) > _LARGEST:
        raise NoTree(f"{len(text)} characters are too many for a configuration")
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NoTree(f"not YAML: {error.problem or error.context}", mark.line + 1 if mark else None) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise NoTree(f"not YAML: {_first_line(error)}") from error
    return _Reader().read(root) if root is not None else Tree({}, {}, {})


def _text(node: yaml.ScalarNode) -> str:
    """Refuse halves of characters, which JSON's escapes can write and nothing can print."""
    text = str(node.value)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise NoTree("a text holds half a character", node.start_mark.line + 1)
    return text


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


class _Reader:
    """Walks the nodes once; an alias counts as often as it is used, so that small texts stay small."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}
        self._texts: dict[str, str] = {}
        self._seen = 0

    def read(self, root: yaml.Node) -> Tree:
        value = self._value(root, "$", 0)
        return Tree({} if value is None else value, self._lines, self._texts)

    def _value(self, node: yaml.Node, path: str, depth: int) -> Value:
        line = node.start_mark.line + 1
        self._lines.setdefault(path, line)
        self._seen += 1
        if self._seen > _MOST_NODES or depth > _DEEPEST:
            raise NoTree("too many or too deeply nested values", line)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, f"{path}[{place}]", depth + 1) for place, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return {key: value for key, value in self._entries(node, path, depth) if value is not None}
        raise NoTree("neither a text, a list nor a mapping", line)

    def _scalar(self, node: yaml.ScalarNode, path: str) -> str | None:
        text = _text(node)
        if node.style is None and text in _NULLS:
            return None
        self._texts[path] = text
        return text

    def _entries(self, node: yaml.MappingNode, path: str, depth: int) -> Iterator[tuple[str, Value]]:
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise NoTree("a key is not a text", line)
            name = _text(key)
            if name in seen:
                raise NoTree(f"key {name!r} is given twice; remove one", line)
            seen.add(name)
            self._lines[f"{path}.{name}"] = line
            yield name, self._value(value, f"{path}.{name}", depth + 1)
