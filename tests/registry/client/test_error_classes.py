"""Every scripted registry of the vectors, asked: the requests, the class, the text, against containerd's own.

The checker must not do all that a node does. Where it differs is written here, with the reason; everything else is the
same to the letter.
"""

import socket
import ssl
from typing import Any

import httpx
import pytest

from webhook.credentials.credential import ANONYMOUS, Credential
from webhook.registry.resolution import Failure

CLASSES = {
    "not_found": {Failure.NOT_FOUND},
    "denied_or_missing": {Failure.HIDDEN},
    "unauthorized": {Failure.LOGIN_WANTED, Failure.LOGIN_REFUSED},
    "forbidden": {Failure.FORBIDDEN},
    "rate_limited": {Failure.RATE_LIMITED},
    "server_error": {Failure.SERVER_ERROR},
    "bad_request": {Failure.SERVER_ERROR},
    "bad_response": {Failure.SERVER_ERROR},
    "policy_blocked": {Failure.SERVER_ERROR},
    "dns": {Failure.DNS},
    "connection_refused": {Failure.CONNECT},
    "connection_reset": {Failure.CONNECT},
    "unreachable": {Failure.CONNECT},
    "timeout": {Failure.TIMEOUT},
    "tls_untrusted": {Failure.TLS},
    "tls_hostname": {Failure.TLS},
    "tls_expired": {Failure.TLS},
    "http_server_to_https_client": {Failure.NOT_A_REGISTRY},
    "unsupported_schema1": {Failure.NOT_AN_IMAGE},
    "too_large": {Failure.NOT_AN_IMAGE},
}

OTHER_CLASS = {
    # the text says it: "(or it may not exist)"
    "gar-head-403": Failure.HIDDEN,
    # a web page is nobody's word on an image
    "gen-404-html": Failure.NOT_A_REGISTRY,
    # a token service that answers with a page is a portal, or none
    "gen-token-notjson": Failure.NOT_A_REGISTRY,
}

CONFIRM = "a 404 is only believed in a registry's own words: one GET more"
EXPLAIN = "the reason decides what it means: one GET more"
ONCE = "a refused login or token is not offered again"
OTHER_REQUESTS = {
    "hub-missing-tag": CONFIRM,
    "ghcr-missing-tag": CONFIRM,
    "ecr-missing-tag": CONFIRM,
    "gar-missing-tag": CONFIRM,
    "acr-missing-tag": CONFIRM,
    "quay-missing-tag": CONFIRM,
    "harbor-missing": CONFIRM,
    "gen-404-noauth": CONFIRM,
    "gen-405-get-404": CONFIRM,
    "mir-404-up-401": CONFIRM,
    "harbor-412": EXPLAIN,
    "ecr-public-expired": EXPLAIN,
    "harbor-private-anon": ONCE,
    "gen-basic-bad-401": ONCE,
    "mir-403-up-404": "a mirror's 403 is shown, nothing is left to confirm",
}

OTHER_TEXT = {
    "net-dns": "the name server's address is not known here",
    "net-dnstemp": "the name server's address is not known here",
    "net-dnstimeout": "the name server's address is not known here",
    "net-refused": "the address is added by the guarded transport",
    "net-noroute": "the address is added by the guarded transport",
    "net-dialtimeout": "the address is added by the guarded transport",
    "net-reset": "the addresses are not known here",
    "net-expired": "OpenSSL does not tell the certificate's dates",
}


def _caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


def _expired() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = 10
    return error


NETWORK = {
    "dns": lambda: _caused(httpx.ConnectError("x"), socket.gaierror(socket.EAI_NONAME, "x")),
    "dnstemp": lambda: _caused(httpx.ConnectError("x"), socket.gaierror(socket.EAI_AGAIN, "x")),
    "dnstimeout": lambda: _caused(httpx.ConnectError("x"), socket.gaierror(socket.EAI_AGAIN, "x")),
    "refused": lambda: _caused(httpx.ConnectError("x"), ConnectionRefusedError(111, "x")),
    "noroute": lambda: _caused(httpx.ConnectError("x"), OSError(113, "x")),
    "dialtimeout": lambda: httpx.ConnectTimeout("dial tcp 192.0.2.10:443: i/o timeout"),
    "reset": lambda: _caused(httpx.ReadError("x"), ConnectionResetError(104, "x")),
    "expired": lambda: _caused(httpx.ConnectError("x"), _expired()),
}


def _login(case: dict[str, Any]) -> Credential:
    described = case["credentials"]
    if described["kind"] == "none":
        return ANONYMOUS
    return Credential(username=described["username"], secret=described["secret"], source="vector")


