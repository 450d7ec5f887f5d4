"""One writer among the replicas, by a Lease of the API server (I/O).

A holder renews every few seconds. Who finds a Lease unrenewed for its duration, by its own clock, takes it; the API
server lets only one of several do so, since each writes over the version that it read. `held` ends by the local clock
well before others may take over, so a holder that cannot reach the API server stops writing in time. What the holder
writes is itself written over a version, so that even two writers would do no harm, only work twice.
Source: client-go tools/leaderelection/leaderelection.go.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec

from webhook.cluster.api import MERGE_PATCH, Api, decode, segment
from webhook.cluster.failure import ClusterError, Conflict, NotFound
from webhook.cluster.watching import Metadata

log = logging.getLogger(__name__)


class _Spec(msgspec.Struct, rename="camel", omit_defaults=True):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class _Lease(msgspec.Struct):
    metadata: Metadata
    spec: _Spec = msgspec.field(default_factory=_Spec)


class Lease:
    """A Lease that this replica tries to hold for as long as `kept` lasts."""

    def __init__(self, api: Api, namespace: str, name: str, identity: str, *, duration: int = 15) -> None:
        """`duration`: seconds without renewal after which another may take it; it is renewed three times as often."""
        self._api = api
        self._folder = f"/apis/coordination.k8s.io/v1/namespaces/{segment(namespace)}/leases"
        self._name = segment(name)
        self._identity = identity
        self._duration = duration
        self._until = float("-inf")
        self._seen = ("", 0.0)

    @property
    def held(self) -> bool:
        """True while this replica may write."""
        return asyncio.get_running_loop().time() < self._until

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator["Lease"]:
        """Try to take and renew the Lease in the background; give it back at the end, so that another need not wait."""
        task = asyncio.create_task(self._keep(), name=f"lease {self._name}")
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._give_back()

    async def attempt(self) -> bool:
        """Take or renew the Lease if it is free or ours; return whether it is held."""
        began = asyncio.get_running_loop().time()
        try:
            if await self._write(began):
                self._until = began + self._duration * 2 / 3
        except Conflict:
            pass  # another replica was quicker
        except ClusterError as error:
            log.warning("cannot renew lease %s: %s", self._name, error)
        return self.held

    async def _keep(self) -> None:
        while True:
            await self.attempt()
            await asyncio.sleep(self._duration / 3)

    async def _write(self, now: float) -> bool:
        try:
            lease = await self._read()
        except NotFound:
            await self._put(self._ours(_Spec()), None)
            return True
        if lease.spec.holder_identity not in {None, "", self._identity} and not self._lapsed(lease, now):
            self._until = float("-inf")
            return False
        await self._put(self._ours(lease.spec), lease.metadata.resource_version)
        return True

    def _lapsed(self, lease: _Lease, now: float) -> bool:
        """Tell whether nobody has written for the duration, by our own clock: clocks of nodes differ."""
        version = lease.metadata.resource_version
        if version != self._seen[0]:
            self._seen = (version, now)
        return now - self._seen[1] > (lease.spec.lease_duration_seconds or self._duration)

    def _ours(self, spec: _Spec) -> _Spec:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        again = spec.holder_identity == self._identity
        return _Spec(
            holder_identity=self._identity,
            lease_duration_seconds=self._duration,
            acquire_time=spec.acquire_time if again else now,
            renew_time=now,
            lease_transitions=(spec.lease_transitions or 0) + (not again),
        )

    async def _read(self) -> _Lease:
        seconds = self._duration / 3
        return decode(await self._api.request("GET", f"{self._folder}/{self._name}", seconds=seconds), _Lease)

    async def _put(self, spec: _Spec, version: str | None) -> None:
        """Write over `version`, leaving labels and owners alone; create where that is None."""
        seconds, fields = self._duration / 3, msgspec.to_builtins(spec)
        if version is None:
            body = {"metadata": {"name": self._name}, "spec": fields}
            await self._api.request("POST", self._folder, body=body, seconds=seconds)
        else:
            body = {"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": None} | fields}
            path = f"{self._folder}/{self._name}"
            await self._api.request("PATCH", path, body=body, content_type=MERGE_PATCH, seconds=seconds)

    async def _give_back(self) -> None:
        if not self.held:
            return
        self._until = float("-inf")
        with contextlib.suppress(ClusterError, TimeoutError):
            async with asyncio.timeout(2):
                lease = await self._read()
                if lease.spec.holder_identity == self._identity:
                    spec = msgspec.structs.replace(lease.spec, holder_identity=None)
                    await self._put(spec, lease.metadata.resource_version)
