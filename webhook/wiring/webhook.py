"""The webhook, put together: configuration, cluster, registries, certificates, listeners (I/O)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from webhook.metrics import Metrics
from webhook.pipeline import Pipeline
from webhook.policy.judgements import Judgements
from webhook.settings.schema import Settings
from webhook.sources import Sources
from webhook.wiring.configuration import Edits, FollowedConfiguration
from webhook.wiring.generation import Generations
from webhook.wiring.known import Known as Known
from webhook.wiring.memory import give_back_at_times
from webhook.wiring.registries import Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An open webhook, not yet listening."""

    pipeline: Pipeline
    generations: Generations
    configuration: FollowedConfiguration

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.generations.settings


@asynccontextmanager
async def open_webhook(
    configuration: Path | None, surroundings: Surroundings, known: Known, metrics: Metrics, edits: Edits | None = None
) -> AsyncIterator[Webhook]:
    """Read the configuration and open what it names; raise a ValueError in one line where it cannot be used.

    `edits`: where changes of the configuration are heard of sooner than by its file.
    """
    async with Generations(surroundings, metrics, tokens=known.tokens) as generations:

        def told(refused: str) -> None:
            metrics.config_loaded(ok=not refused)
            metrics.configured(
                each.match for each in generations.settings.registries if not set("*?") & set(each.match)
            )

        followed = FollowedConfiguration(configuration, generations.adopt, edits, told=told)
        await followed.begin()
        pipeline = Pipeline(
            Sources(
                resolver=generations,
                pull_secrets=known.pull_secrets,
                node_logins=generations,
                nodes=known.nodes,
                cluster=known.cluster,
                namespaces=known.namespaces,
                memory=generations,
            ),
            lambda: generations.policy,
            clock=asyncio.get_running_loop().time,
            loopback=surroundings.loopback,
            judgements=Judgements(lambda: generations.settings.cache.max_entries),
        )
        following = (followed.follow(), generations.follow_hosts(), give_back_at_times())
        followers = [asyncio.create_task(each) for each in following]
        try:
            yield Webhook(pipeline=pipeline, generations=generations, configuration=followed)
        finally:
            for follower in followers:
                follower.cancel()
