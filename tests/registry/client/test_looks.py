"""Looks over one endpoint and several: what is asked, and what is made of it."""

from typing import Any

import pytest

from webhook.registry.endpoint import Endpoints, RegistryOptions
from webhook.registry.resolution import Absent, Failure, Quota, Step

DIGEST = "sha256:" + "a" * 64
TYPE = "application/vnd.oci.image.index.v1+json"
THERE = {
    "path": "manifests",
    "status": 200,
    "headers": {"Content-Type": TYPE, "Docker-Content-Digest": DIGEST},
    "body": "{}",
}
OCI = {"Content-Type": "application/json"}
GONE = {"path": "manifests", "status": 404, "headers": OCI, "body": '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'}
BARE = {"path": "", "status": 404}


def _mirrored(*mirrors: str) -> Endpoints:
    return Endpoints(options=(RegistryOptions(match="reg.example", mirrors=mirrors),))


async def test_one_head_is_all_it_takes(network: Any, ask: Any) -> None:
    scripted = network(THERE)
    found = (await ask(scripted, "reg.example/app:1")).found
    assert scripted.shorts == ["HEAD https://reg.example/v2/app/manifests/1 none 200"]
    assert (found.digest, found.media_type, found.endpoint, found.mirrored) == (
        DIGEST,
        TYPE,
        "https://reg.example",
        False,
    )
    assert found.content is None


async def test_what_every_request_carries(network: Any, ask: Any) -> None:
    scripted = network(THERE)
    await ask(scripted, "reg.example/app:1")
    headers = scripted.sent[0].headers
    assert headers["accept"] == (
        "application/vnd.docker.distribution.manifest.v2+json, "
        "application/vnd.docker.distribution.manifest.list.v2+json, "
        "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*"
    )
    assert headers["user-agent"].startswith("pullproof/")
    assert headers["accept-encoding"] == "identity"
    assert headers["host"] == "reg.example"
    assert "cookie" not in headers


@pytest.mark.parametrize(
    "host", ["xn--7o8h.com", "xn--n3h.com", "xn--a.com:5000", "a--b.example", "XN--7O8H.com", "[::1]:5000"]
)
async def test_every_name_of_a_registry_can_be_asked(network: Any, ask: Any, host: str) -> None:
    scripted = network(THERE)
    await ask(scripted, f"{host}/app:1")
    assert scripted.sent[0].headers["host"] == host.lower()


async def test_cookies_are_not_kept(network: Any, ask: Any, client: Any) -> None:
    scripted = network(THERE | {"headers": THERE["headers"] | {"Set-Cookie": "AWSELB=x; Path=/"}})  # type: ignore[operator]
    using = client(scripted)
    await ask(scripted, "reg.example/app:1", using=using)
    await ask(scripted, "reg.example/app:1", using=using)
    assert "cookie" not in scripted.sent[1].headers


@pytest.mark.parametrize(
    ("text", "code", "absent"),
    [
        ("reg.example/app:1", "MANIFEST_UNKNOWN", Absent.TAG),
        (f"reg.example/app@{DIGEST}", "MANIFEST_UNKNOWN", Absent.DIGEST),
        ("reg.example/app:1", "NAME_UNKNOWN", Absent.REPOSITORY),
    ],
)
async def test_a_404_is_confirmed_by_get(network: Any, ask: Any, text: str, code: str, absent: Absent) -> None:
    scripted = network({"path": "", "status": 404, "headers": OCI, "body": f'{{"errors":[{{"code":"{code}"}}]}}'})
    refusal = (await ask(scripted, text)).refusal
    assert (refusal.failure, refusal.confirmed, refusal.absent) == (Failure.NOT_FOUND, True, absent)
    assert [each.method for each in scripted.sent].count("GET") == 1
    assert refusal.attempts[-1].detail == code
    assert refusal.attempts[-1].failure is Failure.NOT_FOUND


