"""The pipeline of a command: the person's own network, and what is known of a cluster, if anything (I/O)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from webhook.credentials.local import load_local
from webhook.pipeline import Pipeline
from webhook.registry.observer import NullObserver
from webhook.settings.policy import policy_of
from webhook.settings.schema import CredentialSource, Settings
from webhook.sources import NodeLogins, Sources
from webhook.wiring.known import Known
from webhook.wiring.logins import PersonLogins, open_node_logins
from webhook.wiring.registries import Surroundings, open_resolver
from webhook.wiring.unknown import NoLogins, NoRegistries


@asynccontextmanager
async def open_local(
    settings: Settings,
    surroundings: Surroundings,
    known: Known,
    *,
    person: bool = True,
    offline: bool = False,
    deep: bool = False,
    loopback: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Pipeline]:
    """Open a pipeline; raise a ValueError for settings and files that cannot be used.

    `person`: use the logins of docker and podman on this machine. `deep`: look at configs and layers too. `loopback`:
    registries on this machine are asked, since the person typed them; what others wrote means their nodes' own. `tell`
    is told once of each of the person's logins that cannot be had.
    """
    policy = policy_of(settings, deep=deep)
    clock = asyncio.get_running_loop().time
    async with AsyncExitStack() as stack:
        sources = Sources(
            resolver=NoRegistries(),
            pull_secrets=known.pull_secrets,
            node_logins=NoLogins(),
            nodes=known.nodes,
            cluster=known.cluster,
            namespaces=known.namespaces,
        )
        if not offline:
            here = replace(surroundings, loopback=loopback)
            resolver = await stack.enter_async_context(open_resolver(settings, here, NullObserver(), depth=policy.deep))
            logins = await stack.enter_async_context(_logins(settings, here, tell, person=person))
            sources = replace(sources, resolver=resolver, node_logins=logins)
        yield Pipeline(sources, lambda: policy, clock=clock, loopback=loopback, offline=offline, twice=False)


@asynccontextmanager
async def _logins(
    settings: Settings, surroundings: Surroundings, tell: Callable[[str], None], *, person: bool
) -> AsyncIterator[NodeLogins]:
    """Take what stands for the nodes' logins: what the configuration names, else the person's own."""
    credentials = settings.credentials
    if credentials.providers is not None or credentials.docker_config_files:
        clock = asyncio.get_running_loop().time
        async with open_node_logins(credentials, surroundings.environment, clock=clock) as logins:
            yield logins
    elif person and CredentialSource.DOCKER_CONFIG in credentials.order:
        yield PersonLogins(load_local(surroundings.environment), tell)
    else:
        yield NoLogins()
