"""One HTTP answer, sent in two messages (I/O through ASGI's `send` only)."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from starlette.types import Receive, Scope, Send

JSON = b"application/json"


@dataclass(slots=True)
class Answer:
    """Status and body. `close`: this connection is not to be used again."""

    status: int
    body: bytes
    content_type: bytes = JSON
    close: bool = False
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it, as an ASGI application that always answers the same."""
        headers = [(b"content-type", self.content_type), (b"content-length", b"%d" % len(self.body)), *self.headers]
        if self.close:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def refusal(status: int, error: str, *, path: str = "", close: bool = False, allow: str = "") -> Answer:
    """Return a JSON answer that says what is wrong, and where if it is in the body."""
    content: Mapping[str, str] = {"error": error, "path": path} if path else {"error": error}
    headers = ((b"allow", allow.encode()),) if allow else ()
    return Answer(status, msgspec.json.encode(content), close=close, headers=headers)
