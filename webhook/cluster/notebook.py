"""Where replicas write down what they learn, so that all of them know, also after a restart: a ConfigMap (I/O).

A person may read it, and delete it or a part of it: within seconds every replica has forgotten that.
"""

import logging
from collections.abc import Callable

import msgspec

from webhook.cluster.api import MERGE_PATCH, Api, decode, segment
from webhook.cluster.failure import ClusterError, Conflict, NotFound
from webhook.cluster.learnt import Learnt
from webhook.cluster.watching import Metadata

log = logging.getLogger(__name__)

NAME = "pullproof-learnt"
"""The ConfigMap that the chart makes for it."""

KEY = "evidence.json"
_TRIES = 5


class _ConfigMap(msgspec.Struct):
    metadata: Metadata
    data: dict[str, str] | None = None


class Notebook:
    """The shared document and what this replica last saw of it."""

    def __init__(self, api: Api, namespace: str, name: str) -> None:
        self.learnt = Learnt()
        self._api = api
        self._folder = f"/api/v1/namespaces/{segment(namespace)}/configmaps"
        self._name = segment(name)
        self._version: str | None = None

    async def read(self) -> Learnt:
        """Read what is written; raise `ClusterError`."""
        try:
            found = decode(await self._api.request("GET", f"{self._folder}/{self._name}"), _ConfigMap)
        except NotFound:
            self._version, self.learnt = None, Learnt()
        else:
            text = (found.data or {}).get(KEY, "")
            self._version, self.learnt = found.metadata.resource_version, Learnt.decode(text)
        return self.learnt

    async def note(self, change: Callable[[Learnt], Learnt]) -> None:
        """Write what `change` makes of what is written now. What cannot be written is still known here for a while."""
        for _ in range(_TRIES):
            try:
                before = await self.read()
                after = change(before)
                if after != before:
                    await self._write(after)
            except Conflict:
                continue
            except ClusterError as error:
                log.warning("cannot write down what was learnt: %s", error)
                self.learnt = change(self.learnt)
            return
        log.warning("cannot write down what was learnt: others keep writing")

    async def _write(self, learnt: Learnt) -> None:
        data = {KEY: learnt.encode()}
        if self._version is None:
            await self._api.request("POST", self._folder, body={"metadata": {"name": self._name}, "data": data})
        else:
            body = {"metadata": {"name": self._name, "resourceVersion": self._version}, "data": data}
            await self._api.request("PATCH", f"{self._folder}/{self._name}", body=body, content_type=MERGE_PATCH)
        self.learnt = learnt
