"""The pipeline of a command: no cluster, the person's own network (I/O)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from webhook.credentials.local import load_local
from webhook.pipeline import NodeLogins, Pipeline, PullSecretSource, Sources
from webhook.registry.observer import NullObserver
from webhook.settings.policy import policy_of
from webhook.settings.schema import CredentialSource, Settings
from webhook.wiring.logins import PersonLogins, open_node_logins
from webhook.wiring.registries import Surroundings, open_resolver
from webhook.wiring.unknown import NoCluster, NoLogins, NoNamespaces, NoNodes, NoRegistries


@asynccontextmanager
async def open_local(
    settings: Settings,
    surroundings: Surroundings,
    pull_secrets: PullSecretSource,
    *,
    person: bool = True,
    offline: bool = False,
    deep: bool = False,
) -> AsyncIterator[Pipeline]:
    """Open a pipeline without a cluster; raise a ValueError for settings and files that cannot be used.

    `person`: use the logins of docker and podman on this machine. `deep`: look at configs and layers too. Loopback
    registries are asked: the person typed them.
    """
    policy = policy_of(settings, deep=deep)
    clock = asyncio.get_running_loop().time
    async with AsyncExitStack() as stack:
        sources = Sources(
            resolver=NoRegistries(),
            pull_secrets=pull_secrets,
            node_logins=NoLogins(),
            nodes=NoNodes(),
            cluster=NoCluster(),
            namespaces=NoNamespaces(),
        )
        if not offline:
            here = replace(surroundings, loopback=True)
            resolver = await stack.enter_async_context(open_resolver(settings, here, NullObserver()))
            logins = await stack.enter_async_context(_logins(settings, here, person=person))
            sources = replace(sources, resolver=resolver, node_logins=logins)
        yield Pipeline(sources, lambda: policy, clock=clock, loopback=True, offline=offline)


@asynccontextmanager
async def _logins(settings: Settings, surroundings: Surroundings, *, person: bool) -> AsyncIterator[NodeLogins]:
    """Take what stands for the nodes' logins: what the configuration names, else the person's own."""
    credentials = settings.credentials
    if credentials.providers is not None or credentials.docker_config_files:
        clock = asyncio.get_running_loop().time
        async with open_node_logins(credentials, surroundings.environment, clock=clock) as logins:
            yield logins
    elif person and CredentialSource.DOCKER_CONFIG in credentials.order:
        yield PersonLogins(load_local(surroundings.environment))
    else:
        yield NoLogins()
