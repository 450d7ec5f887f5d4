"""Text -> Settings (pure).

One error leaves here, `InvalidSettings`, and it is one line: file, line, what is wrong, what to do.

    pullproof.yaml:7: checks: unknown key 'latest-tags'; did you mean 'latest-tag'?
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

import msgspec
from msgspec import inspect

from webhook.credentials.pattern import without_user
from webhook.settings.checktable import SECTION, CheckTable
from webhook.settings.duration import Duration
from webhook.settings.schema import Settings
from webhook.settings.tree import NoTree, Tree, parse

_PLACE = re.compile(r" - at `\$([^`]*)`")
_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_BAD_ENUM = re.compile(r"Invalid enum value .+", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_LONGEST: Final = 60
_FEW: Final = 6
_WORDS: Final = {
    "`object`": "a mapping",
    "`array`": "a list",
    "`str`": "a text",
    "`int`": "a number",
    "`bool`": "true or false",
    "Object missing required field": "lacks the key",
    "Invalid RFC3339 encoded date": "no date; write it like 2027-01-31",
}


_LOGIN = re.compile(r"""(?<=://)[^\s'"]*@|(?<=['"])[^\s'"]*:[^\s'"]*@""")
"""A login before a host, in a text that is repeated: the log and /readyz tell of it, to others than who wrote it."""


class InvalidSettings(ValueError):
    """The configuration cannot be used; the message is one line with file and line."""

    def __init__(self, source: str, line: int | None, problem: str) -> None:
        place = source if line is None else f"{source}:{line}"
        told = _LOGIN.sub("***@", " ".join(problem.split()))
        super().__init__(f"{place}: {told}")
        self.source = source
        self.line = line
        self.problem = told


def decode(text: str, source: str = "configuration") -> Settings:
    """Read the configuration; raise `InvalidSettings` for anything it cannot mean."""
    try:
        tree = parse(text)
    except NoTree as error:
        raise InvalidSettings(source, error.line, str(error)) from error
    try:
        return msgspec.convert(tree.value, Settings, strict=False, dec_hook=_custom)
    except msgspec.ValidationError as error:
        line, problem = _explain(str(error), tree)
        raise InvalidSettings(source, line, problem) from error


def _custom(kind: type, value: object) -> object:
    if kind is Duration and isinstance(value, str):
        return Duration.parse(value)
    if kind is CheckTable:
        return CheckTable.decode(value)
    raise ValueError(f"expected {kind.__name__.lower()}, got {_kind(value)}")


def _explain(message: str, tree: Tree) -> tuple[int | None, str]:
    """Turn msgspec's words into line and problem. A section in a section gives its place first: `$.a` at `$.checks`."""
    place = "".join(reversed(_PLACE.findall(message)))
    said = _PLACE.sub("", message)
    unknown = _UNKNOWN_FIELD.fullmatch(said)
    if unknown is not None:
        name = unknown[1]
        return _line(tree, f"${place}.{name}"), _at(place, f"unknown key {_cut(name)}{_near(name, _keys(place))}")
    path = _where(tree, f"${place}", said)
    if _BAD_ENUM.fullmatch(said):
        return _line(tree, path), _at(place, _not_one_of(tree.texts.get(path, ""), tuple(_choices(place))))
    text = tree.texts.get(path, "")
    written = f" (written: {_cut(text)})" if text and repr(text) not in said else ""
    return _line(tree, path), _at(place, f"{_plain(said)}{written}")


def _not_one_of(text: str, allowed: tuple[str, ...]) -> str:
    if len(allowed) > _FEW:
        return f"{_cut(text)} is unknown{_near(text, allowed)}"
    return f"{_cut(text)} is not one of {', '.join(allowed)}"


def _at(place: str, problem: str) -> str:
    return f"{place.lstrip('.')}: {problem}" if place else problem


def _cut(text: str) -> str:
    text = without_user(text)
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def _near(text: str, known: tuple[str, ...]) -> str:
    """Offer the nearest known word; without one, all of them."""
    lower = {word.lower(): word for word in known}
    nearest = get_close_matches(text.lower(), lower, n=1, cutoff=0.6)
    if nearest:
        return f"; did you mean {lower[nearest[0]]!r}?"
    return f"; known are {', '.join(known)}" if known and text not in known else ""


def _plain(said: str) -> str:
    for word, plain in _WORDS.items():
        said = said.replace(word, plain)
    return said[:1].lower() + said[1:]


def _kind(value: object) -> str:
    match value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return "a text"


def _line(tree: Tree, path: str) -> int | None:
    """Return the line of a path, or of the nearest one that encloses it."""
    while path and path not in tree.lines:
        path = path[: max(path.rfind("."), path.rfind("["))] if path != "$" else ""
    return tree.lines.get(path)


def _where(tree: Tree, path: str, said: str) -> str:
    """Narrow a section's own complaint down to the value that it quotes."""
    if path in tree.texts:
        return path
    inside = ((said.find(repr(text)), each) for each, text in tree.texts.items() if each.startswith(path))
    return min((place for place in inside if place[0] >= 0), default=(0, path))[1]


def _keys(place: str) -> tuple[str, ...]:
    """Return the keys that are known at a place."""
    names = (
        field.encode_name for kind in _types(place) if isinstance(kind, inspect.StructType) for field in kind.fields
    )
    return tuple(names)


def _choices(place: str) -> Iterator[str]:
    for kind in _types(place):
        if isinstance(kind, inspect.EnumType):
            yield from (str(member.value) for member in kind.cls)
        if isinstance(kind, inspect.LiteralType):
            yield from map(str, kind.values)


def _types(place: str) -> tuple[inspect.Type, ...]:
    """Return the types that a place may have, unions opened."""
    types = tuple(_open(inspect.type_info(Settings)))
    for name, _ in _STEP.findall(place):
        inner = (_field(kind, name) if name else _item(kind) for kind in types)
        types = tuple(each for kinds in inner for each in kinds)
    return types


def _open(kind: inspect.Type) -> Iterator[inspect.Type]:
    match kind:
        case inspect.UnionType():
            for each in kind.types:
                yield from _open(each)
        case inspect.Metadata():
            yield from _open(kind.type)
        case inspect.CustomType() if kind.cls is CheckTable:
            yield inspect.type_info(SECTION)
        case _:
            yield kind


def _field(kind: inspect.Type, name: str) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.StructType):
        for field in kind.fields:
            if field.encode_name == name:
                yield from _open(field.type)


def _item(kind: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.VarTupleType | inspect.ListType):
        yield from _open(kind.item_type)
