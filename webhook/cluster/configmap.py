"""One key of one ConfigMap, watched (I/O).

A mounted ConfigMap follows an edit when the kubelet next looks at the pod, which may take a minute and a half. Who
wants to stop denying wants it now: a watch tells within a second. Where we may not watch, the file still follows.
"""

import asyncio

import msgspec

from webhook.cluster.api import Api, segment
from webhook.cluster.watching import Metadata, Watching

_LIFE = 20
"""Seconds, or up to twice as many, after which a watch is renewed: one that died in silence is soon noticed."""


class _ConfigMap(msgspec.Struct):
    metadata: Metadata
    data: dict[str, str] | None = None


class WatchedText:
    """The text under one key; `watching.run()` is to be run beside it.

    `text` is None while it is not known, or not there; `changed` is set when there is a new one.
    """

    def __init__(self, api: Api, namespace: str, name: str, key: str) -> None:
        path = f"/api/v1/namespaces/{segment(namespace)}/configmaps"
        self.text: str | None = None
        self.uid = ""
        self.changed = asyncio.Event()
        self._key = key
        self.watching: Watching[_ConfigMap] = Watching(
            api, path, _ConfigMap, self, fields=f"metadata.name={segment(name)}", life=_LIFE
        )

    @property
    def well(self) -> bool:
        """Whether a change would be heard of."""
        return self.watching.synced.is_set() and not self.watching.trouble

    def put(self, obj: _ConfigMap) -> None:
        """Take in the ConfigMap."""
        self.uid = obj.metadata.uid
        self._take((obj.data or {}).get(self._key))

    def delete(self, key: str) -> None:
        """Forget it."""
        del key
        self._take(None)

    def keep_only(self, keys: set[str]) -> None:
        """Forget it where the list was empty."""
        if not keys:
            self._take(None)

    def _take(self, text: str | None) -> None:
        if text != self.text:
            self.text = text
            self.changed.set()
