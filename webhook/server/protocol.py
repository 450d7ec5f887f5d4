"""HTTP/1.1 on a connection, with bounds that uvicorn leaves open (I/O).

| bound | without it |
|---|---|
| time to the end of the headers | a client that sends a byte now and then holds a connection for ever |
| size of the headers | one request fills the memory |
| bytes of a body that are not the body | so do its trailers, kept like headers, and whatever frames its chunks |
| requests that wait behind others of their connection | one read of 256 KiB begins 14,000, of 1 kB each |
| reading on after an early answer | the rest of a refused body is read, at its sender's pace |
| time in which nothing of an answer is taken | a client that never reads holds its connection, and is never quiet |
| connections at once | every other bound is per connection; beyond it the one that was quiet longest makes room |

After an early answer (413, 415, …) the rest of the body is read and dropped for a while: closing at once would reset
the connection, and the sender would never see the answer. net/http and nginx linger likewise.

The short way. An ordinary review is small and comes in one or two reads, and everything that its answer takes is
known. Such a request is answered inside the read that completes it, without the task, the scope and the messages of an
ASGI request, which would cost more than all that is done for it. Laws: it is taken by at most one request of a read, so
that nobody's pipeline holds up the loop; only where no other is being answered on the connection; and whatever is
unusual about a request, be it only that its body does not follow at once, leads to the long way, which knows every
bound.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from webhook.server.answer import JSON, OK, OK_AND_CLOSE, WHOLE

_LOG = logging.getLogger("pullproof.http")

_UNUSUAL = frozenset({b"content-encoding", b"transfer-encoding", b"expect", b"upgrade"})
_ENDINGS = {b"": False, b"keep-alive": False, b"close": True}
"""What a client says of its connection, and whether that is to end; all else is unusual."""


_SMALL = 64 * 1024
"""Bytes of a body that are kept back on the short way; uvicorn keeps as many before it stops reading."""

_AT_ONCE = 0.02
"""Seconds in which a body follows its headers on the short way: Go's client writes the first 4 kB, then the rest."""

AtOnce = Callable[[bytes], bytes | None]
"""Body of a POST of application/json -> body of the answer (200); None where that takes more than looking it up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one connection may take. Seconds and bytes."""

    header_seconds: float = 5.0
    header_bytes: int = 64 * 1024
    framing_bytes: int = 1024 * 1024
    pipelined: int = 64
    write_seconds: float = 10.0
    linger_seconds: float = 2.0
    linger_bytes: int = 16 * 1024 * 1024
    connections: int = 4096


