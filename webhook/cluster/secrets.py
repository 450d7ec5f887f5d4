"""Pull secrets of pods, read from the cluster by name (I/O).

Only `get`, never `list` or `watch`: nothing is read that no pod names. What was read is kept in memory for seconds and
goes nowhere else. What we may not read is `unreadable`, without a call: the node can read it, so it is never missing.

| mode | Secrets read | what is lost |
|---|---|---|
| cluster | those that a pod names, in its namespace | nothing |
| namespaces | the same, in the listed namespaces | elsewhere, private images end in `credentials-unavailable` |
| none | none | private images end in `credentials-unavailable`, unless a provider or a mounted config has a login |
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from webhook.cluster.api import Api, decode, segment
from webhook.cluster.failure import ClusterError, Denied, NotFound, Unavailable
from webhook.cluster.reads import SharedReads
from webhook.credentials.pullsecret import PullSecret, PullSecrets, SecretState
from webhook.workload.workload import Workload

Decode = Callable[[str, str, Mapping[str, bytes]], PullSecret]
"""Name, type and data of a Secret -> what the kubelet makes of it."""

READ_TIMEOUT = 5.0
MOST = 32
"""Pull secrets of one pod that are read; a pod names one or two, and what it names costs the API server a request."""
LATE = "the API server did not answer in time"


class SecretMode(StrEnum):
    """Which Secrets we may read."""

    NONE = "none"
    NAMESPACES = "namespaces"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretAccess:
    """What RBAC lets us read; `namespaces` counts in mode `namespaces` only."""

    mode: SecretMode = SecretMode.CLUSTER
    namespaces: frozenset[str] = field(default_factory=frozenset)

    def refusal(self, namespace: str) -> str:
        """Say why Secrets of `namespace` are not read, or ""."""
        if self.mode is SecretMode.NONE:
            return "reading Secrets is switched off (secretAccess: none)"
        if self.mode is SecretMode.NAMESPACES and namespace not in self.namespaces:
            return f"reading Secrets is not switched on for namespace {namespace!r}"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSecrets:
    """The pull secrets that a ServiceAccount names, or why they are not known."""

    names: tuple[str, ...] = ()
    missing: bool = False
    unreadable: str = ""


class _Named(msgspec.Struct):
    name: str = ""


class _Secret(msgspec.Struct):
    metadata: _Named
    type: str = ""
    data: dict[str, bytes | None] | None = None


class _Account(msgspec.Struct, rename="camel"):
    metadata: _Named
    image_pull_secrets: list[_Named] | None = None


class ClusterPullSecrets:
    """The pipeline's `PullSecretSource`, from the API server."""

    def __init__(
        self,
        api: Api,
        decode_secret: Decode,
        *,
        access: SecretAccess | None = None,
        ttl: float = 5.0,
        on_error: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`ttl`: seconds that a read may serve a first look; a second look reads again.

        `on_error` is told a word for each read that failed: `forbidden`, `unavailable` or `late`.
        """
        self._on_error = on_error
        self._api = api
        self._decode = decode_secret
        self._access = access or SecretAccess()
        self._secrets: SharedReads[tuple[str, str], PullSecret] = SharedReads(self._read_secret, ttl=ttl)
        self._accounts: SharedReads[tuple[str, str], AccountSecrets] = SharedReads(self._read_account, ttl=ttl)

    async def pull_secrets(self, workload: Workload, *, deadline: float, not_before: float) -> PullSecrets:
        """Read the workload's own pull secrets, or its ServiceAccount's where admission will copy those."""
        if not workload.takes_account_secrets:
            found = await self._named(workload.namespace, workload.pull_secrets, deadline, not_before)
            return PullSecrets(secrets=found)
        name = workload.service_account
        try:
            key = (workload.namespace, name)
            account = await self._accounts.get(key, deadline=deadline, not_before=not_before)
        except TimeoutError:
            self._on_error("late")
            return PullSecrets(account=name, account_unreadable=LATE)
        return PullSecrets(
            secrets=await self._named(workload.namespace, account.names, deadline, not_before),
            account=name,
            account_missing=account.missing,
            account_unreadable=account.unreadable,
        )

    def lookup(self, workload: Workload) -> PullSecrets | None:
        """Return the same for a first look, if all of it was read a moment ago; else None."""
        if not workload.takes_account_secrets:
            own = self._held(workload.namespace, workload.pull_secrets)
            return None if own is None else PullSecrets(secrets=own)
        name = workload.service_account
        account = self._accounts.lookup((workload.namespace, name))
        found = self._held(workload.namespace, account.names) if account is not None else None
        if account is None or found is None:
            return None
        return PullSecrets(
            secrets=found,
            account=name,
            account_missing=account.missing,
            account_unreadable=account.unreadable,
        )

    def _held(self, namespace: str, names: tuple[str, ...]) -> tuple[PullSecret, ...] | None:
        if len(names) > MOST or self._access.refusal(namespace):
            return None if names else ()
        found = [self._secrets.lookup((namespace, name)) for name in names]
        held = tuple([secret for secret in found if secret is not None])
        return held if len(held) == len(names) else None

    async def account_names(self, namespace: str, name: str) -> frozenset[str] | None:
        """Return the pull secrets that a ServiceAccount names, or None where that cannot be told."""
        deadline = asyncio.get_running_loop().time() + READ_TIMEOUT
        try:
            account = await self._accounts.get((namespace, name), deadline=deadline, not_before=float("-inf"))
        except TimeoutError:
            return None
        return None if account.missing or account.unreadable else frozenset(account.names)

    async def close(self) -> None:
        """End what is under way and forget what was read."""
        await self._secrets.close()
        await self._accounts.close()

    async def _named(
        self, namespace: str, names: tuple[str, ...], deadline: float, not_before: float
    ) -> tuple[PullSecret, ...]:
        """Read side by side, answer in the pod's order; doubles are kept, as the kubelet keeps them."""
        refusal = self._access.refusal(namespace)
        if refusal:
            return tuple(_unreadable(name, refusal) for name in names)
        read = names[:MOST]
        if len(read) > 1:
            for name in read:
                self._secrets.begin((namespace, name), not_before=not_before)
        found = [await self._secret(namespace, name, deadline, not_before) for name in read]
        return (*found, *(_unreadable(name, f"only the first {MOST} pull secrets are read") for name in names[MOST:]))

    async def _secret(self, namespace: str, name: str, deadline: float, not_before: float) -> PullSecret:
        try:
            return await self._secrets.get((namespace, name), deadline=deadline, not_before=not_before)
        except TimeoutError:
            self._on_error("late")
            return _unreadable(name, LATE)

    async def _read_secret(self, key: tuple[str, str]) -> PullSecret:
        namespace, name = key
        try:
            path = f"/api/v1/namespaces/{segment(namespace)}/secrets/{segment(name)}"
            secret = decode(await self._api.request("GET", path, seconds=READ_TIMEOUT), _Secret)
            _own(secret.metadata, name)
        except NotFound:
            return PullSecret(name=name, state=SecretState.MISSING, reason=f"not in namespace {namespace!r}")
        except ClusterError as error:
            return _unreadable(name, self._failed(error, "secrets", namespace))
        return self._decode(name, secret.type, {key: value or b"" for key, value in (secret.data or {}).items()})

    async def _read_account(self, key: tuple[str, str]) -> AccountSecrets:
        namespace, name = key
        try:
            path = f"/api/v1/namespaces/{segment(namespace)}/serviceaccounts/{segment(name)}"
            account = decode(await self._api.request("GET", path, seconds=READ_TIMEOUT), _Account)
            _own(account.metadata, name)
        except NotFound:
            return AccountSecrets(missing=True)
        except ClusterError as error:
            return AccountSecrets(unreadable=self._failed(error, "serviceaccounts", namespace))
        # the kubelet skips empty names without a word (pkg/kubelet/kubelet_pods.go)
        return AccountSecrets(names=tuple(each.name for each in account.image_pull_secrets or () if each.name))

    def _failed(self, error: ClusterError, resource: str, namespace: str) -> str:
        """Count a read that failed, and return why."""
        self._on_error("forbidden" if isinstance(error, Denied) else "unavailable")
        return _reason(error, resource, namespace)


def _own(metadata: _Named, name: str) -> None:
    """Raise `Unavailable` for an object that is not the one asked for: what stands before the API server answers `{}`.

    Taken for a Secret, that would be one without a login, and deny a pod.
    """
    if metadata.name != name:
        raise Unavailable("the API server answered with another object")


def _unreadable(name: str, reason: str) -> PullSecret:
    return PullSecret(name=name, state=SecretState.UNREADABLE, reason=reason)


def _reason(error: ClusterError, resource: str, namespace: str) -> str:
    if isinstance(error, Denied):
        return f"RBAC does not let us get {resource} in namespace {namespace!r}"
    return str(error)
