"""With depth all that a manifest names is looked for, and only what the registry says it has not is gone."""

import hashlib
import json
from typing import Any

import pytest

from webhook.image.manifest import Index, Manifest

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
ABSENT = json.dumps({"errors": [{"code": "BLOB_UNKNOWN", "message": "blob unknown"}]}).encode()


class Store:
    """A registry's content, from which parts can be taken, and what was asked of it."""

    def __init__(self) -> None:
        self.rules: list[dict[str, Any]] = []

    def put(self, kind: str, media_type: str, document: Any, *, tag: str = "", **headers: str) -> dict[str, Any]:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        said = {"Content-Type": media_type, "Docker-Content-Digest": digest} | headers
        for name in filter(None, (digest, tag)):
            self.rules.append({"path": f"/{kind}/{name}$", "status": 200, "headers": said, "body": body})
        return {"mediaType": media_type, "digest": digest, "size": len(body)}

    def image(self, architecture: str, tag: str = "", *, foreign: bool = False) -> dict[str, Any]:
        config = {"os": "linux", "architecture": architecture, "rootfs": {"diff_ids": ["a", "b"]}}
        layers = [self.put("blobs", LAYER, f"{architecture} {number}".encode()) for number in range(2)]
        if foreign:
            layers[1] = {"mediaType": FOREIGN, "digest": "sha256:" + "f" * 64, "size": 1}
        document = {"config": self.put("blobs", CONFIG, config), "layers": layers}
        return self.put("manifests", MANIFEST, document, tag=tag) | {"parts": document}

    def index(self, *images: dict[str, Any], tag: str = "1", **headers: str) -> None:
        entries = [
            {key: image[key] for key in ("mediaType", "digest", "size")}
            | {"platform": {"os": "linux", "architecture": name}}
            for image, name in zip(images, ("amd64", "arm64", "unknown"), strict=False)
        ]
        self.put("manifests", INDEX, {"manifests": entries}, tag=tag, **headers)

    def refuse(self, part: dict[str, Any], status: int = 404) -> None:
        rule = {"path": f"/{part['digest']}$", "status": status, "body": ABSENT}
        self.rules.insert(0, rule)


async def looked(store: Store, network: Any, ask: Any, image: str = "reg.example/app:1") -> Any:
    return (await ask(network(*store.rules), image, content=True, depth=True)).found.content


async def test_a_whole_image_lacks_nothing(network: Any, ask: Any) -> None:
    store = Store()
    store.image("amd64", tag="1", foreign=True)
    content = await looked(store, network, ask)
    assert isinstance(content, Manifest)
    assert content.gone == ()
    assert content.counted == 2


@pytest.mark.parametrize(
    ("which", "status", "gone"),
    [("layer", 404, True), ("layer", 403, False), ("layer", 500, False), ("config", 404, True), ("config", 403, False)],
)
async def test_what_is_gone_of_a_single_manifest(network: Any, ask: Any, which: str, status: int, gone: bool) -> None:
    store = Store()
    parts = store.image("amd64", tag="1")["parts"]
    part = parts["config"] if which == "config" else parts["layers"][1]
    store.refuse(part, status)
    content = await looked(store, network, ask)
    assert content.gone == ((part["digest"],) if gone else ())


async def test_every_image_of_an_index_is_read(network: Any, ask: Any) -> None:
    store = Store()
    amd, arm = store.image("amd64"), store.image("arm64")
    store.index(amd, arm)
    store.refuse(arm["parts"]["layers"][0])
    content = await looked(store, network, ask)
    assert isinstance(content, Index)
    (_, first), (_, second) = content.images
    assert (first.gone, second.gone) == ((), (arm["parts"]["layers"][0]["digest"],))
    assert [str(each.platform) for each in (first, second)] == ["linux/amd64", "linux/arm64"]


async def test_a_manifest_of_an_index_is_gone(network: Any, ask: Any) -> None:
    store = Store()
    amd, arm = store.image("amd64"), store.image("arm64")
    store.index(amd, arm)
    store.refuse(arm)
    content = await looked(store, network, ask)
    assert content.gone == (arm["digest"],)
    assert [digest for digest, _ in content.images] == [amd["digest"]]


async def test_attestations_are_not_looked_for(network: Any, ask: Any) -> None:
    store = Store()
    store.put(
        "manifests",
        INDEX,
        {"manifests": [store.image("amd64") | {"platform": {"os": "unknown", "architecture": "unknown"}}]},
        tag="1",
    )
    content = await looked(store, network, ask)
    assert (content.images, content.gone) == ((), ())


async def test_no_manifest_is_fetched_when_few_pulls_are_left(network: Any, ask: Any) -> None:
    store = Store()
    images = store.image("amd64"), store.image("arm64")
    few = {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "21;w=21600"}
    fewer = few | {"ratelimit-remaining": "20;w=21600"}
    for rule in store.rules:
        rule["headers"] |= fewer
    store.index(*images, **few)
    content = await looked(store, network, ask, "nginx:1")
    assert len(content.images) <= 1


async def test_without_depth_an_index_still_costs_one_get(network: Any, ask: Any) -> None:
    store = Store()
    store.index(store.image("amd64"))
    scripted = network(*store.rules)
    found = (await ask(scripted, "reg.example/app:1", content=True)).found
    assert isinstance(found.content, Index)
    assert [each.method for each in scripted.sent] == ["HEAD", "GET"]
