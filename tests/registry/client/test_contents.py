"""Content by digest: bounded, hashed, and never more than was asked for."""

import asyncio
import hashlib
import json
from typing import Any

import pytest

from webhook.credentials.credential import ANONYMOUS
from webhook.image.manifest import Index, Manifest
from webhook.image.platform import Platform
from webhook.image.reference import Reference
from webhook.registry.endpoint import Endpoints, RegistryOptions
from webhook.registry.resolution import Failure

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


class Store:
    """A registry's content."""

    def __init__(self) -> None:
        self.rules: list[dict[str, Any]] = []

    def put(self, kind: str, media_type: str, document: Any, *, tag: str = "", **more: Any) -> dict[str, Any]:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest} | more
        for name in filter(None, (digest, tag)):
            self.rules.append({"path": f"/{kind}/{name}$", "status": 200, "headers": headers, "body": body})
        return {"mediaType": media_type, "digest": digest, "size": len(body)}

    def image(self, architecture: str, tag: str = "") -> dict[str, Any]:
        config = self.put("blobs", CONFIG, {"os": "linux", "architecture": architecture, "variant": ""})
        return self.put("manifests", MANIFEST, {"config": config, "layers": []}, tag=tag)


async def test_an_index_costs_one_get(network: Any, ask: Any) -> None:
    store = Store()
    arm = store.image("arm64")
    store.put(
        "manifests", INDEX, {"manifests": [arm | {"platform": {"os": "linux", "architecture": "arm64"}}]}, tag="1"
    )
    scripted = network(*store.rules)
    found = (await ask(scripted, "reg.example/app:1", content=True)).found
    assert isinstance(found.content, Index)
    assert found.content.manifests[0].platform == Platform(os="linux", architecture="arm64")
    assert [each.method for each in scripted.sent] == ["HEAD", "GET"]
    assert scripted.sent[1].headers["accept"] == f"{INDEX}, */*"


async def test_a_single_manifest_costs_its_config_too(network: Any, ask: Any) -> None:
    store = Store()
    store.image("s390x", tag="1")
    scripted = network(*store.rules)
    found = (await ask(scripted, "reg.example/app:1", content=True)).found
    assert isinstance(found.content, Manifest)
    assert found.content.platform == Platform(os="linux", architecture="s390x")
    assert found.content.counted == 0
    assert [each.method for each in scripted.sent] == ["HEAD", "GET", "GET"]


async def test_nested_indexes(network: Any, ask: Any) -> None:
    store = Store()
    inner = store.put("manifests", INDEX, {"manifests": [store.image("arm64")]})
    middle = store.put("manifests", INDEX, {"manifests": [inner]})
    store.put("manifests", INDEX, {"manifests": [middle]}, tag="1")
    found = (await ask(network(*store.rules), "reg.example/app:1", content=True)).found
    assert isinstance(found.content, Index)
    (digest, nested) = found.content.nested[0]
    assert (digest, nested.nested[0][0]) == (middle["digest"], inner["digest"])


async def test_nested_indexes_are_not_followed_for_ever(network: Any, ask: Any) -> None:
    store = Store()
    inner = store.put("manifests", INDEX, {"manifests": []})
    for _ in range(30):
        inner = store.put("manifests", INDEX, {"manifests": [inner]})
    many = [store.put("manifests", INDEX, {"manifests": [], "n": n}) for n in range(30)]
    store.put("manifests", INDEX, {"manifests": [inner]}, tag="deep")
    store.put("manifests", INDEX, {"manifests": many}, tag="wide")
    for tag, most in (("deep", 5), ("wide", 10)):
        scripted = network(*store.rules)
        await ask(scripted, f"reg.example/app:{tag}", content=True)
        assert len(scripted.sent) <= most


NOWHERE = {"Content-Type": INDEX, "Docker-Content-Digest": "sha256:" + "a" * 64}


