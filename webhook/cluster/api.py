"""What this package asks of the Kubernetes API, and how answers are read (pure but for what implements it).

Every answer is bytes, decoded by msgspec into a Struct of just the fields that matter: the models of the official
client cost five times the memory and time.
"""

from collections.abc import AsyncGenerator, Mapping
from typing import Literal, Protocol, TypeVar

import msgspec

from webhook.cluster.failure import Unavailable

T = TypeVar("T")

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

TIMEOUT = 10.0
"""Seconds that one request may take, where the caller does not say otherwise."""


class Api(Protocol):
    """One Kubernetes API server; raises `ClusterError` and nothing else."""

    async def request(
        self,
        method: Method,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        content_type: str = JSON,
        seconds: float = TIMEOUT,
    ) -> bytes:
        """Send one request and return the body of its 2xx answer; at most `seconds` over all."""
        ...

    def lines(self, path: str, *, query: Mapping[str, str], idle: float) -> AsyncGenerator[bytes, None]:
        """Stream the lines of a watch; ends when the server ends it, or after `idle` seconds of silence."""
        ...


def decode(data: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Decode an answer; raise `Unavailable` where it is not what the API promises."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unavailable(f"malformed answer of the API server: {error}") from error


def segment(text: str) -> str:
    """Return `text` as it stands, if it can be one part of a path; raise `Unavailable` for what no object is called.

    Names reach us from objects that the API server has validated, so this only catches what would change the path.
    """
    if not text or text in {".", ".."} or any(mark in text for mark in "/%?#") or not text.isprintable():
        raise Unavailable(f"{text[:80]!r} is no name of an object")
    return text
