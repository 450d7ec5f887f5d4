"""Bytes or plain mappings -> Structs, with the one error that leaves a decoder (pure)."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from webhook.workload.fieldpath import Step, render_path

T = TypeVar("T")

DEEPEST = 64
TOO_LARGE = "too large or too deep to be a Kubernetes object"

_AT = " - at "
_KEY = "`key` in "
_LONGEST = 200


class MalformedObject(ValueError):
    """The object is not what the Kubernetes API would send; `path` says where, as `spec.containers[0].image`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


def decode(decoder: msgspec.json.Decoder[T], data: bytes | bytearray | memoryview | msgspec.Raw) -> T:
    """Decode JSON; raise `MalformedObject` for whatever is wrong with it."""
    try:
        return decoder.decode(data)
    except msgspec.DecodeError as error:
        raise _malformed(error) from error
    except UnicodeDecodeError as error:
        raise MalformedObject("", "a string is not valid UTF-8") from error
    except RecursionError as error:
        raise MalformedObject("", "nested too deeply") from error


def convert(obj: Mapping[str, object], kind: type[T]) -> T:
    """Read a decoded YAML or JSON object; raise `MalformedObject` for whatever is wrong with it."""
    try:
        return msgspec.convert(obj, kind)
    except msgspec.ValidationError as error:
        raise _malformed(error) from error
    except RecursionError as error:
        raise MalformedObject("", "nested too deeply") from error


def below(path: tuple[Step, ...], error: MalformedObject) -> MalformedObject:
    """Return the same error, told from the top of the document that holds the object at `path`."""
    where = render_path(path)
    dot = "." if where and error.path and not error.path.startswith("[") else ""
    return MalformedObject(f"{where}{dot}{error.path}", error.reason)


def text_at(node: object, key: str) -> str:
    """Return the string under `key`, or "" where there is none."""
    value = node.get(key) if isinstance(node, Mapping) else None
    return value if isinstance(value, str) else ""


def _malformed(error: msgspec.DecodeError) -> MalformedObject:
    # "Expected `str`, got `int` - at `$.spec.x`", or "… - at `key` in `$.spec.x`"; the path holds no text of the input.
    reason, _, place = str(error).rpartition(_AT)
    if not reason:
        reason, place = place, ""
    reason = reason[:1].lower() + reason[1:_LONGEST].replace(" | null", "").replace("`", "")
    on_key = place.startswith(_KEY)
    path = place.removeprefix(_KEY).strip("`").removeprefix("$").removeprefix(".")
    return MalformedObject(path, f"{reason} as key" if on_key else reason)
