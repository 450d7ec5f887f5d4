"""The Provider object by which Gatekeeper finds /externaldata: its caBundle, kept as our certificates change (I/O).

The chart makes the object; only the writer among the replicas fills it in. Gatekeeper takes several certificates in
one bundle, so the next authority is trusted before it signs.
Source: frameworks/constraint pkg/apis/externaldata/v1beta1, pkg/externaldata/request.go (getClient).
"""

import base64
from typing import Protocol

import msgspec

from webhook.cluster.api import MERGE_PATCH, Api, decode, segment

PROVIDERS = "/apis/externaldata.gatekeeper.sh/v1beta1/providers"


class Writer(Protocol):
    """Whether this replica may write."""

    @property
    def held(self) -> bool: ...


class _Spec(msgspec.Struct, rename="camel"):
    ca_bundle: str = ""


class _Provider(msgspec.Struct):
    spec: _Spec = msgspec.field(default_factory=_Spec)


class ProviderTrust:
    """Keeps one Provider's caBundle."""

    def __init__(self, api: Api, name: str, writer: Writer) -> None:
        self._api = api
        self._path = f"{PROVIDERS}/{segment(name)}"
        self._writer = writer

    async def publish(self, bundle: bytes) -> None:
        """Have Gatekeeper trust this PEM bundle, if this replica is the writer; raises `ClusterError`."""
        if not self._writer.held or not bundle:
            return
        wanted = base64.b64encode(bundle).decode()
        if decode(await self._api.request("GET", self._path), _Provider).spec.ca_bundle != wanted:
            body = {"spec": {"caBundle": wanted}}
            await self._api.request("PATCH", self._path, body=body, content_type=MERGE_PATCH)
