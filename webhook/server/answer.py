"""One HTTP answer (I/O through ASGI's `send` only, or in one piece where the protocol offers that).

ASGI sends an answer in two messages, which are two records of TLS. A protocol may put `WHOLE` among the extensions of
its scope: a function that takes a complete answer, and tells whether it has sent it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from starlette.types import Receive, Scope, Send

JSON = b"application/json"
WHOLE = "pullproof.whole"

OK = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b"
"""Content type, length of the body, body."""

OK_AND_CLOSE = OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")


@dataclass(slots=True)
class Answer:
    """Status and body. `close`: this connection is not to be used again."""

    status: int
    body: bytes
    content_type: bytes = JSON
    close: bool = False
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it, as an ASGI application that always answers the same."""
        if self._sent_whole(scope):
            return
        headers = [(b"content-type", self.content_type), (b"content-length", b"%d" % len(self.body)), *self.headers]
        if self.close:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def _sent_whole(self, scope: Scope) -> bool:
        if self.status != 200 or self.close or self.headers or scope["method"] == "HEAD":
            return False
        whole = scope.get("extensions", {}).get(WHOLE)
        return whole is not None and whole(OK % (self.content_type, len(self.body), self.body))


def refusal(status: int, error: str, *, path: str = "", close: bool = False, allow: str = "") -> Answer:
    """Return a JSON answer that says what is wrong, and where if it is in the body."""
    content: Mapping[str, str] = {"error": error, "path": path} if path else {"error": error}
    headers = ((b"allow", allow.encode()),) if allow else ()
    return Answer(status, msgspec.json.encode(content), close=close, headers=headers)
