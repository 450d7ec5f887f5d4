"""A name server that can misbehave in every way that one has been seen to (I/O: UDP).

It knows every name below `.test` as one address, and answers from what it knows or as its mood says. No TCP: what asks
for it again that way is refused, as behind many firewalls.
"""

import asyncio
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from types import TracebackType
from typing import Self


class Mood(StrEnum):
    """How it answers."""

    WELL = "well"
    SILENT = "silent"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    NXDOMAIN = "nxdomain"
    EMPTY = "empty"
    GARBAGE = "garbage"
    TRUNCATED = "truncated"
    HUGE = "huge"
    SLOW = "slow"
    ASTRAY = "astray"
    """an address where nobody listens"""
    METADATA = "metadata"
    """the address of the cloud's metadata service"""
    HALF = "half"
    """A is answered, AAAA never"""


_CODES = {Mood.SERVFAIL: 2, Mood.NXDOMAIN: 3, Mood.REFUSED: 5}
_WRONG = {Mood.ASTRAY: "127.0.0.99", Mood.METADATA: "169.254.169.254"}
_A, _IN = 1, 1


class NameServer(asyncio.DatagramProtocol):
    """`async with` it; `mood` may change at any time."""

    def __init__(self, address: str, names: Mapping[str, str]) -> None:
        self.mood = Mood.WELL
        self.asked = 0
        self._address = address
        self._names = names
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def open(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self._address, 53))

    def close(self) -> None:
        """Listen no more: the kernel says "port unreachable"."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    @contextmanager
    def being(self, mood: Mood) -> Iterator[None]:
        """Be in a mood for a while."""
        self.mood = mood
        try:
            yield
        finally:
            self.mood = Mood.WELL

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        """Answer one question."""
        self.asked += 1
        delay = 1.2 if self.mood is Mood.SLOW else 0.0
        asyncio.get_running_loop().call_later(delay, self._answer, data, peer, self.mood)

    def _answer(self, data: bytes, peer: tuple[str, int], mood: Mood) -> None:
        answer = self._reply(data, mood)
        if answer and self._transport is not None:
            self._transport.sendto(answer, peer)

    def _reply(self, data: bytes, mood: Mood) -> bytes:
        name, kind, question = _question(data)
        address = _WRONG.get(mood) or self._names.get(name, "")
        match mood:
            case Mood.SILENT:
                return b""
            case Mood.HALF if kind != _A:
                return b""
            case Mood.GARBAGE:
                return data[:2] + os.urandom(200)
            case Mood.TRUNCATED:
                return _head(data, 0x8380, 0) + question
            case Mood.SERVFAIL | Mood.NXDOMAIN | Mood.REFUSED:
                return _head(data, 0x8180 | _CODES[mood], 0) + question
            case Mood.HUGE if kind == _A:
                return _head(data, 0x8180, 3000) + question + _record("127.0.0.99") * 3000
        if mood is Mood.EMPTY or (address and kind != _A):
            return _head(data, 0x8180, 0) + question
        if not address:
            return _head(data, 0x8183, 0) + question
        return _head(data, 0x8180, 1) + question + _record(address)


def _question(data: bytes) -> tuple[str, int, bytes]:
    """Return name, type and the bytes of the one question that resolvers ask."""
    labels, place = [], 12
    while data[place]:
        labels.append(data[place + 1 : place + 1 + data[place]].decode("latin-1"))
        place += 1 + data[place]
    (kind,) = struct.unpack_from("!H", data, place + 1)
    return ".".join(labels).lower(), kind, data[12 : place + 5]


def _head(data: bytes, flags: int, answers: int) -> bytes:
    return data[:2] + struct.pack("!5H", flags, 1, answers, 0, 0)


def _record(address: str) -> bytes:
    octets = bytes(int(part) for part in address.split("."))
    return struct.pack("!3HIH", 0xC00C, _A, _IN, 1, 4) + octets
