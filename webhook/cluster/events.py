"""Kubernetes Events, where they are asked for (I/O).

An Event is a courtesy: `tell` never waits, the queue is bounded, the same Event is not written twice within minutes,
and what cannot be written is dropped and counted.
"""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from webhook.admission.plaintext import cut_bytes
from webhook.cluster.api import Api, segment
from webhook.cluster.failure import ClusterError

log = logging.getLogger(__name__)

_NOTE = 1024
"""The longest note that the API server takes, in bytes (pkg/apis/core/validation/events.go)."""


class EventType(StrEnum):
    """What the API server lets an Event be."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The object that an Event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One Event. `reason` is one CamelCase word, `action` what was done, `note` a sentence without secrets."""

    about: Subject
    reason: str
    action: str
    note: str
    type: EventType = EventType.WARNING


class Events:
    """Writes Events; `run` is the task that does it."""

    def __init__(
        self, api: Api, instance: str, *, pause: float = 0.2, quiet: float = 600.0, most: int = 200, known: int = 1000
    ) -> None:
        """`instance`: this replica's name; `pause` seconds lie between two writes, `quiet` between two alike."""
        self.dropped = 0
        self._api = api
        self._instance = instance
        self._pause = pause
        self._quiet = quiet
        self._known = known
        self._told: OrderedDict[tuple[Subject, str, str], float] = OrderedDict()
        self._queue: asyncio.Queue[Event] = asyncio.Queue(most)

    def tell(self, event: Event) -> None:
        """Have an Event written soon, unless it was of late or too many wait."""
        now = asyncio.get_running_loop().time()
        key = (event.about, event.reason, event.note)
        if now - self._told.get(key, float("-inf")) < self._quiet:
            return
        if self._queue.full():
            self.dropped += 1
            return
        self._queue.put_nowait(event)
        self._told[key] = now
        self._told.move_to_end(key)
        if len(self._told) > self._known:
            self._told.popitem(last=False)

    async def run(self) -> None:
        """Write what is told, for ever; ends by being cancelled."""
        while True:
            event = await self._queue.get()
            try:
                await self._write(event)
            except ClusterError as error:
                self.dropped += 1
                log.debug("event not written: %s", error)
            await asyncio.sleep(self._pause)

    async def _write(self, event: Event) -> None:
        about = event.about
        namespace = about.namespace or "default"
        name = (about.name or about.kind.lower())[:200].rstrip(".-")
        regarding = {"apiVersion": about.api_version, "kind": about.kind, "name": about.name}
        optional = {"namespace": about.namespace, "uid": about.uid}
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": f"{name}-", "namespace": namespace},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": "pullproof.dev/webhook",
            "reportingInstance": self._instance,
            "regarding": regarding | {key: value for key, value in optional.items() if value},
            "reason": event.reason,
            "action": event.action,
            "note": cut_bytes(event.note, _NOTE),
            "type": event.type.value,
        }
        path = f"/apis/events.k8s.io/v1/namespaces/{segment(namespace)}/events"
        await self._api.request("POST", path, body=body)
