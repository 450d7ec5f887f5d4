"""The schema that editors read agrees with what the decoder takes."""

from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from webhook.policy.finding import Code
from webhook.settings.decoding import InvalidSettings, decode
from webhook.settings.publishing import schema, show, values
from webhook.settings.schema import Settings

SCHEMA = schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

CONFIGS = [
    "",
    "enforce: 'off'",
    "onUnknown: deny\nenforceOn: [ownedPods]",
    "checks: {latest-tag: {level: 'off', tags: [a]}, platform-mismatch: {platforms: [linux/arm64]}}",
    "exemptions: [{reason: r, namespaces: [a], checks: [forbidden], expires: '2027-01-31'}]",
    "registries: [{match: docker.io, mirrors: [mirror.example], plainHTTP: true, maxConcurrency: 2}]",
    "nodes: {logins: {registries: ['*.corp.example']}, podMutators: none, runtime: containerd}",
    "credentials: {providers: {configFile: /a, binDir: /b}, order: [anonymous]}",
    "network: {timeout: 2s, connectTimeout: 250ms, deny: [10.0.0.0/8]}",
    "cache: {tags: 5m, shared: {enabled: true, url: 'redis://cache:6379/0', timeout: 50ms}}",
    "breakGlass: {users: [jane]}\nignoreAnnotations: {enforce: true}\nscan: {enabled: true, interval: 2h}",
]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", CONFIGS)
def test_what_is_decoded_fits_the_schema(text: str) -> None:
    VALIDATOR.validate(yaml.safe_load(text) or {})
    VALIDATOR.validate(values(decode(text)))


@pytest.mark.parametrize("text", CONFIGS)
def test_what_is_shown_decodes_to_the_same(text: str) -> None:
    settings = decode(text)
    assert decode(show(settings)) == settings
    assert hash(decode(show(settings))) == hash(settings)


@pytest.mark.parametrize(
    "text",
    [
        "nope: 1",
        "checks: {nope: {}}",
        "checks: {forbidden: {tags: []}}",
        "defaults: {enforce: high}",
        "registries: [{}]",
        "network: {timeout: '4'}",
        "checks: {docker-hub-quota-low: {percent: 0}}",
        "server: {port: 0}",
    ],
)
def test_what_is_refused_does_not_fit_the_schema(text: str) -> None:
    with pytest.raises(InvalidSettings):
        decode(text)
    assert not VALIDATOR.is_valid(yaml.safe_load(text))


def test_every_check_is_in_the_schema() -> None:
    section: Any = SCHEMA["$defs"]
    assert list(section["Checks"]["properties"]) == [code.value for code in Code]


def properties() -> list[tuple[str, Any]]:
    section: Any = SCHEMA["$defs"]
    return [(f"{name}.{key}", each) for name in section for key, each in section[name].get("properties", {}).items()]


def test_every_key_says_its_default() -> None:
    """Keys without one have to be given, or are better left out than stated."""
    silent = {name for name, each in properties() if "default" not in each}
    assert silent == {"Exemption.reason", "Registry.match", "Providers.configFile", "Providers.binDir"} | {
        "LoginRegistries.registries"
    }


@given(st.sampled_from(CONFIGS), st.sampled_from(CONFIGS))
def test_round_trip_of_joined_configurations(first: str, second: str) -> None:
    joined = {**(yaml.safe_load(first) or {}), **(yaml.safe_load(second) or {})}
    settings = decode(yaml.safe_dump(joined))
    assert decode(show(settings)) == settings


def test_the_default_is_shown_whole() -> None:
    shown = yaml.safe_load(show(Settings()))
    assert shown["server"]["port"] == 10250
    assert shown["cache"]["tags"] == "1m"
    assert shown["checks"]["latest-tag"] == {"tags": ["latest"]}
