"""What a credential provider is asked and what it answers (pure).

    request    credentialprovider.kubelet.k8s.io/v1 CredentialProviderRequest, JSON, on its standard input
    response   CredentialProviderResponse of the same version, JSON, on its standard output, unknown fields refused

The keys of a response are patterns, filed and looked up as the keys of a docker config. Source: k8s.io/kubelet
pkg/apis/credentialprovider/v1/types.go, kubernetes pkg/credentialprovider/plugin/plugin.go (1.37).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import msgspec

from webhook.credentials.credential import Origin
from webhook.credentials.dockerconfig import credential
from webhook.credentials.duration import parse_duration
from webhook.credentials.pattern import normalise_key, without_user
from webhook.credentials.providerconfig import Provider
from webhook.credentials.pullsecret import Entry


class InvalidResponse(ValueError):
    """What a provider wrote is no response; the text quotes nothing of it."""


class CacheKeyType(StrEnum):
    """For what a provider's answer holds."""

    IMAGE = "Image"
    REGISTRY = "Registry"
    GLOBAL = "Global"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a provider answered; `cache_duration` in seconds, None where it leaves that to the configuration."""

    cache_key_type: CacheKeyType
    cache_duration: float | None
    entries: tuple[Entry, ...]


def encode_request(
    provider: Provider, image: str, *, token: str = "", annotations: Mapping[str, str] | None = None
) -> bytes:
    """Encode what a provider is asked; `image` is the repository's name, without tag or digest."""
    request = _WireRequest(
        apiVersion=provider.api_version,
        kind="CredentialProviderRequest",
        image=image,
        serviceAccountToken=token,
        serviceAccountAnnotations=dict(annotations or {}),
    )
    return msgspec.json.encode(request)


def decode_response(body: bytes, provider: Provider) -> Response:
    """Decode what a provider answered; raise `InvalidResponse`."""
    wire = _read(body, _WireHead)
    if (wire.apiVersion, wire.kind) != (provider.api_version, "CredentialProviderResponse"):
        raise InvalidResponse(f"its answer is no CredentialProviderResponse of {provider.api_version}")
    response = _read(body, _WireResponse)
    return Response(
        cache_key_type=response.cacheKeyType,
        cache_duration=None if response.cacheDuration is None else _seconds(response.cacheDuration),
        entries=tuple(_entry(pattern, auth, provider.name) for pattern, auth in (response.auth or {}).items()),
    )


_Wire = TypeVar("_Wire")


class _WireRequest(msgspec.Struct, omit_defaults=True):
    apiVersion: str  # noqa: N815 the wire's names
    kind: str
    image: str
    serviceAccountToken: str = ""  # noqa: N815
    serviceAccountAnnotations: dict[str, str] = msgspec.field(default_factory=dict)  # noqa: N815


class _WireHead(msgspec.Struct):
    apiVersion: str  # noqa: N815
    kind: str


class _WireAuth(msgspec.Struct, forbid_unknown_fields=True):
    username: str | None = None
    password: str | None = None


class _WireResponse(_WireHead, forbid_unknown_fields=True):
    cacheKeyType: CacheKeyType  # noqa: N815
    cacheDuration: str | None = None  # noqa: N815
    auth: dict[str, _WireAuth | None] | None = None


def _read(body: bytes, wire: type[_Wire]) -> _Wire:
    try:
        return msgspec.json.decode(body, type=wire)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Without the cause: it may quote the answer.
        raise InvalidResponse("its answer is no CredentialProviderResponse") from None


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError:
        raise InvalidResponse("its answer has no valid cacheDuration") from None


def _entry(pattern: str, auth: _WireAuth | None, provider: str) -> Entry:
    username, password = ("", "") if auth is None else (auth.username or "", auth.password or "")
    return Entry(
        host=without_user(pattern),
        key=normalise_key(pattern) or "",
        credential=credential(username, password, source=f'provider "{provider}"', origin=Origin.PROVIDER),
    )
