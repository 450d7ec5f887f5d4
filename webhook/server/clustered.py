"""The webhook inside its cluster: certificates, registration and learning around the server (I/O).

The order in which a replica begins, so that nobody is called who cannot answer:

    certificate (made by the writer, or read) -> listen -> register -> be called
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from certs.keypair import UnusableKeyPair, expiry
from webhook.cluster.api import Api, segment
from webhook.cluster.certificates import (
    CONFIGURATIONS,
    GivenCertificates,
    Registration,
    SecretStore,
    ServiceEndpoints,
    SharedCertificates,
)
from webhook.cluster.events import Events
from webhook.cluster.failure import ClusterError
from webhook.cluster.gatekeeper import ProviderTrust
from webhook.cluster.leases import Lease
from webhook.cluster.policyreports import owner_of
from webhook.cluster.secrets import SecretAccess
from webhook.metrics import Metrics
from webhook.server.admission import Inspector
from webhook.server.assembly import Assembly, Ports
from webhook.server.certificate import CertificateInMemory, CertificateSource
from webhook.server.health import Condition, Health
from webhook.server.rechecking import Recheck
from webhook.wiring.configuration import Edits
from webhook.wiring.edits import open_edits
from webhook.wiring.kubernetes import Cluster, FollowingInspector, open_known
from webhook.wiring.registration import CertificateKeeper, Registered
from webhook.wiring.registries import Surroundings
from webhook.wiring.webhook import Webhook

_LOG = logging.getLogger("pullproof.cluster")
_EVERY, _SOON = 5.0, 0.5
"""Seconds between two looks at certificate and registration; the latter until this replica serves what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustered:
    """One replica. `namespace` and `identity`: where its pod is, and its name; `files`: a given certificate, if any.

    `settle`: seconds before it first checks what runs, where it is asked to.
    """

    api: Api
    namespace: str
    identity: str
    configuration: Path | None
    surroundings: Surroundings
    access: SecretAccess
    registered: Registered | None
    files: CertificateSource | None
    metrics: Metrics
    ports: Ports
    settle: float = 60.0

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; raise a ValueError or OSError in one line where it cannot begin."""
        lease_name = self.registered.lease if self.registered else "pullproof"
        async with (
            Lease(self.api, self.namespace, lease_name, self.identity).kept() as lease,
            open_known(self.api, self.namespace, self.access, on_error=self.metrics.pull_secret_error) as cluster,
            self._edits() as edits,
        ):
            await _Replica(self, lease, cluster, edits).run(stop)

    def _edits(self) -> AbstractAsyncContextManager[Edits | None]:
        name = self.registered.configuration if self.registered else ""
        return open_edits(self.api, self.namespace, name, self.identity) if name else nullcontext()


class _Replica:
    def __init__(self, parts: Clustered, lease: Lease, cluster: Cluster, edits: Edits | None) -> None:
        self._parts = parts
        self._edits = edits
        self._lease = lease
        self._cluster = cluster
        self._serving = asyncio.Event()
        self._memory = CertificateInMemory()
        self._health = Health()
        self._events = Events(parts.api, parts.identity)
        self._trouble = ""

    async def run(self, stop: asyncio.Event) -> None:
        keeper = asyncio.create_task(self._keep())
        writing = asyncio.create_task(self._events.run())
        for task in (keeper, writing):
            task.add_done_callback(_ended)
        try:
            source = self._parts.files or await self._first_certificate(stop)
            if source is None:
                return
            parts = self._parts
            await Assembly(
                configuration=parts.configuration,
                surroundings=parts.surroundings,
                known=self._cluster.known,
                certificate=source,
                metrics=parts.metrics,
                health=self._health,
                ports=parts.ports,
                tell=self._events.tell,
                around=self._learning,
                edits=self._edits,
            ).run(stop, started=lambda _: self._serving.set())
        finally:
            keeper.cancel()
            writing.cancel()
            await asyncio.gather(keeper, writing, return_exceptions=True)

    async def _first_certificate(self, stop: asyncio.Event) -> CertificateSource | None:
        """Wait until there is one in memory, or until `stop`."""
        while not stop.is_set():
            try:
                self._memory.read()
            except ValueError:
                await asyncio.sleep(0.1)
            else:
                return self._memory
        return None

    async def _keep(self) -> None:
        """Keep certificate and registration as they should be, for ever."""
        registered, parts = self._parts.registered, self._parts
        if registered is None:
            return
        self._health.add("registration", lambda: Condition(ok=True, note=self._trouble))
        registration = Registration(
            parts.api,
            registered.name,
            registered.webhooks,
            serving=self._serving.is_set,
            endpoints=ServiceEndpoints(parts.api, parts.namespace, registered.service),
        )
        store = SecretStore(parts.api, parts.namespace, registered.secret)
        shared = SharedCertificates(store, registration, self._lease, registered.dns_names(parts.namespace))
        given = GivenCertificates(registration, self._lease)
        provider = ProviderTrust(parts.api, registered.provider, self._lease) if registered.provider else None
        while True:
            try:
                if registered.certificates is CertificateKeeper.SELF_MANAGED:
                    bundle, trouble = await self._follow(shared), shared.trouble
                else:
                    bundle, trouble = _bundle(registered), ""
                    await given.refresh(bundle)
                if provider is not None and self._serving.is_set():
                    await provider.publish(bundle)
                if bundle:
                    parts.metrics.certificate_expires("authority", expiry(bundle))
            except (ClusterError, OSError, UnusableKeyPair) as error:
                trouble = str(error)
            self._told(trouble)
            settled = self._serving.is_set() and (registration.registered or not self._lease.held)
            await asyncio.sleep(_EVERY if settled else _SOON)

    async def _follow(self, shared: SharedCertificates) -> bytes:
        state = await shared.refresh()
        if state.leaf is not None:
            self._memory.put(state.leaf)
        return state.bundle

    def _told(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            _LOG.warning("certificates or registration: %s", trouble)
        self._trouble = trouble

    @asynccontextmanager
    async def _learning(self, webhook: Webhook) -> AsyncIterator[Inspector]:
        learner = self._cluster.learning.learner(
            webhook.generations, self._lease, lambda registry, code: self._parts.metrics.contradicted(registry, code)
        )
        tasks = [asyncio.create_task(learner.run()), asyncio.create_task(self._recheck(webhook).run())]
        for task in tasks:
            task.add_done_callback(_ended)
        try:
            yield FollowingInspector(webhook.pipeline, learner)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _recheck(self, webhook: Webhook) -> Recheck:
        parts = self._parts
        name = parts.registered.name if parts.registered else "pullproof"
        owner = partial(
            owner_of,
            parts.api,
            f"{CONFIGURATIONS}/{segment(name)}",
            api_version="admissionregistration.k8s.io/v1",
            kind="ValidatingWebhookConfiguration",
        )
        return Recheck(
            parts.api,
            webhook.pipeline,
            lambda: webhook.settings,
            self._lease,
            parts.metrics,
            name=name,
            owner=owner if parts.registered else None,
            settle=parts.settle,
        )


def _ended(task: asyncio.Task[None]) -> None:
    """Say so where a task that runs for ever ended by a bug; admission goes on without it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOG.error("a task ended, and goes on only after a restart", exc_info=error)


def _bundle(registered: Registered) -> bytes:
    return Path(registered.ca_file).read_bytes() if registered.ca_file else b""
