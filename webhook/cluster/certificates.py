"""Where the certificates of all replicas are kept, and how the API server is told to call us (I/O).

`SecretStore` is the certs package's Store, in one Secret. `Registration` is its Publisher: the chart owns an empty
ValidatingWebhookConfiguration, and we fill its webhooks in by server-side apply once we can answer. So

- nobody calls a webhook that is not there yet, and no `failurePolicy: Fail` holds up an installation;
- uninstalling takes the configuration away, whether our pods still run or not; without the right to create one, no pod
  that is still ending can bring it back;
- an upgrade of the chart does not undo what we filled in, because the chart does not own those fields.

`failurePolicy: Fail` is applied as Ignore until the Service has had a ready endpoint; from then on it is Fail, also
while nobody answers, for that is what was asked for.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from certs.rotate import State, Terms
from certs.store import decode as decode_state
from certs.store import encode as encode_state
from certs.store import ensure
from webhook.cluster.api import APPLY_PATCH, MERGE_PATCH, Api, decode, segment
from webhook.cluster.failure import ClusterError, NotFound
from webhook.cluster.watching import Metadata

CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


class _Secret(msgspec.Struct):
    metadata: Metadata
    data: dict[str, bytes | None] | None = None


class SecretStore:
    """A `certs.store.Store` in one Secret; a save over somebody else's fails with `Conflict`."""

    def __init__(self, api: Api, namespace: str, name: str) -> None:
        self._api = api
        self._folder = f"/api/v1/namespaces/{segment(namespace)}/secrets"
        self._name = segment(name)
        self._version: str | None = None
        self._keys: frozenset[str] = frozenset()

    async def load(self) -> State:
        """Return what the Secret holds; an absent or empty one is an empty state."""
        try:
            secret = decode(await self._api.request("GET", f"{self._folder}/{self._name}"), _Secret)
        except NotFound:
            self._version, self._keys = None, frozenset()
            return State()
        files = {key: value or b"" for key, value in (secret.data or {}).items()}
        self._version, self._keys = secret.metadata.resource_version, frozenset(files)
        return decode_state(files)

    async def save(self, state: State) -> None:
        """Write the state over the version that was loaded; labels and owners of the Secret stay."""
        files = encode_state(state)
        data = dict.fromkeys(self._keys) | {key: base64.b64encode(value).decode() for key, value in files.items()}
        metadata = {"name": self._name} | ({"resourceVersion": self._version} if self._version else {})
        if self._version is None:
            body: dict[str, object] = {"type": "Opaque", "metadata": metadata, "data": data}
            answer = await self._api.request("POST", self._folder, body=body)
        else:
            body = {"metadata": metadata, "data": data}
            path = f"{self._folder}/{self._name}"
            answer = await self._api.request("PATCH", path, body=body, content_type=MERGE_PATCH)
        self._version, self._keys = decode(answer, _Secret).metadata.resource_version, frozenset(files)


class _Client(msgspec.Struct, rename={"ca_bundle": "caBundle"}):
    ca_bundle: bytes = b""


class _Webhook(msgspec.Struct, rename="camel"):
    name: str = ""
    failure_policy: str = ""
    client_config: _Client = msgspec.field(default_factory=_Client)


class _Configuration(msgspec.Struct):
    webhooks: list[_Webhook] | None = None


class NotServing(ClusterError):
    """We cannot answer yet, so nobody is told to call us."""


