"""The error body of the distribution protocol, read and cleaned (pure).

    {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "…", "detail": …}, …]}

Source: opencontainers/distribution-spec, "Error Codes"; containerd core/remotes/docker/errcode.go and errdesc.go for
how a node prints it. Token services and older registries answer `{"details": …}`, `{"message": …}` or `{"error": …,
"error_description": …}`: those are read for their text only.
"""

import unicodedata
from dataclasses import dataclass

import msgspec

_LONGEST = 200
_MOST = 5

_CONTAINERD = {
    "UNKNOWN": "unknown error",
    "UNSUPPORTED": "The operation is unsupported.",
    "UNAUTHORIZED": "authentication required",
    "DENIED": "requested access to the resource is denied",
    "UNAVAILABLE": "service unavailable",
    "TOOMANYREQUESTS": "too many requests",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OciError:
    """One error. `code` in upper case, `message` cleaned, `detailed` when it had a detail."""

    code: str
    message: str
    detailed: bool = False

    def __str__(self) -> str:
        return ": ".join(part for part in (self.code, self.message) if part)


class _Error(msgspec.Struct):
    code: object = None
    message: object = None
    detail: object = None


class _Errors(msgspec.Struct):
    errors: list[_Error] = []


class _Loose(msgspec.Struct):
    details: object = None
    error_description: object = None
    message: object = None
    error: object = None


_ERRORS = msgspec.json.Decoder(_Errors)
_LOOSE = msgspec.json.Decoder(_Loose)


def decode(body: bytes) -> tuple[OciError, ...]:
    """Return the errors of a body, none when it is not such a body; never raises."""
    try:
        errors = _ERRORS.decode(_text(body)).errors
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ()
    read = (_read(error) for error in errors[:_MOST])
    return tuple(error for error in read if error.code or error.message)


def explain(body: bytes) -> str:
    """Return what the body says in words, cleaned and cut; "" when it says nothing."""
    errors = decode(body)
    if errors:
        return clean("; ".join(str(error) for error in errors))
    try:
        loose = _LOOSE.decode(_text(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    said = (loose.details, loose.error_description, loose.message, loose.error)
    return next((clean(text) for text in said if isinstance(text, str) and text), "")


def as_containerd_prints(errors: tuple[OciError, ...]) -> str:
    """Return the text that a node shows below the status line; codes it does not know are `unknown` there."""
    texts = [_one(error) for error in errors]
    if len(texts) <= 1:
        return "".join(texts)
    return "errors:\n" + "".join(f"{text}\n" for text in texts)


def clean(text: str, longest: int = _LONGEST) -> str:
    """Make a stranger's text safe to print on one line: no control or format characters, cut to `longest`."""
    head = text[: longest * 4]
    printable = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in head)
    line = " ".join(printable.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _read(error: _Error) -> OciError:
    code = clean(error.code, 60).upper() if isinstance(error.code, str) else ""
    message = clean(error.message) if isinstance(error.message, str) else ""
    return OciError(code=code, message=message, detailed=error.detail is not None)


def _one(error: OciError) -> str:
    code = error.code if error.code in _CONTAINERD else "UNKNOWN"
    name = code.lower()
    if not error.detailed and error.message in ("", _CONTAINERD[code]):
        return name
    return f"{name}: {error.message}"


def _text(body: bytes) -> str:
    """Artifactory sends JSON as ISO-8859-1."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1")