class TooManyPipelined(Exception):
    """A client sends on without waiting for answers; the parser makes a 400 of this, and the connection ends."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol with the bounds above."""

    def __init__(self, *args: Any, bounds: Bounds, at_once: Mapping[bytes, AtOnce], **kwargs: Any) -> None:
        """`at_once`: who answers on the short way, by path."""
        super().__init__(*args, **kwargs)
        self._bounds = bounds
        self._at_once = at_once
        self._asked: AtOnce | None = None
        self._body = b""
        self._had_short = False
        self._ends = False
        self._rest: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._in_headers = True
        self._in_message = False
        self._stalled: asyncio.TimerHandle | None = None
        self._lingering = False
        self._size = 0
        self._framing = 0
        self._offered: RequestResponseCycle | None = None
        self._quiet_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept, and have another make room where there are too many; wait for headers only so long."""
        super().connection_made(transport)
        self._quiet_since = self.loop.time()
        if len(self.connections) > self._bounds.connections:
            _LOG.warning("too many connections, one was closed")
            self._quietest().transport.abort()
        self._wait(self._bounds.header_seconds, b"408 Request Timeout")

    def _quietest(self) -> "BoundedProtocol":
        """Return the connection that has been without a request longest: whoever only holds places loses them."""
        others = (each for each in self.connections if isinstance(each, BoundedProtocol) and each is not self)
        quiet = (each for each in others if each._is_quiet)
        return min(quiet, key=lambda each: each._quiet_since, default=self)

    @property
    def _is_quiet(self) -> bool:
        """Tell whether it is the client that is waited for: for a request, or for the rest of one."""
        answered = self._offered is None or self._offered.response_complete
        return (self._in_message or answered) and not self.transport.is_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        self.resume_writing()
        self._take_back()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Note that the client does not take what there is for it; wait for that only so long."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self._bounds.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that it has taken most of it."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def shutdown(self) -> None:
        """Let a request that has begun be answered."""
        if self._asked is not None:
            self._go_the_long_way()
        super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Parse, then see whether what had to come has come, and was not too much."""
        self._had_short = self._asked is not None
        self._quiet_since = self.loop.time()
        self._framing += len(data)
        super().data_received(data)
        if self._asked is not None and self._rest is None:
            self._rest = self.loop.call_later(_AT_ONCE, self._go_the_long_way)
        if self._lingering:
            self._size += len(data)
            if self._size > self._bounds.linger_bytes:
                self.transport.close()
        elif not (self._in_message and self._in_headers):
            self._stop_waiting()
            if self._in_message and self._framing > self._bounds.framing_bytes:
                self._refuse(b"431 Request Header Fields Too Large")
        else:
            self._size += len(data)
            if self._size > self._bounds.header_bytes:
                self._refuse(b"431 Request Header Fields Too Large")
            elif self._patience is None:
                self._wait(self._bounds.header_seconds, b"408 Request Timeout")

    def on_message_begin(self) -> None:
        """Note that headers have begun."""
        self._in_headers = self._in_message = True
        self._size = self._framing = 0
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Note that headers have ended, and choose the way."""
        self._in_headers = False
        self._asked = self._short_way()
        if self._asked is None:
            self._begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes after the body is a trailer, which nobody looks at."""
        if self._in_headers:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Keep the body of a request on the short way."""
        self._framing -= len(body)
        if self._asked is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Note that the request has ended; an early answer's connection is now as good as new."""
        self._in_message = False
        if self._asked is not None:
            if self._answered(self._asked):
                return
            self._go_the_long_way()
        super().on_message_complete()
        if self._lingering:
            self._lingering = False
            self._stop_waiting()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """Go on to the next request, or drop the rest of one that was answered before it was read."""
        super().on_response_complete()
        if self.cycle.response_complete and self._in_message and not self._in_headers:
            self._lingering, self._size = True, 0
            self._wait(self._bounds.linger_seconds, None)

    def _short_way(self) -> AtOnce | None:
        """Return who may answer this request at once, if it is in no way unusual."""
        path, _, _ = self.url.partition(b"?")
        asked = self._at_once.get(path)
        if asked is None or self._had_short or not (self._offered is None or self._offered.response_complete):
            return None
        headers, parser = dict(self.headers), self.parser
        length = headers.get(b"content-length", b"")
        small = length.isdigit() and int(length[:20]) <= _SMALL
        plain = small and headers.get(b"content-type") == JSON and _UNUSUAL.isdisjoint(headers)
        if not plain or parser.get_method() != b"POST" or parser.get_http_version() != "1.1":
            return None
        ends = _ENDINGS.get(headers.get(b"connection", b""))
        if ends is None or self.flow.write_paused:
            return None
        self._had_short, self._ends = True, ends
        return asked

    def _answered(self, asked: AtOnce) -> bool:
        """Answer a request that is all there; tell whether that could be done."""
        try:
            content = asked(self._body)
        except Exception:  # noqa: BLE001 - a bug: the long way makes an answer of it, or has it not
            _LOG.warning("a request could not be answered at once", exc_info=True)
            return False
        if content is None:
            return False
        self._take_back()
        self.server_state.total_requests += 1
        self.transport.write((OK_AND_CLOSE if self._ends else OK) % (JSON, len(content), content))
        if self._ends:
            self.transport.close()
        else:
            idle = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
            self.timeout_keep_alive_task = idle
        return True

    def _go_the_long_way(self) -> None:
        """Begin what was kept back, with as much of the body as there is."""
        body = self._take_back()
        self._begin()
        if body:
            super().on_body(body)

    def _take_back(self) -> bytes:
        """Keep nothing back any more; return what of a body was."""
        body, self._asked, self._body = self._body, None, b""
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        return body

    def _begin(self) -> None:
        """Begin an ASGI request; offer its application to take its answer in one piece."""
        if len(self.pipeline) >= self._bounds.pipelined:
            raise TooManyPipelined
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()
        if self.cycle is not self._offered:
            self._offered = self.cycle
            self._offer(self.cycle)

    def _offer(self, cycle: RequestResponseCycle) -> None:
        extensions: dict[str, Any] = {WHOLE: partial(_send_whole, cycle)}
        cycle.scope["extensions"] = extensions

    def _wait(self, seconds: float, status: bytes | None) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(seconds, self._refuse, status)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse(self, status: bytes | None) -> None:
        """Close; say why, where a request has begun (what never spoke may not be HTTP at all)."""
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if status and self._in_message:
            self.transport.write(b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
        self.transport.close()


def _send_whole(cycle: RequestResponseCycle, answer: bytes) -> bool:
    """Send a complete answer; not where the connection is to end with it, or its client reads too slowly."""
    if cycle.response_started or cycle.disconnected or not cycle.keep_alive or cycle.flow.write_paused:
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(answer)
    cycle.message_event.set()
    cycle.on_response()
    return True
