"""/imagereview and /externaldata through the real webhook over TLS: what they cannot see denies nothing."""

import asyncio
import json

import pytest

from webhook.demo.images import ImageSpec
from webhook.demo.site import Repository, Site
from webhook.policy.evidence import NodeFacts

PUBLIC = Repository(name="acme/app", tags={"1.0": ImageSpec(), "latest": ImageSpec()})
PRIVATE = Repository(name="acme/private", public=False, tags={"1.0": ImageSpec()})
HERE = Site(hosts=("reg.test",), personality="bearer", users={"bob": "right"}, repositories=(PUBLIC, PRIVATE))
OPEN = {
    "server": {"drain": "0s", "imageReview": {"enabled": True}, "externalData": {"enabled": True}},
    "nodes": {"logins": "none", "podMutators": "none"},
    "enforceOn": ["workloads", "pods", "ownedPods"],
}
STRICT = {**OPEN, "defaults": {"enforce": "strict"}}


@pytest.fixture
def review():
    async def ask(here, *images, namespace="shop"):
        spec = {"containers": [{"image": image} for image in images], "namespace": namespace}
        body = {"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview", "spec": spec}
        answer = await here.client.post(f"{here.url}/imagereview", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["status"]

    return ask


@pytest.fixture
def provide():
    async def ask(here, *keys):
        body = {"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest"}
        answer = await here.client.post(f"{here.url}/externaldata", json=body | {"request": {"keys": keys}})
        assert answer.status_code == 200, answer.text
        return answer.json()["response"]["items"]

    return ask


def codes(status):
    return [each["code"] for each in json.loads(status.get("auditAnnotations", {}).get("findings", "[]"))]


async def test_they_are_closed_unless_asked_for(scene):
    here = await scene(HERE)
    for path in ("/imagereview", "/externaldata"):
        assert (await here.client.post(f"{here.url}{path}", json={})).status_code == 404


async def test_an_image_that_is_there(scene, review, provide):
    here = await scene(HERE, config=OPEN)
    good = f"{here.registry}/acme/app:1.0"
    assert await review(here, good) == {"allowed": True}
    assert await provide(here, good) == [{"key": good, "value": {"outcome": "pass", "findings": []}}]


@pytest.mark.parametrize(
    ("path", "code", "outcome"),
    [
        ("acme/app:typo", "image-not-found", "fail"),
        ("acme/none:1.0", "image-not-found", "fail"),
        ("acme/private:1.0", "credentials-unavailable", "error"),
    ],
)
async def test_what_a_registry_says_is_told_and_never_denies(scene, review, provide, path, code, outcome):
    """/validate denies the first of them: there, pull secrets and pull policy are seen."""
    here = await scene(HERE, config=OPEN)
    image = f"{here.registry}/{path}"
    status = await review(here, image)
    assert status["allowed"] is True
    assert codes(status) == [code]
    (item,) = await provide(here, image)
    assert item["value"]["outcome"] == outcome
    assert [each["code"] for each in item["value"]["findings"]] == [code]


async def test_the_same_is_denied_where_it_is_seen_whole(scene):
    here = await scene(HERE, config=OPEN)
    spec = {"containers": [{"name": "c", "image": f"{here.registry}/acme/app:typo", "imagePullPolicy": "Always"}]}
    assert not (await here.apply(spec)).allowed


async def test_a_text_that_no_node_takes_denies(scene, review, provide):
    here = await scene(HERE, config=OPEN)
    status = await review(here, f"{here.registry}/acme/app:1.0", f"{here.registry}/Acme/App:1.0")
    assert status["allowed"] is False
    assert "[invalid-reference]" in status["reason"]
    good, bad = await provide(here, f"{here.registry}/acme/app:1.0", "a//b")
    assert good["value"]["outcome"] == "pass"
    assert bad["error"].endswith("[invalid-reference]")


async def test_a_pod_may_be_a_controllers_so_it_is_denied_only_where_those_are(scene, review):
    here = await scene(HERE, config={**OPEN, "enforceOn": ["workloads", "pods"]})
    status = await review(here, "a//b")
    assert status["allowed"] is True
    assert codes(status) == ["invalid-reference"]


async def test_tag_policies_are_enforced_by_level(scene, review, provide):
    here = await scene(HERE, config=STRICT)
    image = f"{here.registry}/acme/app:latest"
    assert "[latest-tag]" in (await review(here, image))["reason"]
    assert "[latest-tag]" in (await provide(here, image))[0]["error"]
    assert (await review(here, image, namespace="kube-system")) == {"allowed": True}


async def test_no_secret_and_no_node_is_looked_at(scene, review, provide):
    here = await scene(HERE, config=OPEN)
    here.api.put_secret("regcred", here.registry, "bob", "right")
    here.api.put_account("default", "regcred")
    here.nodes.known = NodeFacts(known=True, eligible=1, holding=1)
    image = f"{here.registry}/acme/private:1.0"
    for _ in range(2):
        assert codes(await review(here, image)) == ["credentials-unavailable"]
    (item,) = await provide(here, image)
    assert item["value"]["outcome"] == "error"
    assert here.api.reads == []
    # … nor is the answer that a pod's own login got lent to those who show none
    spec = {"containers": [{"name": "c", "image": image}], "imagePullSecrets": [{"name": "regcred"}]}
    assert (await here.apply(spec)).warnings == []
    assert codes(await review(here, image)) == ["credentials-unavailable"]


async def test_addresses_are_refused_at_every_door(scene, review, provide):
    here = await scene(HERE, config=OPEN)
    image = "169.254.169.254/latest/meta-data:1"
    assert codes(await review(here, image)) == ["not-verified"]
    assert (await provide(here, image))[0]["value"]["outcome"] == "error"


@pytest.mark.parametrize("path", ["/imagereview", "/externaldata"])
async def test_bounds_are_those_of_validate(scene, path):
    here = await scene(HERE, config=OPEN)
    kept = {"content-type": "application/json"}
    post, url = here.client.post, f"{here.url}{path}"
    assert (await post(url, content=b"x" * (8 * 1024 * 1024 + 1), headers=kept)).status_code == 413
    assert (await post(url, content=b"{}", headers={"content-type": "text/plain"})).status_code == 415
    assert (await post(url, content=b"{}", headers=kept)).status_code == 400
    assert (await here.client.get(url)).status_code == 405


HEAVY = {
    "2,048 registries": [f"r{number}.test:1/a:1" for number in range(2048)],
    "2,048 of one registry": [f"reg.test:1/a/b{number}:1" for number in range(2048)],
    "a megabyte of a name": ["a" * 1024 * 1024, "reg.test/" + "a/" * 300_000],
    "texts that act": ["\x1b[31m", "a\nb", "\u202e", ""],
}


@pytest.mark.parametrize("keys", HEAVY.values(), ids=HEAVY.keys())
async def test_heavy_questions_are_answered_in_time_and_every_key_comes_back(scene, keys):
    here = await scene(HERE, config=OPEN)
    body = {"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest", "request": {"keys": keys}}
    async with asyncio.timeout(20):
        answer = await here.client.post(f"{here.url}/externaldata?timeout=2s", json=body, timeout=20)
    items = answer.json()["response"]["items"]
    assert [item["key"] for item in items] == keys
    for item in items:
        # What can be refused here is a text that is no image; nothing else was found out for certain.
        assert item.get("error", "[invalid-reference]").endswith("[invalid-reference]")
        assert item.get("error", "x").isprintable()
    review = {"containers": [{"image": key} for key in keys], "namespace": "shop"}
    body = {"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview", "spec": review}
    answer = await here.client.post(f"{here.url}/imagereview?timeout=2s", json=body, timeout=20)
    assert answer.status_code == 200
    assert len(answer.content) < 8192