class Registration:
    """A `certs.store.Publisher`: fills the webhooks of our ValidatingWebhookConfiguration in."""

    def __init__(
        self,
        api: Api,
        name: str,
        webhooks: Sequence[Mapping[str, object]],
        *,
        serving: Callable[[], bool],
        endpoints: "Endpoints",
    ) -> None:
        """`webhooks` as they shall stand, without caBundle; `serving` tells whether this replica answers requests.

        Where `name` is "" somebody else registers us, and publishing is only remembered.
        """
        self._api = api
        self._name = segment(name) if name else ""
        self._remembered = b""
        self._failing: frozenset[str] = frozenset()
        self._webhooks = webhooks
        self._serving = serving
        self._endpoints = endpoints
        self.registered = False

    async def published(self) -> bytes:
        """Return the bundle that the API server trusts now, empty where our webhooks are not filled in."""
        if not self._name:
            return self._remembered
        try:
            configuration = decode(await self._api.request("GET", f"{CONFIGURATIONS}/{self._name}"), _Configuration)
        except NotFound:
            return b""
        webhooks = configuration.webhooks or []
        self._failing = frozenset(webhook.name for webhook in webhooks if webhook.failure_policy == "Fail")
        bundles = {webhook.client_config.ca_bundle for webhook in webhooks}
        return bundles.pop() if len(bundles) == 1 else b""

    async def publish(self, bundle: bytes) -> None:
        """Fill the webhooks in with this bundle; raise `NotServing` before we can answer.

        Applying what stands already changes nothing, so this also mends what somebody else has changed.
        """
        if not self._serving():
            raise NotServing("this replica does not answer yet")
        self._remembered = bundle
        if self._name:
            await self._apply(bundle)
        self.registered = True

    async def _apply(self, bundle: bytes) -> None:
        if any(webhook.get("failurePolicy") == "Fail" for webhook in self._webhooks):
            await self.published()  # whatever fails by now goes on failing
        webhooks = [await self._wanted(webhook, bundle) for webhook in self._webhooks]
        body = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": self._name},
            "webhooks": webhooks,
        }
        query = {"fieldManager": "pullproof", "force": "true"}
        path = f"{CONFIGURATIONS}/{self._name}"
        await self._api.request("PATCH", path, query=query, body=body, content_type=APPLY_PATCH)

    async def _wanted(self, webhook: Mapping[str, object], bundle: bytes) -> Mapping[str, object]:
        client = webhook.get("clientConfig")
        trusted = {**(client if isinstance(client, Mapping) else {}), "caBundle": base64.b64encode(bundle).decode()}
        policy = webhook.get("failurePolicy", "Ignore")
        if policy == "Fail" and webhook.get("name") not in self._failing and not await self._endpoints.ready():
            policy = "Ignore"
        return {**webhook, "clientConfig": trusted, "failurePolicy": policy}


class Endpoints(Protocol):
    """Whether anybody answers behind our Service."""

    async def ready(self) -> bool:
        """Tell whether at least one endpoint is ready; False where that cannot be found out."""
        ...


class _Conditions(msgspec.Struct):
    ready: bool | None = None


class _Endpoint(msgspec.Struct):
    conditions: _Conditions = msgspec.field(default_factory=_Conditions)


class _Slice(msgspec.Struct):
    endpoints: list[_Endpoint] | None = None


class _Slices(msgspec.Struct):
    items: list[_Slice] | None = None


class ServiceEndpoints:
    """Reads the EndpointSlices of one Service."""

    def __init__(self, api: Api, namespace: str, service: str) -> None:
        self._api = api
        self._path = f"/apis/discovery.k8s.io/v1/namespaces/{segment(namespace)}/endpointslices"
        self._query = {"labelSelector": f"kubernetes.io/service-name={segment(service)}"}

    async def ready(self) -> bool:
        """Tell whether at least one endpoint is ready; False where that cannot be found out."""
        try:
            return any(await self.states())
        except ClusterError:
            return False

    async def states(self) -> list[bool]:
        """Tell of each endpoint whether it is ready; raise `ClusterError`."""
        slices = decode(await self._api.request("GET", self._path, query=self._query), _Slices)
        # an unset condition is to be taken for true (discovery/v1 EndpointConditions)
        return [each.conditions.ready is not False for item in slices.items or () for each in item.endpoints or ()]


class Writer(Protocol):
    """Whether this replica may write."""

    @property
    def held(self) -> bool: ...


class SharedCertificates:
    """The certificates of all replicas: the holder of the Lease keeps them and registers us, the others follow."""

    def __init__(self, store: SecretStore, registration: Registration, writer: Writer, names: Sequence[str]) -> None:
        """`names`: what the API server may call the Service."""
        self.trouble = ""
        self._store = store
        self._registration = registration
        self._writer = writer
        self._names = names

    async def refresh(self, now: datetime | None = None, terms: Terms | None = None) -> State:
        """Return what is to be served now; call it every few seconds. Raises `ClusterError` where nothing can be read.

        `leaf` is None as long as nobody has made one. What could not be written or registered is told by `trouble`, and
        does not keep a replica from serving what there is.
        """
        if not self._writer.held:
            return await self._store.load()
        try:
            state = await ensure(self._store, self._registration, self._names, now or datetime.now(UTC), terms)
            await self._registration.publish(state.bundle)
        except NotServing:
            return await self._store.load()
        except ClusterError as error:
            self.trouble = str(error)
            return await self._store.load()
        self.trouble = ""
        return state


class GivenCertificates:
    """Certificates that somebody else keeps (cert-manager, a given Secret): we only register their authority."""

    def __init__(self, registration: Registration, writer: Writer) -> None:
        self._registration = registration
        self._writer = writer

    async def refresh(self, bundle: bytes) -> None:
        """Register with this PEM bundle, if this replica is the writer and answers; raises `ClusterError`."""
        if not self._writer.held:
            return
        try:
            await self._registration.publish(bundle)
        except NotServing:
            return
