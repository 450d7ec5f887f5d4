"""One process among several replicas: the Lease, the certificate that all share, the registration (I/O)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from certs.keypair import KeyPair
from certs.rotate import Terms
from webhook.cluster.api import Api
from webhook.cluster.certificates import (
    GivenCertificates,
    Registration,
    SecretStore,
    ServiceEndpoints,
    SharedCertificates,
)
from webhook.cluster.deployment import CertificateMode, Deployment
from webhook.cluster.failure import ClusterError
from webhook.cluster.leases import Lease

log = logging.getLogger(__name__)

_SETTLED = 10.0
_UNSETTLED = 0.5


class Replica:
    """`run` keeps certificate and registration; before it serves, a replica makes and fetches but does not register."""

    def __init__(
        self,
        api: Api,
        deployment: Deployment,
        namespace: str,
        lease: Lease,
        serving: Callable[[], bool],
        terms: Terms | None = None,
    ) -> None:
        """Make it; `serving` tells whether this process answers requests now."""
        self.lease = lease
        self.trouble = ""
        self.registration = Registration(
            api,
            deployment.registration,
            deployment.webhooks,
            serving=serving,
            endpoints=ServiceEndpoints(api, namespace, deployment.service),
        )
        self._terms = terms
        self._ca_file = deployment.ca_file
        self._given = GivenCertificates(self.registration, lease)
        self._shared: SharedCertificates | None = None
        if deployment.certificates is CertificateMode.SELF_MANAGED:
            store = SecretStore(api, namespace, deployment.certificate_secret)
            self._shared = SharedCertificates(store, self.registration, lease, deployment.server_names(namespace))

    @property
    def settled(self) -> bool:
        """True once the API server has been told to call us, or that is not for this replica to do."""
        return self.registration.registered or not self.lease.held

    async def run(self, put: Callable[[KeyPair], None]) -> None:
        """Give every new serving certificate to `put` (in mode `files`: none), and register; for ever."""
        while True:
            try:
                found = await self.refresh(put)
            except (ClusterError, OSError) as error:
                found = True  # what does not work will not work sooner by asking more often
                self._say(str(error))
            await asyncio.sleep(_SETTLED if found and self.settled else _UNSETTLED)

    async def refresh(self, put: Callable[[KeyPair], None]) -> bool:
        """Do it once; return whether there is a certificate. Raises `ClusterError` or OSError."""
        if self._shared is None:
            if self._ca_file:
                await self._given.refresh(Path(self._ca_file).read_bytes())  # noqa: ASYNC240 - a small mounted file
            self._say("")
            return True
        state = await self._shared.refresh(terms=self._terms)
        self._say(self._shared.trouble)
        if state.leaf is None:
            return False
        put(state.leaf)
        return True

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            log.warning("cannot keep certificate or registration: %s", trouble)
        self.trouble = trouble


@asynccontextmanager
async def open_replica(
    api: Api,
    deployment: Deployment,
    *,
    namespace: str,
    identity: str,
    serving: Callable[[], bool],
    terms: Terms | None = None,
) -> AsyncIterator[Replica]:
    """Join the other replicas, and leave at the end; `identity` is this process's own name (the pod's)."""
    async with Lease(api, namespace, deployment.lease, identity).kept() as lease:
        yield Replica(api, deployment, namespace, lease, serving, terms)
