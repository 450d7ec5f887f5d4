"""The `auth` field of a docker config: base64 of "user:password", as the kubelet reads it (pure).

A field that ends with "=" (after trimming) is padded standard base64, any other is unpadded. Line ends may stand
anywhere; blanks, tabs, URL-safe letters and half a padding may not. Bits left over are not looked at. The first colon
splits; nothing is trimmed: the newline that `echo` adds stays in the password. Source: kubernetes
pkg/credentialprovider/config.go (`decodeDockerConfigFieldAuth`), encoding/base64 of Go 1.26.

A login need not be UTF-8. Its bytes are kept as Python keeps file names ("surrogateescape").
"""

import binascii
import re
from typing import Final

_LINE_ENDS: Final = b"\r\n"
_LETTERS = re.compile(rb"[A-Za-z0-9+/\r\n]*+")


class InvalidAuth(ValueError):
    """The field is no login; the text is the kubelet's and holds nothing of the field."""


def decode_auth(field: str) -> tuple[str, str]:
    """Return user and password; raise `InvalidAuth`."""
    raw = _decode(field.encode("utf-8", "surrogatepass"), padded=field.rstrip().endswith("="))
    user, colon, password = raw.partition(b":")
    if not colon:
        raise InvalidAuth("unable to parse auth field, must be formatted as base64(username:password)")
    return user.decode("utf-8", "surrogateescape"), password.decode("utf-8", "surrogateescape")


def decode_padded(field: str) -> str:
    """Return what padded standard base64 holds; raise `InvalidAuth`."""
    return _decode(field.encode("utf-8", "surrogatepass"), padded=True).decode("utf-8", "surrogateescape")


def _decode(field: bytes, *, padded: bool) -> bytes:
    """Decode as Go does, errors with the same place."""
    match = _LETTERS.match(field)
    end = match.end() if match else 0
    letters = field[:end].translate(None, _LINE_ENDS)
    over = len(letters) % 4
    if end < len(field):
        _check_padding(field, end, over, padded=padded)
    elif over == 1 or (over and padded):
        raise _corrupt(len(field) - over)
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _check_padding(field: bytes, place: int, over: int, *, padded: bool) -> None:
    """Refuse what follows the letters unless it is the padding that they need."""
    if not padded or field[place : place + 1] != b"=" or over < 2:
        raise _corrupt(place)
    place += 1
    if over == 2:
        place = _skip(field, place)
        if place == len(field):
            raise _corrupt(place)
        if field[place : place + 1] != b"=":
            raise _corrupt(place - 1)
        place += 1
    place = _skip(field, place)
    if place < len(field):
        raise _corrupt(place)


def _skip(field: bytes, place: int) -> int:
    return len(field) - len(field[place:].lstrip(_LINE_ENDS))


def _corrupt(place: int) -> InvalidAuth:
    return InvalidAuth(f"illegal base64 data at input byte {place}")
