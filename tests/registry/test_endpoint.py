"""Where a node asks for a registry."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.registry.endpoint import (
    ALL,
    Capability,
    Endpoint,
    Endpoints,
    InvalidRegistryOptions,
    RegistryOptions,
    Trust,
    default_endpoint,
)
from webhook.registry.url import InvalidUrl


@pytest.mark.vectors("references", "registry_scheme", "cases")
def test_scheme_as_containerd_chooses_it(case: dict[str, Any]) -> None:
    endpoint = default_endpoint(case["registry"])
    assert {
        "host": endpoint.host,
        "first": endpoint.scheme,
        "fallback": "http" if endpoint.fall_back else None,
        "verify_tls": None if endpoint.scheme == "http" else not endpoint.trust.skip_verify,
    } == case["containerd"]


def test_docker_hub_answers_elsewhere() -> None:
    endpoint = default_endpoint("docker.io")
    assert (
        str(endpoint.url("library/nginx", "manifests", "1"))
        == "https://registry-1.docker.io/v2/library/nginx/manifests/1"
    )
    assert not endpoint.mirrored


def test_a_mirror_is_told_whom_it_stands_in_for() -> None:
    mirror = Endpoint(namespace="reg.example:5000", scheme="https", host="mirror.example", path="/proxy/v2/")
    assert mirror.mirrored
    assert str(mirror.url("a/b", "tags", "list", query=(("n", "5"),))) == (
        "https://mirror.example/proxy/v2/a/b/tags/list?n=5&ns=reg.example%3A5000"
    )


def test_a_port_that_is_none_cannot_be_asked() -> None:
    with pytest.raises(InvalidUrl, match="invalid port"):
        default_endpoint("reg.example:99999").url("app", "manifests", "1")


@pytest.mark.parametrize(
    ("mirror", "base", "path"),
    [
        ("https://mirror.example/v2/docker.io", "https://mirror.example", "/v2/docker.io"),
        ("https://mirror.example", "https://mirror.example", "/v2"),
        ("https://mirror.example/", "https://mirror.example", "/v2"),
        ("mirror.example:5000", "https://mirror.example:5000", "/v2"),
        ("http://mirror.example:5000", "http://mirror.example:5000", "/v2"),
        ("https://[::1]:5000/x/", "https://[::1]:5000", "/x"),
    ],
)
def test_mirrors_of_the_settings(mirror: str, base: str, path: str) -> None:
    first, own = RegistryOptions(match="docker.io", mirrors=(mirror,)).endpoints("docker.io")
    assert (first.base, first.path, first.mirrored) == (base, path, True)
    assert own.base == "https://registry-1.docker.io"


def test_trust_holds_for_mirrors_too() -> None:
    options = RegistryOptions(match="r.example", mirrors=("m.example",), ca_file="/ca.crt", insecure_skip_verify=True)
    trusts = {endpoint.trust for endpoint in options.endpoints("r.example")}
    assert trusts == {Trust(ca_files=("/ca.crt",), skip_verify=True)}


@pytest.mark.parametrize(
    ("registry", "options", "scheme", "fall_back"),
    [
        ("reg.example:5000", {"plain_http": True}, "http", False),
        ("reg.example:5000", {"plain_http": True, "insecure_skip_verify": True}, "https", True),
        ("reg.example:80", {"plain_http": True, "insecure_skip_verify": True}, "http", False),
        ("localhost:5000", {"plain_http": True}, "http", False),
        ("localhost:5000", {"ca_file": "/ca.crt"}, "https", True),
    ],
)
def test_plain_http(registry: str, options: dict[str, Any], scheme: str, fall_back: bool) -> None:
    (endpoint,) = RegistryOptions(match=registry, **options).endpoints(registry)
    assert (endpoint.scheme, endpoint.fall_back) == (scheme, fall_back)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"match": ""}, "empty"),
        ({"match": "a.example", "max_concurrency": -1}, "negative"),
        ({"match": "a.example", "client_key_file": "/k"}, "without a certificate"),
        ({"match": "a.example", "mirrors": ("ftp://m.example",)}, "not a URL"),
        ({"match": "a.example", "mirrors": ("https://u:p@m.example",)}, "not a URL"),
        ({"match": "a.example", "mirrors": ("https://m.example/?a=b",)}, "query"),
    ],
)
def test_settings_that_cannot_be_meant(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRegistryOptions, match=words):
        RegistryOptions(**options)


@pytest.mark.parametrize(
    ("match", "registry", "fits"),
    [
        ("docker.io", "docker.io", True),
        ("Docker.io", "docker.IO", True),
        ("*.corp.example", "a.corp.example", True),
        ("*.corp.example", "a.b.corp.example", False),
        ("*.corp.example", "corp.example", False),
        ("*.corp.example", "a.corp.example:5000", False),
        ("*.corp.example:*", "a.corp.example:5000", True),
        ("*", "localhost", True),
        ("*", "a.example", False),
        ("[::1]:5000", "[::1]:5000", True),
    ],
)
def test_matching(match: str, registry: str, fits: bool) -> None:
    assert RegistryOptions(match=match).fits(registry) is fits


def test_exact_before_pattern_and_settings_before_the_tree() -> None:
    tree = (Endpoint(namespace="x", scheme="https", host="tree.example"),)
    endpoints = Endpoints(
        options=(
            RegistryOptions(match="*.example", plain_http=True),
            RegistryOptions(match="b.example", max_concurrency=2),
            RegistryOptions(match="c.example", mirrors=("m.example",)),
        ),
        tree=lambda registry: None if registry == "d.other" else tree,
    )
    assert [each.base for each in endpoints.of("a.example")] == ["http://a.example"]
    assert [each.base for each in endpoints.of("b.example")] == ["https://tree.example"]
    assert [each.base for each in endpoints.of("c.example")] == ["https://m.example", "https://c.example"]
    assert [each.base for each in endpoints.of("d.other")] == ["https://d.other"]


def test_without_anything_configured() -> None:
    (endpoint,) = Endpoints().of("reg.example")
    assert endpoint.capabilities is ALL
    assert Capability.RESOLVE in endpoint.capabilities


def test_headers_are_in_no_text() -> None:
    endpoint = Endpoint(namespace="a", scheme="https", host="a", headers=(("authorization", "s3cret"),))
    assert "s3cret" not in repr(endpoint)


@given(st.text())
def test_any_registry_has_an_endpoint(registry: str) -> None:
    endpoint = default_endpoint(registry)
    assert endpoint.scheme in ("http", "https")
    try:
        endpoint.url("app", "manifests", "latest")
    except InvalidUrl:
        return
