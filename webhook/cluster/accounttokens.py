"""Tokens of ServiceAccounts for credential providers that want one, from the API server (I/O).

On a node the kubelet gets such a token for the pod that it runs (KubeletServiceAccountTokenForCredentialProviders). At
admission there is no pod: the token is bound to the account alone, for the provider's audience, and lives ten minutes.
It may be had only where RBAC gives `create` on `serviceaccounts/token`, which is the right to be that account; so it is
asked for only where `credentials.providers.accountTokens` says so. Source: authentication.k8s.io/v1 TokenRequest.
"""

import asyncio
from collections.abc import Mapping

import msgspec

from webhook.cluster.api import Api, decode, segment
from webhook.cluster.failure import ClusterError, Denied, NotFound
from webhook.cluster.reads import SharedReads
from webhook.credentials.provider import AccountToken

_SECONDS = 600
"""The shortest life that the API server gives a token."""
_KEPT = 240.0
_FAILED_FOR = 5.0

_Key = tuple[str, str, str]


class _Metadata(msgspec.Struct):
    uid: str = ""
    annotations: Mapping[str, str] | None = None


class _Account(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


class _Status(msgspec.Struct):
    token: str = ""


class _TokenRequest(msgspec.Struct):
    status: _Status = msgspec.field(default_factory=_Status)


class AccountTokens:
    """The credential providers' `TokenSource`; one request for all who wait for a token."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._reads: SharedReads[_Key, AccountToken | str] = SharedReads(self._read, ttl=_KEPT, most=512)

    async def token(self, namespace: str, account: str, audience: str, *, deadline: float) -> AccountToken | str:
        """Return a token for `audience`, or in a few words why there is none; never raises."""
        key = (namespace, account, audience)
        try:
            found = await self._reads.get(key, deadline=deadline, not_before=float("-inf"))
            if isinstance(found, str):
                lately = asyncio.get_running_loop().time() - _FAILED_FOR
                found = await self._reads.get(key, deadline=deadline, not_before=lately)
        except TimeoutError:
            return "the API server gave none in time"
        return found

    async def close(self) -> None:
        """End the requests under way and forget the tokens."""
        await self._reads.close()

    async def _read(self, key: _Key) -> AccountToken | str:
        namespace, account, audience = key
        try:
            path = f"/api/v1/namespaces/{segment(namespace)}/serviceaccounts/{segment(account)}"
            known = decode(await self._api.request("GET", path), _Account).metadata
            spec = {"audiences": [audience], "expirationSeconds": _SECONDS}
            given = decode(await self._api.request("POST", f"{path}/token", body={"spec": spec}), _TokenRequest)
        except NotFound:
            return f"there is no ServiceAccount {account!r}"
        except Denied:
            return "the API server gives none; grant create on serviceaccounts/token (docs/rbac.md)"
        except ClusterError as error:
            return str(error)
        return AccountToken(value=given.status.token, uid=known.uid, annotations=known.annotations or {})