def _options(case: dict[str, Any], hosts: Any) -> dict[str, Any]:
    return {"of": hosts(case["hosts"])} if "hosts" in case else {}


def _error(case: dict[str, Any]) -> Exception | None:
    return NETWORK[case["network"]]() if "network" in case else None


def _expected(case: dict[str, Any]) -> list[str]:
    """containerd's requests while resolving; what it fetches afterwards is not part of a look."""
    requests = case["containerd"].get("requests") or []
    kept = [each for each in requests if "then_fetch" not in case or "/blobs/" not in each["url"]]
    kept = [each for each in kept if "then_fetch" not in case or "cdn.example.com" not in each["url"]]
    # the library leaves the default port out of a URL, which is the same request
    urls = [
        each["url"].replace("https://artifactory.example.com:443/", "https://artifactory.example.com/") for each in kept
    ]
    return [f"{each['method']} {url} {each['auth']} {each['status']}" for each, url in zip(kept, urls, strict=True)]


@pytest.mark.vectors("error_classes", "cases")
async def test_class(case: dict[str, Any], network: Any, ask: Any, hosts: Any) -> None:
    asked = await ask(network(*case["server"], error=_error(case)), case["ref"], _login(case), **_options(case, hosts))
    if case["containerd"]["resolves"]:
        assert asked.found.digest == case["containerd"]["resolved"]["digest"]
        assert asked.found.media_type == case["containerd"]["resolved"]["mediaType"]
    elif case["id"] in OTHER_CLASS:
        assert asked.refusal.failure is OTHER_CLASS[case["id"]]
    else:
        assert asked.refusal.failure in CLASSES[case["class"]]


@pytest.mark.vectors("error_classes", "cases")
async def test_requests(case: dict[str, Any], network: Any, ask: Any, hosts: Any) -> None:
    scripted = network(*case["server"], error=_error(case))
    await ask(scripted, case["ref"], _login(case), **_options(case, hosts))
    if "network" in case:  # containerd makes up to five requests where a connection breaks or times out
        assert 1 <= len(scripted.sent) <= 2
        return
    expected = _expected(case)
    match OTHER_REQUESTS.get(case["id"]):
        case reason if reason == ONCE:
            assert scripted.shorts == expected[: len(scripted.shorts)]
            assert len(scripted.shorts) == len(dict.fromkeys(scripted.shorts))
        case str():
            assert scripted.shorts[: len(expected)] == expected
            assert [each.method for each in scripted.sent[len(expected) :]] in (["GET"], [])
        case _:
            assert scripted.shorts == expected


@pytest.mark.vectors("error_classes", "cases")
async def test_forms(case: dict[str, Any], network: Any, ask: Any, hosts: Any) -> None:
    scripted = network(*case["server"], error=_error(case))
    await ask(scripted, case["ref"], _login(case), **_options(case, hosts))
    expected = [each["form"] for each in case["containerd"].get("requests") or [] if "form" in each]
    assert [each.form for each in scripted.sent if each.form] == expected


@pytest.mark.vectors("error_classes", "cases")
async def test_node_error(case: dict[str, Any], network: Any, ask: Any, hosts: Any) -> None:
    asked = await ask(network(*case["server"], error=_error(case)), case["ref"], _login(case), **_options(case, hosts))
    if case["containerd"]["resolves"]:
        assert asked.error is None
    elif case["id"] in OTHER_TEXT:
        expected = case["containerd"]["error"]
        head = expected[: expected.index('": ') + 3]
        assert asked.refusal.node_error.startswith(head)
    else:
        assert asked.refusal.node_error == case["containerd"]["error"]


@pytest.mark.vectors("error_classes", "cases")
async def test_every_request_is_an_attempt(case: dict[str, Any], network: Any, ask: Any, hosts: Any) -> None:
    scripted = network(*case["server"], error=_error(case))
    asked = await ask(scripted, case["ref"], _login(case), **_options(case, hosts))
    attempts = (asked.resolved or asked.refusal).attempts
    told = [(each.method, each.status if each.status is not None else "none") for each in attempts]
    sent = [
        (each.method, each.status if isinstance(each.status, int) and not scripted.error else "none")
        for each in scripted.sent
    ]
    assert told == sent
    assert {each.credential for each in attempts} <= {_login(case).source}


def test_a_class_for_every_case(vectors: Any) -> None:
    cases = vectors("error_classes")["cases"]
    assert len(cases) == 59
    assert {each["class"] for each in cases if not each["containerd"]["resolves"]} <= CLASSES.keys()
