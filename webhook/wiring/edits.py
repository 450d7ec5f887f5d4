"""Edits of the webhook's ConfigMap: heard of by a watch, answered by an Event on it (I/O)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from webhook.cluster.api import Api
from webhook.cluster.configmap import WatchedText
from webhook.cluster.events import Event, Events, EventType, Subject
from webhook.cluster.lastgood import LastGood
from webhook.cluster.notebook import NAME

KEY = "config.yaml"
"""Where in the ConfigMap the configuration is."""


@dataclass(frozen=True, slots=True)
class ConfigMapEdits:
    """The `webhook.wiring.configuration.Edits` of one ConfigMap; every replica answers for itself."""

    namespace: str
    name: str
    watched: WatchedText
    events: Events
    kept: LastGood

    @property
    def text(self) -> str | None:
        """The newest text; None where it is not known or not there."""
        return self.watched.text

    @property
    def well(self) -> bool:
        """Whether an edit would be heard of."""
        return self.watched.well

    @property
    def source(self) -> str:
        """What messages call it."""
        return f"ConfigMap {self.name}"

    @property
    def changed(self) -> asyncio.Event:
        """Set when there is a new text."""
        return self.watched.changed

    def answer(self, refused: str) -> None:
        """Write an Event soon: an edit is in force (""), or why it is not."""
        about = Subject(
            api_version="v1", kind="ConfigMap", namespace=self.namespace, name=self.name, uid=self.watched.uid
        )
        if refused:
            note, reason, kind = f"kept the last good one: {refused}", "ConfigurationRefused", EventType.WARNING
        else:
            note, reason, kind = "the edit is in force", "ConfigurationReloaded", EventType.NORMAL
        self.events.tell(Event(about=about, reason=reason, action="Reload", note=note, type=kind))

    async def last_good(self) -> str | None:
        """Return what was last in force in any replica; None where that is not known."""
        return await self.kept.read()

    async def keep(self, text: str) -> None:
        """Remember that this is in force, beyond the end of this process; never raises."""
        await self.kept.keep(text)


@asynccontextmanager
async def open_edits(api: Api, namespace: str, name: str, instance: str) -> AsyncIterator[ConfigMapEdits]:
    """Begin to watch the ConfigMap; `instance` is what Events call this replica. Never waits for the API server."""
    watched, events = WatchedText(api, namespace, name, KEY), Events(api, instance, quiet=0.0)
    edits = ConfigMapEdits(namespace, name, watched, events, LastGood(api, namespace, NAME))
    tasks = [asyncio.create_task(edits.watched.watching.run()), asyncio.create_task(edits.events.run())]
    try:
        yield edits
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
