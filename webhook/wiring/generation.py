"""What is made from one reading of the configuration, and how the next one takes its place (I/O).

Findings and levels change at once. Only where the way to the registries changed too is that opened anew; what is under
way goes on with the old one, which is closed when nobody can be waiting for it any more.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from webhook.credentials.credential import Credential
from webhook.credentials.provider import TokenSource
from webhook.image.reference import Reference
from webhook.policy.decision import Policy
from webhook.registry.hosts_dir import HostsDir
from webhook.registry.observer import Observer
from webhook.registry.resolution import Resolution, Resolved
from webhook.registry.resolver import RegistryResolver
from webhook.settings.policy import looks_deep, policy_of
from webhook.settings.schema import Settings
from webhook.wiring.logins import NodeLogins, open_node_logins
from webhook.wiring.registries import Surroundings, hosts_tree, open_resolver
from webhook.workload.workload import Workload

_LOG = logging.getLogger("pullproof.configuration")

_GRACE = 5.0
"""Seconds beyond the longest request after which an old way to the registries is closed."""


@dataclass(frozen=True, slots=True)
class _Way:
    """An open way to the registries."""

    settings: Settings
    resolver: RegistryResolver
    logins: NodeLogins
    retired: asyncio.Event
    hosts: HostsDir | None = None


class Generations:
    """The configuration that is in force; the pipeline's `Resolver`, `NodeLogins` and `Memory`, and its policy."""

    def __init__(self, surroundings: Surroundings, observer: Observer, *, tokens: TokenSource | None = None) -> None:
        """`async with` it, for as long as anything may be asked."""
        self._surroundings = surroundings
        self._observer = observer
        self._tokens = tokens
        self._way: _Way | None = None
        self._policy = Policy()
        self._adopting = asyncio.Lock()
        self._keeping: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Begin; nothing is open before the first `adopt`."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every way, at once."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._policy

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._open.settings

    async def adopt(self, settings: Settings) -> None:
        """Put `settings` in force; raise a ValueError, and change nothing, for files in it that cannot be used."""
        async with self._adopting:
            await self._adopt(settings)

    async def _adopt(self, settings: Settings) -> None:
        hosts = hosts_tree(settings)
        policy = _doubting(policy_of(settings), () if hosts is None else hosts.problems)
        old = self._way
        if old is None or _way_of(settings) != _way_of(old.settings) or hosts != old.hosts:
            self._way = replace(await self._new_way(settings), hosts=hosts)
            if old is not None:
                old.retired.set()
        else:
            self._way = replace(old, settings=settings)
        self._policy = policy

    async def follow_hosts(self, every: float = 5.0) -> None:
        """Read the nodes' hosts.toml tree again every so many seconds, and put a changed one in force, for ever."""
        while True:
            await asyncio.sleep(every)
            way = self._open
            if await asyncio.to_thread(hosts_tree, way.settings) == way.hosts:
                continue
            try:
                async with self._adopting:
                    await self._adopt(self.settings)  # they may have changed meanwhile
            except ValueError as error:
                _LOG.warning("kept the last good hosts.toml tree: %s", error)
            else:
                _LOG.info("hosts.toml tree read again")

    async def resolve(
        self,
        reference: Reference,
        credentials: Sequence[Credential],
        *,
        deadline: float,
        not_before: float,
        content: bool = False,
        fresh: bool = False,
    ) -> Resolution:
        """Resolve by the way in force; see `webhook.sources.Resolver`."""
        return await self._open.resolver.resolve(
            reference, credentials, deadline=deadline, not_before=not_before, content=content, fresh=fresh
        )

    async def lookup(
        self, reference: Reference, workload: Workload, own: tuple[Credential, ...], *, deadline: float
    ) -> tuple[tuple[Credential, ...], str]:
        """Look logins up where the settings in force say; see `webhook.sources.NodeLogins`."""
        return await self._open.logins.lookup(reference, workload, own, deadline=deadline)

    def recall(
        self, reference: Reference, own: tuple[Credential, ...], *, content: bool
    ) -> tuple[tuple[Credential, ...], Resolved, float] | None:
        """Recall what the way in force holds; see `webhook.sources.Memory`."""
        way = self._open
        others = way.logins.held(reference)
        if others is None:
            return None
        candidates = own + others if others else own
        recalled = way.resolver.recall(reference, candidates, content=content)
        return None if recalled is None else (candidates, *recalled)

    def epoch(self) -> object:
        """Return the way in force, and how often what its cache tells has changed."""
        way = self._open
        return way.resolver, way.resolver.changes, way.logins

    def recalled(self, answers: int) -> None:
        """Count them as found in the cache."""
        self._open.resolver.recalled(answers)

    @property
    def _open(self) -> _Way:
        if self._way is None:
            raise RuntimeError("no configuration is in force; adopt one first")
        return self._way

    async def _new_way(self, settings: Settings) -> _Way:
        opened: asyncio.Future[_Way] = asyncio.get_running_loop().create_future()
        keeping = asyncio.create_task(self._keep_way(settings, opened))
        self._keeping.add(keeping)
        keeping.add_done_callback(self._keeping.discard)
        return await opened

    async def _keep_way(self, settings: Settings, opened: asyncio.Future[_Way]) -> None:
        """Hold a way open in a task of its own, since it is to be closed by the task that opened it."""
        try:
            async with self._resources(settings) as way:
                opened.set_result(way)
                await way.retired.wait()
                await asyncio.sleep(max(settings.budgets.admission, settings.budgets.lookup) + _GRACE)
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            if opened.done():
                _LOG.exception("an old way to the registries was not closed as it should be")
            else:
                opened.set_exception(error)
        finally:
            opened.cancel()  # of no effect but where this task was cancelled: nobody is to wait for ever

    @asynccontextmanager
    async def _resources(self, settings: Settings) -> AsyncIterator[_Way]:
        clock = asyncio.get_running_loop().time
        environment = self._surroundings.environment
        async with (
            open_resolver(settings, self._surroundings, self._observer, depth=looks_deep(settings)) as resolver,
            open_node_logins(settings.credentials, environment, clock=clock, tokens=self._tokens) as logins,
        ):
            yield _Way(settings, resolver, logins, asyncio.Event())


def _doubting(policy: Policy, problems: tuple[str, ...]) -> Policy:
    """Return a policy that knows of mirrors which could not be read: what a registry lacks may be there."""
    if not problems:
        return policy
    return replace(policy, statements=replace(policy.statements, mirrors=f"nodes.hostsDir: {problems[0]}"))


def _way_of(settings: Settings) -> tuple[object, ...]:
    return (
        settings.registries,
        settings.network,
        settings.cache,
        settings.budgets,
        settings.credentials,
        settings.nodes.hosts_dir,
        looks_deep(settings),
    )
