"""The configuration that was last in force, kept in the cluster for a replica that begins after a bad edit (I/O)."""

import logging

import msgspec

from webhook.cluster.api import MERGE_PATCH, Api, decode, segment
from webhook.cluster.failure import ClusterError

log = logging.getLogger(__name__)

KEY = "last-good.yaml"
_SECONDS = 3.0
"""For each request: the next edit waits for it."""


class _ConfigMap(msgspec.Struct):
    data: dict[str, str] | None = None


class LastGood:
    """One key of the ConfigMap `name`, which the chart makes; every replica writes what it has put in force."""

    def __init__(self, api: Api, namespace: str, name: str) -> None:
        self._api = api
        self._path = f"/api/v1/namespaces/{segment(namespace)}/configmaps/{segment(name)}"

    async def read(self) -> str | None:
        """Return the text; None where there is none, or where it cannot be read."""
        try:
            return await self._read()
        except ClusterError as error:
            log.warning("cannot read the last good configuration: %s", error)
            return None

    async def keep(self, text: str) -> None:
        """Write the text where another is written; where that cannot be, a bad edit must not meet a restart."""
        try:
            if await self._read() != text:
                body = {"data": {KEY: text}}
                await self._api.request("PATCH", self._path, body=body, content_type=MERGE_PATCH, seconds=_SECONDS)
        except ClusterError as error:
            log.warning("cannot keep the last good configuration: %s", error)

    async def _read(self) -> str | None:
        found = decode(await self._api.request("GET", self._path, seconds=_SECONDS), _ConfigMap)
        return (found.data or {}).get(KEY)