async def test_content_is_only_taken_if_its_hash_is_right(network: Any, ask: Any) -> None:
    scripted = network({"path": "", "status": 200, "headers": NOWHERE, "body": '{"manifests":[]}'})
    refusal = (await ask(scripted, "reg.example/app:1", content=True)).refusal
    assert (refusal.failure, refusal.found, refusal.confirmed) == (Failure.NOT_FOUND, True, False)
    assert refusal.message == f"https://reg.example has other content under {NOWHERE['Docker-Content-Digest']}"


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (403, Failure.FORBIDDEN),
        (404, Failure.NOT_FOUND),
        (412, Failure.SERVER_ERROR),
        (429, Failure.RATE_LIMITED),
        (500, Failure.SERVER_ERROR),
    ],
)
async def test_a_get_that_fails_is_told_as_a_node_meets_it(
    network: Any, ask: Any, status: int, failure: Failure
) -> None:
    body = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "m"}]} if status == 404 else {}
    scripted = network(
        {"path": "", "method": "HEAD", "status": 200, "headers": NOWHERE},
        {"path": "", "status": status, "body": json.dumps(body)},
    )
    refusal = (await ask(scripted, "reg.example/app:1", content=True)).refusal
    assert (refusal.failure, refusal.found, refusal.confirmed) == (failure, True, False)
    assert refusal.attempts[-1].status == status
    assert refusal.node_error.startswith("failed to copy: httpReadSeeker: failed open: ")
    digest = NOWHERE["Docker-Content-Digest"]
    gone = f"content at https://reg.example/v2/app/manifests/{digest} not found: not found"
    assert (gone if status == 404 else f"{status} ") in refusal.node_error
    assert (await ask(scripted, "reg.example/app:1")).found.content is None, "HEAD alone is fine"


async def test_who_refuses_tells_more_than_who_has_it_not(network: Any, ask: Any) -> None:
    head = {"path": "", "method": "HEAD", "status": 200, "headers": NOWHERE}
    endpoints = Endpoints(options=(RegistryOptions(match="reg.example", mirrors=("m.example",)),))
    for own, mirror, told in (
        (404, 403, Failure.FORBIDDEN),
        (403, 404, Failure.FORBIDDEN),
        (404, 503, Failure.SERVER_ERROR),
        (404, 404, Failure.NOT_FOUND),
    ):
        gets = [{"host": "m.example", "path": "", "status": mirror}, {"path": "", "status": own}]
        refusal = (await ask(network(head, *gets), "reg.example/app:1", content=True, endpoints=endpoints)).refusal
        assert refusal.failure is told


async def test_another_endpoint_may_have_it(network: Any, ask: Any) -> None:
    store = Store()
    store.image("arm64", tag="1")
    mirror = [{"host": "m.example", "path": "", "method": "HEAD"} | store.rules[-1] | {"host": "m.example"}]
    gone = {"host": "m.example", "path": "", "method": "GET", "status": 404}
    scripted = network(gone, *mirror, *store.rules)
    endpoints = Endpoints(options=(RegistryOptions(match="reg.example", mirrors=("m.example",)),))
    found = (await ask(scripted, "reg.example/app:1", content=True, endpoints=endpoints)).found
    assert found.mirrored
    assert isinstance(found.content, Manifest)


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"manifests":[{"digest":"x"}]}'])
async def test_a_document_that_is_none_is_no_image(network: Any, ask: Any, body: bytes) -> None:
    store = Store()
    store.put("manifests", INDEX, body, tag="1")
    refusal = (await ask(network(*store.rules), "reg.example/app:1", content=True)).refusal
    assert refusal.failure is Failure.NOT_AN_IMAGE
    assert refusal.attempts[-1].status == 200


async def test_other_media_types_are_not_fetched(network: Any, ask: Any) -> None:
    store = Store()
    store.put("manifests", "application/json", {}, tag="1")
    scripted = network(*store.rules)
    found = (await ask(scripted, "reg.example/app:1", content=True)).found
    assert (found.media_type, found.content, len(scripted.sent)) == ("application/json", None, 1)


