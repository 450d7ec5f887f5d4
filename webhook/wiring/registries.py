"""Settings -> an open resolver, with everything between it and the network (I/O)."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from webhook.registry import hosts_dir
from webhook.registry.cache import Lifetimes
from webhook.registry.client import Patience, RegistryClient
from webhook.registry.endpoint import Endpoints, Trust
from webhook.registry.guard import guarded_transport
from webhook.registry.limits import LimitRules
from webhook.registry.names import Lookup, Names, system_lookup
from webhook.registry.observer import Observer
from webhook.registry.proxy import Proxies
from webhook.registry.resolver import RegistryResolver
from webhook.registry.tls import TlsContexts
from webhook.settings.schema import Settings, SharedCache

if TYPE_CHECKING:
    from webhook.registry.shared import SharedStore


class UnusableCache(ValueError):
    """The cache that replicas are to share cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the process finds around it. `loopback`: whether registries on this machine may be asked."""

    environment: Mapping[str, str]
    loopback: bool = False
    lookup: Lookup = system_lookup


@asynccontextmanager
async def open_resolver(
    settings: Settings, surroundings: Surroundings, observer: Observer, *, depth: bool = False
) -> AsyncIterator[RegistryResolver]:
    """Open the way to the registries; raise a ValueError for files and proxies that cannot be used.

    `depth`: content is looked into down to the layers.
    """
    endpoints = _endpoints(settings)
    transports = _Transports(settings, surroundings)
    trusts = dict.fromkeys((Trust(), *(registry.options().trust for registry in settings.registries)))
    await asyncio.to_thread(transports.load, tuple(trusts))
    client = RegistryClient(
        transports.open,
        endpoints.of,
        observer=observer,
        depth=depth,
        patience=Patience(connect=settings.network.connect_timeout, request=settings.network.timeout),
    )
    shared = await _shared(settings.cache.shared)
    resolver = RegistryResolver(
        client,
        budget=settings.budgets.lookup,
        lifetimes=Lifetimes(
            tags=settings.cache.tags,
            digests=settings.cache.digests,
            not_found=settings.cache.not_found,
            refused=settings.cache.refused,
        ),
        entries=settings.cache.max_entries,
        limits=LimitRules(
            concurrency=settings.network.max_concurrency,
            registries=_Places(endpoints, settings.network.max_concurrency),
        ),
        observer=observer,
        shared=shared,
    )
    try:
        async with resolver:
            yield resolver
    finally:
        await client.aclose()
        if shared is not None:
            await shared.aclose()


async def _shared(settings: SharedCache) -> "SharedStore | None":
    """Return the cache that replicas share, if there is to be one; its library is only loaded then, on a thread."""
    return await asyncio.to_thread(_open_shared, settings) if settings.enabled else None


def _open_shared(settings: SharedCache) -> "SharedStore":
    try:
        from webhook.registry.shared import SharedStore
    except ImportError as error:
        raise UnusableCache("cache.shared needs the optional part of this program: pullproof[shared-cache]") from error
    if not settings.password_file:
        raise UnusableCache("cache.shared.passwordFile is missing; names in the cache are derived from the password")
    try:
        password = Path(settings.password_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableCache(f"cache.shared.passwordFile {settings.password_file!r} cannot be read") from error
    if not password:
        raise UnusableCache(f"cache.shared.passwordFile {settings.password_file!r} is empty")
    try:
        return SharedStore(settings.url, password=password, prefix=settings.prefix, timeout=settings.timeout)
    except ValueError as error:
        raise UnusableCache(f"cache.shared.url cannot be used: {error}") from error


def hosts_tree(settings: Settings) -> hosts_dir.HostsDir | None:
    """Read the nodes' hosts.toml tree as it is now; None where there is to be none."""
    return hosts_dir.load([Path(settings.nodes.hosts_dir)]) if settings.nodes.hosts_dir else None


class _Transports:
    """Opens a guarded transport for each way of trusting servers."""

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        network = settings.network
        self._rules = network.rules(loopback=surroundings.loopback)
        self._names = Names(surroundings.lookup)
        self._proxies = Proxies()
        if network.proxy_from_environment:
            self._proxies = Proxies.from_environment(surroundings.environment)
        self._contexts: dict[Trust, TlsContexts] = {}

    def load(self, trusts: Sequence[Trust]) -> None:
        """Read the files of these now; raise `InvalidCertificateFile`.

        The system's CAs alone take OpenSSL some twenty milliseconds each time: not on the event loop.
        """
        for trust in trusts:
            contexts = self._contexts[trust] = TlsContexts(trust)
            contexts.load()

    def open(self, trust: Trust) -> httpx.AsyncBaseTransport:
        """Return a transport whose servers are trusted as `trust` says."""
        contexts = self._contexts.get(trust) or TlsContexts(trust)
        return guarded_transport(self._rules, contexts, proxies=self._proxies, names=self._names)


class _Places(Mapping[str, int]):
    """How many look-ups at once a registry bears; patterns are looked through, so it has no end to iterate to."""

    def __init__(self, endpoints: Endpoints, default: int) -> None:
        self._endpoints = endpoints
        self._default = default

    def __getitem__(self, registry: str) -> int:
        options = self._endpoints.options_of(registry)
        return (options.max_concurrency if options else 0) or self._default

    def __iter__(self) -> Iterator[str]:
        return iter(options.match for options in self._endpoints.options)

    def __len__(self) -> int:
        return len(self._endpoints.options)


def _endpoints(settings: Settings) -> Endpoints:
    options = tuple(registry.options() for registry in settings.registries)
    return Endpoints(options=options, tree=hosts_tree(settings))