@pytest.mark.parametrize(
    ("by_get", "failure"),
    [
        ({"status": 404}, Failure.NOT_FOUND),
        ({"status": 404, "headers": {"Content-Type": "text/plain"}, "body": "404 page not found"}, Failure.NOT_FOUND),
        ({"status": 200, "headers": {"Content-Type": TYPE}, "body": "{}"}, Failure.NOT_FOUND),
        ({"status": 429}, Failure.NOT_FOUND),
        ({"status": 500}, Failure.NOT_FOUND),
        ({"drop": True}, Failure.NOT_FOUND),
        ({"status": 404, "headers": {"Content-Type": "text/html"}, "body": "<html>"}, Failure.NOT_A_REGISTRY),
        ({"status": 404, "headers": {"X-JFrog-Version": "7"}}, Failure.HIDDEN),
        ({"status": 404, "headers": OCI, "body": '{"errors":[{"code":"DENIED"}]}'}, Failure.HIDDEN),
    ],
    ids=["empty", "text", "there after all", "limited", "broken", "dropped", "page", "artifactory", "denied"],
)
async def test_a_404_that_nobody_confirms(network: Any, ask: Any, by_get: dict[str, Any], failure: Failure) -> None:
    scripted = network({"path": "", "method": "HEAD", "status": 404}, {"path": "", "method": "GET"} | by_get)
    refusal = (await ask(scripted, "reg.example/app:1")).refusal
    assert refusal.failure is failure
    assert refusal.confirmed is (by_get.get("body", "").startswith('{"errors"'))
    assert refusal.node_error == "reg.example/app:1: not found"


async def test_a_mirror_that_has_it_makes_it_pass(network: Any, ask: Any) -> None:
    scripted = network({"host": "m.example"} | THERE, GONE)
    found = (await ask(scripted, "reg.example/app:1", endpoints=_mirrored("m.example"))).found
    assert (found.endpoint, found.mirrored) == ("https://m.example", True)
    assert not scripted.to("reg.example")


async def test_not_found_everywhere_is_confirmed_at_the_registry_itself(network: Any, ask: Any) -> None:
    scripted = network({"host": "m.example"} | BARE, GONE)
    refusal = (await ask(scripted, "reg.example/app:1", endpoints=_mirrored("m.example"))).refusal
    assert (refusal.failure, refusal.confirmed) == (Failure.NOT_FOUND, True)
    assert scripted.sent[-1].short == "GET https://reg.example/v2/app/manifests/1 none 404"


@pytest.mark.parametrize(
    ("mirror", "failure"),
    [
        ({"drop": True}, Failure.CONNECT),
        ({"status": 503}, Failure.SERVER_ERROR),
        ({"status": 429}, Failure.RATE_LIMITED),
        ({"status": 404, "headers": {"Content-Type": "text/html"}}, Failure.NOT_A_REGISTRY),
    ],
)
async def test_where_a_mirror_could_not_be_asked_nothing_was_found_out(
    network: Any, ask: Any, mirror: dict[str, Any], failure: Failure
) -> None:
    scripted = network({"host": "m.example", "path": ""} | mirror, GONE)
    refusal = (await ask(scripted, "reg.example/app:1", endpoints=_mirrored("m.example"))).refusal
    assert (refusal.failure, refusal.confirmed) == (failure, False)


@pytest.mark.parametrize(("mirror", "shown"), [(401, Failure.NOT_FOUND), (403, Failure.FORBIDDEN)])
async def test_not_found_beside_a_refusal_is_not_confirmed(network: Any, ask: Any, mirror: int, shown: Failure) -> None:
    asks = {"WWW-Authenticate": "Basic realm=x"}
    scripted = network({"host": "m.example", "path": "", "status": mirror, "headers": asks}, GONE)
    refusal = (await ask(scripted, "reg.example/app:1", endpoints=_mirrored("m.example"))).refusal
    assert refusal.failure is shown
    assert not (refusal.failure is Failure.NOT_FOUND and refusal.confirmed)


@pytest.mark.parametrize("status", [400, 403, 412, 451])
async def test_the_reason_is_read_by_get(network: Any, ask: Any, status: int) -> None:
    body = '{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate"}]}'
    scripted = network({"path": "", "status": status, "headers": OCI, "body": body})
    refusal = (await ask(scripted, "reg.example/app:1")).refusal
    assert [each.method for each in scripted.sent] == ["HEAD", "GET"]
    assert "has expired" in refusal.attempts[-1].detail


async def test_an_expired_ecr_login_is_a_refused_login(network: Any, ask: Any, login: Any) -> None:
    body = (
        '{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate and try again."}]}'
    )
    scripted = network(
        {"path": "", "auth": "none", "status": 401, "headers": {"WWW-Authenticate": 'Basic realm="x"'}},
        {"path": "", "auth": "basic", "status": 403, "headers": OCI, "body": body},
    )
    refusal = (await ask(scripted, "1.dkr.ecr.eu-west-1.amazonaws.com/app:1", login("AWS"))).refusal
    assert refusal.failure is Failure.LOGIN_REFUSED
    assert refusal.node_error.endswith(
        "403 Forbidden\ndenied: Your authorization token has expired. Reauthenticate and try again."
    )


