"""HTTP/1.1 on a connection, with bounds that uvicorn leaves open (I/O).

| bound | without it |
|---|---|
| time to the end of the headers | a client that sends a byte now and then holds a connection for ever |
| size of the headers | one request fills the memory |
| no reading on after an early answer | the rest of a refused body is read, at its sender's pace |
| connections at once | every other bound is per connection |
"""

import asyncio
import logging
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_LOG = logging.getLogger("pullproof.http")

HEADER_SECONDS = 5.0
HEADER_BYTES = 64 * 1024
CONNECTIONS = 4096


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol with the bounds above."""

    header_seconds = HEADER_SECONDS
    header_bytes = HEADER_BYTES
    most_connections = CONNECTIONS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: asyncio.TimerHandle | None = None
        self._in_headers = True
        self._in_message = False
        self._header_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept, unless there are too many; wait for headers only so long."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            _LOG.warning("too many connections, one was closed at once")
            transport.abort()
            return
        self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, then see whether the headers are complete, or were too long in coming."""
        super().data_received(data)
        if not (self._in_headers and self._in_message):
            self._stop_waiting()
            return
        self._header_size += len(data)
        if self._header_size > self.header_bytes:
            self._refuse(b"431 Request Header Fields Too Large")
        elif self._waiting is None:
            self._wait_for_headers()

    def on_message_begin(self) -> None:
        """Note that headers have begun."""
        self._in_headers = self._in_message = True
        self._header_size = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that headers have ended."""
        self._in_headers = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the request has ended."""
        self._in_message = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request, unless the last one was answered before it was read."""
        super().on_response_complete()
        if self.cycle.response_complete and self._in_message and not self._in_headers:
            self.transport.close()

    def _wait_for_headers(self) -> None:
        self._waiting = self.loop.call_later(self.header_seconds, self._refuse, b"408 Request Timeout")

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _refuse(self, status: bytes) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            # A connection that never spoke is closed without a word, as it may not be HTTP at all.
            if self._in_message:
                self.transport.write(b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
            self.transport.close()
