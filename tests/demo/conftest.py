import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import pytest

from webhook.demo.server import Server, serving
from webhook.demo.world import Listener, Script, World

Open = Callable[..., Awaitable["Served"]]


class Served:
    """A world on real sockets, and a client whose every connection goes to its first listener."""

    def __init__(self, world: World, server: Server, scheme: str) -> None:
        self.world, self.server, self.scheme = world, server, scheme
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=server.ca), timeout=5, trust_env=False
        )

    async def ask(self, method: str, url: str, *, port: int | None = None, **kwargs: object) -> httpx.Response:
        """Ask `//host[:port]/path`, at the listener whatever the host."""
        asked = httpx.URL(f"https:{url}")
        request = self._client.build_request(method, f"{self.scheme}://127.0.0.1{asked.raw_path.decode()}", **kwargs)
        request.url = request.url.copy_with(port=port or self.server.ports[0])
        request.headers["host"] = asked.netloc.decode()
        request.extensions["sni_hostname"] = asked.host
        return await self._client.send(request)

    async def aclose(self) -> None:
        await self._client.aclose()


@pytest.fixture
async def served() -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def start(*sites: object, rules: tuple = (), listeners: tuple = (Listener(),), ca=None) -> Served:
            script = Script(sites=sites, rules=rules, listeners=listeners)
            world = World(script.sites, script.rules)
            server = await stack.enter_async_context(serving(world, script.listeners, ca=ca))
            started = Served(world, server, "https" if listeners[0].transport == "tls" else "http")
            stack.push_async_callback(started.aclose)
            return started

        yield start
