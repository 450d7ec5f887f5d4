"""The configuration of kubelet credential providers: which program is asked for which images (pure).

    kubelet.config.k8s.io/v1 CredentialProviderConfig, YAML or JSON

It is strict: an unknown field is an error, as for the kubelet. Source: k8s.io/kubelet config/v1/types.go, kubernetes
pkg/credentialprovider/plugin/config.go (1.37).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec
import yaml

from webhook.credentials.duration import parse_duration
from webhook.credentials.pattern import parse_pattern

API_VERSIONS: Final = tuple(f"credentialprovider.kubelet.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))
_CONFIG_VERSIONS: Final = tuple(f"kubelet.config.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))
_LARGEST_CONFIG: Final = 1 << 20
_DEEPEST = 50


class InvalidProviderConfig(ValueError):
    """The configuration is none that a kubelet would start with; the text says where and what to do."""


class TokenCacheType(StrEnum):
    """What an answer got with a ServiceAccount's token holds for, beside."""

    SERVICE_ACCOUNT = "ServiceAccount"
    TOKEN = "Token"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAttributes:
    """The ServiceAccount token that a provider wants."""

    audience: str
    cache_type: TokenCacheType
    required: bool
    required_annotations: tuple[str, ...] = ()
    optional_annotations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One program, the images it is asked for, and for how long (seconds) an answer holds that does not say it."""

    name: str
    match_images: tuple[str, ...]
    default_cache_duration: float
    api_version: str
    args: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    token: TokenAttributes | None = None


def decode_providers(body: bytes) -> tuple[Provider, ...]:
    """Decode one configuration file; raise `InvalidProviderConfig`."""
    if len(body) > _LARGEST_CONFIG:
        raise InvalidProviderConfig(f"larger than {_LARGEST_CONFIG} bytes")
    try:
        _refuse_depth(body)
        wire = msgspec.convert(yaml.load(body, Loader=yaml.CSafeLoader), _WireConfig)
    except yaml.YAMLError as error:
        raise InvalidProviderConfig(f"not YAML: {' '.join(str(error).split())}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidProviderConfig(str(error)) from error
    if wire.kind != "CredentialProviderConfig" or wire.apiVersion not in _CONFIG_VERSIONS:
        raise InvalidProviderConfig(
            f"it is {wire.apiVersion!r} {wire.kind!r}; write apiVersion: {_CONFIG_VERSIONS[0]}"
            " and kind: CredentialProviderConfig"
        )
    return tuple(_provider(given, f"providers[{place}]") for place, given in enumerate(wire.providers))


def _refuse_depth(body: bytes) -> None:
    """Raise where collections are nested deeper than any configuration: libyaml's composer ends the process there."""
    depth = 0
    for event in yaml.parse(body, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise InvalidProviderConfig(f"nested more than {_DEEPEST} levels deep")


def check_providers(providers: tuple[Provider, ...]) -> None:
    """Raise `InvalidProviderConfig` unless there is a provider, and none twice."""
    if not providers:
        raise InvalidProviderConfig("providers: at least one is needed")
    names = [provider.name for provider in providers]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidProviderConfig(f"providers: {twice!r} is there twice; a name stands for one program")


class _WireEnv(msgspec.Struct, forbid_unknown_fields=True):
    name: str = ""
    value: str = ""


class _WireToken(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    service_account_token_audience: str = ""
    cache_type: TokenCacheType | None = None
    require_service_account: bool | None = None
    required_service_account_annotation_keys: tuple[str, ...] = ()
    optional_service_account_annotation_keys: tuple[str, ...] = ()


class _WireProvider(msgspec.Struct, forbid_unknown_fields=True):
    name: str = ""
    matchImages: tuple[str, ...] | None = None  # noqa: N815 the wire's names
    defaultCacheDuration: str | None = None  # noqa: N815
    apiVersion: str = ""  # noqa: N815
    args: tuple[str, ...] | None = None
    env: tuple[_WireEnv, ...] | None = None
    tokenAttributes: _WireToken | None = None  # noqa: N815


class _WireConfig(msgspec.Struct, forbid_unknown_fields=True):
    apiVersion: str = ""  # noqa: N815
    kind: str = ""
    providers: tuple[_WireProvider, ...] = ()


def _provider(wire: _WireProvider, path: str) -> Provider:
    _refuse_unless(
        wire.name not in ("", ".", "..") and not {"/", " "} & set(wire.name),
        f"{path}.name: {wire.name!r} is no file name of a program",
    )
    _refuse_unless(
        wire.apiVersion in API_VERSIONS,
        f"{path}.apiVersion: {wire.apiVersion!r} is not one of {', '.join(API_VERSIONS)}",
    )
    _refuse_unless(bool(wire.matchImages), f"{path}.matchImages: at least one is needed")
    for pattern in wire.matchImages or ():
        _refuse_unless(parse_pattern(pattern) is not None, f"{path}.matchImages: {pattern!r} is no pattern")
    if wire.defaultCacheDuration is None:
        raise InvalidProviderConfig(f"{path}.defaultCacheDuration is needed")
    try:
        duration = parse_duration(wire.defaultCacheDuration)
    except ValueError as error:
        raise InvalidProviderConfig(f"{path}.defaultCacheDuration: {error}") from error
    _refuse_unless(duration >= 0, f"{path}.defaultCacheDuration: it must not be negative")
    token = wire.tokenAttributes
    _refuse_unless(
        token is None or wire.apiVersion == API_VERSIONS[0],
        f"{path}.tokenAttributes needs apiVersion {API_VERSIONS[0]}",
    )
    return Provider(
        name=wire.name,
        match_images=wire.matchImages or (),
        default_cache_duration=duration,
        api_version=wire.apiVersion,
        args=wire.args or (),
        environment=tuple((given.name, given.value) for given in wire.env or ()),
        token=None if token is None else _token(token, f"{path}.tokenAttributes"),
    )


def _token(wire: _WireToken, path: str) -> TokenAttributes:
    required, optional = wire.required_service_account_annotation_keys, wire.optional_service_account_annotation_keys
    _refuse_unless(bool(wire.service_account_token_audience), f"{path}.serviceAccountTokenAudience is needed")
    if wire.cache_type is None:
        raise InvalidProviderConfig(f"{path}.cacheType is needed: {' or '.join(TokenCacheType)}")
    if wire.require_service_account is None:
        raise InvalidProviderConfig(f"{path}.requireServiceAccount is needed: true or false")
    _refuse_unless(
        wire.require_service_account or not required,
        f"{path}.requiredServiceAccountAnnotationKeys needs requireServiceAccount: true",
    )
    keys = (*required, *optional)
    _refuse_unless(len(set(keys)) == len(keys), f"{path}: an annotation key is there twice")
    return TokenAttributes(
        audience=wire.service_account_token_audience,
        cache_type=wire.cache_type,
        required=wire.require_service_account,
        required_annotations=required,
        optional_annotations=optional,
    )


def _refuse_unless(condition: bool, why: str) -> None:
    if not condition:
        raise InvalidProviderConfig(why)
