"""The real pipeline behind the commands: what a command wishes for, in the words of the wiring."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from webhook.cli.judging import Inspector, Logins, OpenPipeline, Wish
from webhook.cli.session import Session, UsageProblem
from webhook.registry.reach import Reach

Probe = Callable[[str, float], Awaitable[Reach | None]]
"""Tries the way to `scheme://host[:port]` until a deadline in loop time."""


def opening(session: Session) -> OpenPipeline:
    """Return what opens a pipeline that looks at registries from this machine."""

    def open_pipeline(wish: Wish) -> AbstractAsyncContextManager[Inspector]:
        return _open(wish, session)

    return open_pipeline


@asynccontextmanager
async def _open(wish: Wish, session: Session) -> AsyncIterator[Inspector]:
    from webhook.wiring.local import open_local
    from webhook.wiring.registries import Surroundings

    person = wish.logins is Logins.DOCKER
    pipeline = open_local(
        wish.settings,
        Surroundings(environment=session.environ),
        wish.known,
        person=person,
        offline=wish.offline,
        deep=wish.deep,
        loopback=wish.loopback,
        tell=session.say,
    )
    async with AsyncExitStack() as stack:
        try:
            opened = await stack.enter_async_context(pipeline)
        except ValueError as error:
            raise UsageProblem(str(error)) from error
        yield opened


def probing(session: Session, wish: Wish) -> Probe:
    """Return what tries the ways to the servers that the real pipeline asks."""
    if session.pipelines is not None:
        return _nowhere
    from webhook.wiring.probing import prober
    from webhook.wiring.registries import Surroundings

    return prober(wish.settings, Surroundings(environment=session.environ, loopback=wish.loopback))


async def _nowhere(origin: str, deadline: float) -> Reach | None:
    del origin, deadline
    return None