@pytest.mark.parametrize("status", [408, 500, 503, 504])
async def test_once_more_at_the_last_endpoint(network: Any, ask: Any, status: int) -> None:
    scripted = network({"path": "", "status": status, "times": 1}, THERE)
    assert (await ask(scripted, "reg.example/app:1")).found.digest == DIGEST
    scripted = network({"path": "", "status": status})
    await ask(scripted, "reg.example/app:1")
    assert len(scripted.sent) == 2


@pytest.mark.parametrize("status", [404, 418, 429, 502])
async def test_never_again(network: Any, ask: Any, status: int) -> None:
    scripted = network({"path": "", "status": status, "method": "HEAD"}, BARE)
    await ask(scripted, "reg.example/app:1")
    assert [each.method for each in scripted.sent].count("HEAD") == 1


async def test_a_mirror_in_trouble_is_asked_once(network: Any, ask: Any) -> None:
    scripted = network({"host": "m.example", "path": "", "status": 503}, THERE)
    await ask(scripted, "reg.example/app:1", endpoints=_mirrored("m.example"))
    assert len(scripted.to("m.example")) == 1


async def test_a_status_that_is_neither_ends_the_look(network: Any, ask: Any) -> None:
    scripted = network({"host": "m.example", "path": "", "status": 304}, THERE)
    refusal = (await ask(scripted, "reg.example/app:1", endpoints=_mirrored("m.example"))).refusal
    assert refusal.failure is Failure.SERVER_ERROR
    assert not scripted.to("reg.example")


async def test_by_digest_a_blob_will_do(network: Any, ask: Any) -> None:
    blob = {"path": "/blobs/", "status": 200, "headers": {"Content-Type": "application/octet-stream"}, "body": "x"}
    scripted = network(BARE | {"path": "manifests"}, blob)
    found = (await ask(scripted, f"reg.example/app@{DIGEST}")).found
    assert found.media_type == "application/octet-stream"
    assert [attempt.step for attempt in found.attempts] == [Step.MANIFEST, Step.BLOB]


async def test_a_tag_beside_a_digest_is_not_asked_for(network: Any, ask: Any) -> None:
    scripted = network(THERE)
    await ask(scripted, f"reg.example/app:9@{DIGEST}")
    assert scripted.shorts == [f"HEAD https://reg.example/v2/app/manifests/{DIGEST} none 200"]


async def test_without_a_digest_header_the_body_is_hashed(network: Any, ask: Any) -> None:
    scripted = network({"path": "manifests", "status": 200, "headers": {"Content-Type": TYPE}, "body": "{}"})
    found = (await ask(scripted, "reg.example/app:1")).found
    assert found.digest == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert [each.method for each in scripted.sent] == ["HEAD", "GET"]


@pytest.mark.parametrize("body", ["", '{"schemaVersion": 2, "conf', "[" * 10_000, "maintenance"])
async def test_half_a_document_says_nothing_of_the_image(network: Any, ask: Any, body: str) -> None:
    scripted = network({"path": "manifests", "status": 200, "headers": {"Content-Type": TYPE}, "body": body})
    refusal = (await ask(scripted, "reg.example/app:1")).refusal
    assert refusal.failure is Failure.SERVER_ERROR
    assert refusal.message == "https://reg.example answers 200 with no whole manifest"


async def test_after_405_the_body_need_not_be_fetched_twice(network: Any, ask: Any) -> None:
    scripted = network(
        {"path": "", "method": "HEAD", "status": 405},
        {"path": "", "method": "GET", "status": 200, "headers": {"Content-Type": TYPE}, "body": "{}"},
    )
    assert (await ask(scripted, "reg.example/app:1")).found.digest.startswith("sha256:44136fa3")
    assert [each.method for each in scripted.sent] == ["HEAD", "GET"]


