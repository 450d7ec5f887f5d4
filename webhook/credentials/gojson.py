"""JSON as the node reads it, with Go's encoding/json (pure).

What differs from other readers, and decides whether a Secret is malformed or which login it holds:

    names     match without regard to case, by Unicode's simple folding: "AUTHS" and even "auth\u017f" are "auths"
    twice     every member of a name is applied in turn, so the last wins, and null changes nothing
    text      bytes that are no UTF-8, and lone surrogates, become U+FFFD; nothing is refused for them
    numbers   as the grammar says, no NaN or Infinity; of any length
    depth     10000 levels, one more is an error
    the rest  after the value is an error, so is a byte order mark

Source: encoding/json of Go 1.26, decode.go, fold.go, scanner.go.
"""

import json
import re
from collections.abc import Collection, Iterator
from itertools import accumulate
from typing import Final, NoReturn

_DEEPEST: Final = 10_000
_SURROGATE = re.compile("[\ud800-\udfff]")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[][{}]")
_REPLACEMENT: Final = "\ufffd"


class NotJSON(ValueError):
    """The bytes are no JSON; the text says where, and quotes nothing."""


class TooDeep(ValueError):
    """Nested deeper than is followed here, though Go would follow."""


class Object(tuple[tuple[str, "Value"], ...]):
    """The members of an object in order, repeated names kept."""

    __slots__ = ()

    def fields(self, names: Collection[str]) -> Iterator[tuple[str, "Value"]]:
        """Yield, in order, the members that Go takes for fields of these names (lower case, ASCII), under the name."""
        for key, value in self:
            name = key if key in names else _fold(key)
            if name in names:
                yield name, value


Value = None | bool | int | str | list["Value"] | Object
"""What is decoded. Numbers are only told apart from the rest: their value is not kept."""


def decode(body: bytes) -> Value:
    """Decode one JSON value; raise `NotJSON` or `TooDeep`."""
    text = _SURROGATE.sub(_REPLACEMENT, body.decode("utf-8", "surrogateescape"))
    try:
        value: Value = json.loads(
            text, object_pairs_hook=Object, parse_int=len, parse_float=len, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        # Without the cause: it carries the whole document, which holds secrets.
        raise NotJSON(f"not JSON (line {error.lineno} column {error.colno})") from None
    except RecursionError:
        raise _depth_error(text) from None
    return value


def text_of(value: str) -> str:
    """Return a decoded string as Go holds it: escaped lone surrogates are replaced."""
    return value if value.isascii() else _SURROGATE.sub(_REPLACEMENT, value)


def _fold(key: str) -> str:
    """Fold the letters that may stand for ASCII ones; `lower` sees to the Kelvin sign."""
    return key.replace("\u017f", "s").lower()


def _no_constant(word: str) -> NoReturn:
    raise NotJSON(f"not JSON ({word.lstrip('-')} is no number)")


def _depth_error(text: str) -> NotJSON | TooDeep:
    """Count what the reader could not follow. Whatever else is wrong with it, too deep is too deep."""
    brackets = _BRACKET.finditer(_STRING.sub("", text))
    deepest = 0
    for depth in accumulate(1 if bracket[0] in "[{" else -1 for bracket in brackets):
        deepest = max(deepest, depth)
        if deepest > _DEEPEST:
            return NotJSON(f"not JSON (nested more than {_DEEPEST} levels deep)")
    return TooDeep(f"nested {deepest} levels deep")
