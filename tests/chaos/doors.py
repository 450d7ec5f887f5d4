"""Doors: each part is reached through a toxiproxy that can spoil the way, or lead to somebody else (I/O)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import kubeapi
import stage
from impostor import Behaviour, standing

_API = "http://127.0.0.1:8474"


@dataclass
class Door:
    """One part's address. The part itself is at `upstream`; `host` is the name its certificate is for."""

    name: str
    address: str
    port: int
    upstream: str
    host: str
    client: httpx.AsyncClient
    toxics: set[str] = field(default_factory=set)

    @property
    def listen(self) -> str:
        return f"{self.address}:{self.port}"

    async def open(self) -> None:
        """Make the door, leading to the part."""
        made = {"name": self.name, "listen": self.listen, "upstream": self.upstream, "enabled": True}
        await self._call("POST", "/proxies", made)

    @asynccontextmanager
    async def gone(self) -> AsyncIterator[None]:
        """Packets vanish; what is connected stays so and hears nothing."""
        stage.drop(self.address)
        try:
            yield
        finally:
            stage.drop_nothing()

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[None]:
        """Nobody listens."""
        await self._set(enabled=False)
        try:
            yield
        finally:
            await self._set(enabled=True)

    @asynccontextmanager
    async def spoilt(self, kind: str, stream: str = "downstream", **attributes: int) -> AsyncIterator[None]:
        """A toxic of toxiproxy's is on the way."""
        toxic = {"name": kind, "type": kind, "stream": stream, "toxicity": 1.0, "attributes": attributes}
        await self._call("POST", f"/proxies/{self.name}/toxics", toxic)
        try:
            yield
        finally:
            await self._call("DELETE", f"/proxies/{self.name}/toxics/{kind}")

    @asynccontextmanager
    async def usurped(self, behaviour: Behaviour, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        """The door leads to an impostor; connections to the part end."""
        async with standing(behaviour, tls=tls) as place:
            await self._set(upstream=place)
            try:
                yield
            finally:
                await self._set(upstream=self.upstream)

    async def cut(self) -> None:
        """End every connection; new ones are let through."""
        await self._set(enabled=False)
        await self._set(enabled=True)

    async def _set(self, **changed: object) -> None:
        await self._call("POST", f"/proxies/{self.name}", {"listen": self.listen, **changed})

    async def _call(self, method: str, path: str, body: object = None) -> None:
        (await self.client.request(method, f"{_API}{path}", json=body)).raise_for_status()


class Doors:
    """A running toxiproxy and its doors, by name."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._doors: dict[str, Door] = {}

    def __getitem__(self, name: str) -> Door:
        return self._doors[name]

    @property
    def all(self) -> list[Door]:
        return list(self._doors.values())

    async def make(self, name: str, address: str, port: int, upstream: str, host: str = "") -> Door:
        """Open a door."""
        door = self._doors[name] = Door(name, address, port, upstream, host, self._client)
        await door.open()
        return door


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Doors]:
    """Run toxiproxy until the block is left."""
    process = kubeapi.start(folder, str(kubeapi.PARTS / "toxiproxy-server"))
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            await _await_up(client)
            yield Doors(client)
    finally:
        process.kill()
        process.wait()


async def _await_up(client: httpx.AsyncClient) -> None:
    for _ in range(200):
        try:
            await client.get(f"{_API}/version")
        except httpx.TransportError:
            await asyncio.sleep(0.05)
        else:
            return
    raise RuntimeError("toxiproxy did not come up")
