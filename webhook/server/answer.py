"""One HTTP answer, sent in two messages (I/O through ASGI's `send` only)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec
from starlette.types import Receive, Scope, Send

JSON = b"application/json"


@dataclass(frozen=True)
class Answer:
    """Status and body. `close`: this connection is not to be used again."""

    status: int
    body: bytes
    content_type: bytes = JSON
    close: bool = False
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @cached_property
    def _headers(self) -> list[tuple[bytes, bytes]]:
        always = [(b"content-type", self.content_type), (b"content-length", b"%d" % len(self.body))]
        closing = [(b"connection", b"close")] if self.close else []
        return [*always, *closing, *self.headers]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it, as an ASGI application that always answers the same."""
        await send({"type": "http.response.start", "status": self.status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self.body})


def refusal(status: int, error: str, *, path: str = "", close: bool = False, allow: str = "") -> Answer:
    """Return a JSON answer that says what is wrong, and where if it is in the body."""
    content: Mapping[str, str] = {"error": error, "path": path} if path else {"error": error}
    headers = ((b"allow", allow.encode()),) if allow else ()
    return Answer(status, msgspec.json.encode(content), close=close, headers=headers)
