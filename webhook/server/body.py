"""Request bodies, read no further than wanted (I/O through ASGI's `receive` only).

One body is bounded, and so are all together that are being read or worked on: whoever reaches the port could otherwise
fill the memory with slow uploads, or with quick ones whose images wait for a slow registry. A body that came in one
piece is counted, but never refused for the others: ordinary reviews are small, and go on.
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
    """Reads bodies of at most `largest` bytes, and at most `together` bytes at any moment.

    What is made of a body takes up to six times its size. Whoever has read one says when that is done with (`release`).
    """

    def __init__(self, *, largest: int = 8 * MIB, together: int = 64 * MIB) -> None:
        self.largest = largest
        self._together = together
        self._held = 0

    async def read(self, receive: Receive) -> bytes:
        """Return the body, which counts until `release`; raise `BodyTooLarge`, `TooManyBodies` or `ClientGone`."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            return self._checked(body)
        return await self._read_on(receive, body)

    def release(self, size: int) -> None:
        """Count a body of `size` bytes no more: what was made of it is done with."""
        self._held -= size

    async def _read_on(self, receive: Receive, first: bytes) -> bytes:
        chunks: list[bytes] = []
        size, chunk, more = 0, first, True
        whole = False
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
                    whole = True
                    return b"".join(chunks)
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                chunk, more = message.get("body", b""), message.get("more_body", False)
        finally:
            if not whole:
                self.release(size)

    def _checked(self, body: bytes) -> bytes:
        if len(body) > self.largest:
            raise BodyTooLarge
        self._held += len(body)
        return body