@pytest.mark.parametrize("where", ["header", "body"])
async def test_too_large_a_manifest(network: Any, ask: Any, where: str) -> None:
    size = 4 * 1048 * 1048 + 1
    headers = {"Content-Type": TYPE} | (
        {"Docker-Content-Digest": DIGEST, "Content-Length": str(size)} if where == "header" else {}
    )
    scripted = network(
        {"path": "", "status": 200, "headers": headers, "body": b"" if where == "header" else b" " * size}
    )
    refusal = (await ask(scripted, "reg.example/app:1")).refusal
    assert refusal.failure is Failure.NOT_AN_IMAGE
    assert refusal.node_error == f"rejecting {size} byte manifest for reg.example/app:1: not found"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_a_portal_that_says_200(network: Any, ask: Any, method: str) -> None:
    page = {"path": "", "status": 200, "headers": {"Content-Type": "text/html"}, "body": "<html>log in</html>"}
    scripted = network(page | {"method": method}, {"path": "", "status": 200, "headers": {"Content-Type": TYPE}})
    assert (await ask(scripted, "reg.example/app:1")).refusal.failure is Failure.NOT_A_REGISTRY


async def test_the_quota_is_kept(network: Any, ask: Any) -> None:
    limits = {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "7;w=21600"}
    scripted = network(THERE | {"headers": THERE["headers"] | limits})  # type: ignore[operator]
    assert (await ask(scripted, "nginx")).found.quota == Quota(limit=100, remaining=7, window=21600)


async def test_a_port_that_cannot_be(network: Any, ask: Any) -> None:
    refusal = (await ask(network(), "reg.example:99999/app:1")).refusal
    assert refusal.failure is Failure.CONNECT
    assert "invalid port" in refusal.message


async def test_loopback_falls_back_to_plain_http(network: Any, ask: Any) -> None:
    import ssl

    import httpx

    plain = httpx.ConnectError("wrong version number")
    plain.__cause__ = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    plain.__cause__.reason = "WRONG_VERSION_NUMBER"
    scripted = network({"path": "", "raises": plain, "times": 1, "status": 0}, THERE)
    found = (await ask(scripted, "localhost:5000/app:1")).found
    assert [each.url.partition(":")[0] for each in scripted.sent] == ["https", "http"]
    assert found.endpoint == "http://localhost:5000"
    scripted = network({"path": "", "raises": plain, "status": 0})
    assert (await ask(scripted, "reg.example:5000/app:1")).refusal.failure is Failure.NOT_A_REGISTRY
    assert len(scripted.sent) == 1


@pytest.mark.parametrize(
    ("status", "failure"), [(429, Failure.RATE_LIMITED), (500, Failure.SERVER_ERROR), (403, Failure.FORBIDDEN)]
)
async def test_a_get_that_fails_after_a_good_head_ends_the_look(
    network: Any, ask: Any, status: int, failure: Failure
) -> None:
    head = {"host": "m.example", "path": "", "method": "HEAD", "status": 200, "headers": {"Content-Type": TYPE}}
    scripted = network(head, {"host": "m.example", "path": "", "status": status}, THERE)
    refusal = (await ask(scripted, "reg.example/app:1", endpoints=_mirrored("m.example"))).refusal
    assert refusal.failure is failure
    assert refusal.node_error.startswith("unexpected status from GET request to https://m.example/")
    assert not scripted.to("reg.example")


async def test_by_digest_without_a_length_the_body_is_fetched_and_not_compared(network: Any, ask: Any) -> None:
    scripted = network(
        {"path": "", "method": "HEAD", "status": 200, "headers": {"Content-Type": TYPE, "Content-Length": ""}},
        {"path": "", "method": "GET", "status": 200, "headers": {"Content-Type": TYPE}, "body": "{}"},
    )
    found = (await ask(scripted, f"reg.example/app@{DIGEST}")).found
    assert found.digest == DIGEST
    assert [each.method for each in scripted.sent] == ["HEAD", "GET"]


async def test_an_http_mirror_with_trust_and_no_port_falls_back_when_nothing_listens(network: Any, ask: Any) -> None:
    import httpx

    refused = httpx.ConnectError("dial tcp 192.0.2.1:443: connect: connection refused")
    endpoints = Endpoints(options=(RegistryOptions(match="reg.example", plain_http=True, insecure_skip_verify=True),))
    scripted = network({"path": "", "raises": refused, "times": 1, "status": 0}, THERE)
    found = (await ask(scripted, "reg.example/app:1", endpoints=endpoints)).found
    assert found.endpoint == "http://reg.example"
    with_port = Endpoints(
        options=(RegistryOptions(match="reg.example:5000", plain_http=True, insecure_skip_verify=True),)
    )
    scripted = network({"path": "", "raises": refused, "status": 0})
    refusal = (await ask(scripted, "reg.example:5000/app:1", endpoints=with_port)).refusal
    assert (refusal.failure, len(scripted.sent)) == (Failure.CONNECT, 1)
