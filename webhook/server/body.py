"""Request bodies, read no further than wanted (I/O through ASGI's `receive` only).

One body is bounded, and so are all that are being read at once: whoever reaches the port could otherwise fill the
memory with slow uploads.
"""

from starlette.types import Receive

MIB = 1024 * 1024


class BodyTooLarge(Exception):
    """One body is over its bound."""


class TooManyBodies(Exception):
    """All bodies together are over their bound."""


class ClientGone(Exception):
    """The client hung up before its body was complete."""


class BodyReader:
    """Reads bodies of at most `largest` bytes, and at most `together` bytes at any moment."""

    def __init__(self, *, largest: int = 8 * MIB, together: int = 128 * MIB) -> None:
        self.largest = largest
        self._together = together
        self._held = 0

    async def read(self, receive: Receive) -> bytes:
        """Return the body; raise `BodyTooLarge`, `TooManyBodies` or `ClientGone`."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            return self._checked(body)
        return await self._read_on(receive, body)

    async def _read_on(self, receive: Receive, first: bytes) -> bytes:
        chunks: list[bytes] = []
        size, chunk, more = 0, first, True
        try:
            while True:
                size += len(chunk)
                self._held += len(chunk)
                if size > self.largest:
                    raise BodyTooLarge
                if self._held > self._together:
                    raise TooManyBodies
                chunks.append(chunk)
                if not more:
                    return b"".join(chunks)
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                chunk, more = message.get("body", b""), message.get("more_body", False)
        finally:
            self._held -= size

    def _checked(self, body: bytes) -> bytes:
        if len(body) > self.largest:
            raise BodyTooLarge
        return body