@pytest.mark.parametrize(("left", "gets"), [(100, 1), (21, 1), (20, 0), (0, 0)])
async def test_no_pull_is_spent_when_few_are_left(network: Any, ask: Any, left: int, gets: int) -> None:
    store = Store()
    limits = {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": f"{left};w=21600"}
    store.put("manifests", INDEX, {"manifests": []}, tag="1", **limits)
    scripted = network(*store.rules)
    await ask(scripted, "nginx:1", content=True)
    assert [each.method for each in scripted.sent].count("GET") == gets


async def test_the_body_that_was_hashed_is_not_fetched_again(network: Any, ask: Any) -> None:
    scripted = network({"path": "", "status": 200, "headers": {"Content-Type": INDEX}, "body": '{"manifests":[]}'})
    found = (await ask(scripted, "reg.example/app:1", content=True)).found
    assert isinstance(found.content, Index)
    assert [each.method for each in scripted.sent] == ["HEAD", "GET"]


async def test_content_can_be_added_later_without_a_second_head(network: Any, client: Any, ask: Any) -> None:
    store = Store()
    store.image("arm64", tag="1")
    scripted = network(*store.rules)
    using = client(scripted)
    found = (await ask(scripted, "reg.example/app:1", using=using)).found
    deadline = asyncio.get_running_loop().time() + 5
    whole = await using.content(found, ANONYMOUS, deadline=deadline)
    assert isinstance(whole.content, Manifest)
    assert [each.method for each in scripted.sent] == ["HEAD", "GET", "GET"]
    assert len(whole.attempts) == 3


async def test_a_lack_of_time_leaves_the_question_open(network: Any, ask: Any, parts: Any) -> None:
    slow = parts([b"{"] * 100, pause=0.05)
    headers = {"Content-Type": INDEX, "Docker-Content-Digest": "sha256:" + "a" * 64}
    scripted = network(
        {"path": "", "method": "HEAD", "status": 200, "headers": headers},
        {"path": "", "status": 200, "headers": headers, "body": slow},
    )
    found = (await ask(scripted, "reg.example/app:1", content=True, seconds=0.1)).found
    assert found.content is None


async def test_where_a_tag_points_beside_a_digest(network: Any, client: Any) -> None:
    store = Store()
    image = store.image("arm64", tag="1")
    scripted = network(*store.rules)
    reference = Reference.parse("reg.example/app:1@sha256:" + "b" * 64)
    deadline = asyncio.get_running_loop().time() + 5
    digest = await client(scripted).tag_digest(reference, ANONYMOUS, deadline=deadline)
    assert digest == image["digest"]
    assert scripted.sent[0].url.endswith("/manifests/1")


@pytest.mark.parametrize("body", [b"[]", b"{"])
async def test_a_config_that_is_none_leaves_the_platform_open(network: Any, ask: Any, body: bytes) -> None:
    store = Store()
    config = store.put("blobs", CONFIG, body)
    store.put("manifests", MANIFEST, {"config": config, "layers": []}, tag="1")
    found = (await ask(network(*store.rules), "reg.example/app:1", content=True)).found
    assert isinstance(found.content, Manifest)
    assert found.content.platform is None
    assert found.content.counted is None


async def test_a_nested_index_that_is_none_is_left_out(network: Any, ask: Any) -> None:
    store = Store()
    broken = store.put("manifests", INDEX, b"[]")
    store.put("manifests", INDEX, {"manifests": [broken]}, tag="1")
    found = (await ask(network(*store.rules), "reg.example/app:1", content=True)).found
    assert isinstance(found.content, Index)
    assert found.content.nested == ()


async def test_a_broken_connection_is_told_too(network: Any, ask: Any) -> None:
    scripted = network({"path": "", "method": "HEAD", "status": 200, "headers": NOWHERE}, {"path": "", "drop": True})
    refusal = (await ask(scripted, "reg.example/app:1", content=True)).refusal
    assert (refusal.failure, refusal.found) == (Failure.CONNECT, True)
