"""What a manifest is and says of itself, and whether what it promises is there."""

from collections.abc import Iterator
from typing import Any

from case import PLAIN, Case, holding

from webhook.demo.answer import Fault
from webhook.demo.images import ImageSpec, Kind, Lost
from webhook.demo.mediatypes import SCHEMA_1
from webhook.demo.site import Rule, Site

INDEX = ("linux/amd64", "linux/arm64")
TYPE = "Content-Type"


def cases() -> Iterator[Case]:
    yield from _headers()
    yield from _kinds()
    yield from _blobs()


def _headers() -> Iterator[Case]:
    digest = ("Docker-Content-Digest",)
    bogus = {"Docker-Content-Digest": "bogus"}
    other = {"Docker-Content-Digest": "sha256:" + "1" * 64}
    yield _case("no-digest", "no digest on HEAD: GET and hash", True, method="HEAD", without=digest)
    yield _case("no-digest-at-all", "no digest on HEAD or GET", True, without=digest)
    yield _case("bogus-digest", "a digest that is none", False, headers=bogus)
    yield _case("other-digest", "another content's digest", False, headers=other)
    yield _case("other-digest-head", "another's digest, on HEAD alone", False, method="HEAD", headers=other)
    yield _case("no-type", "no content type", False, without=(TYPE,))
    for key, text, runs in (
        ("parameters", "application/vnd.oci.image.manifest.v1+json; charset=utf-8", True),
        ("json", "application/json", False),
        ("html", "text/html", False),
        ("plain", "text/plain; charset=utf-8", False),
        ("octets", "application/octet-stream", False),
        ("schema1", SCHEMA_1, False),
        ("docker", "application/vnd.docker.distribution.manifest.v2+json", True),
        ("index", "application/vnd.oci.image.index.v1+json", False),
    ):
        yield _case(f"type-{key}", f"content type {text}", runs, headers={TYPE: text})
        yield _case(
            f"type-head-{key}", f"content type {text}, on HEAD alone", runs, method="HEAD", headers={TYPE: text}
        )
    yield _case("schema1-no-digest", "schema 1 without a digest", False, headers={TYPE: SCHEMA_1}, without=digest)
    yield _case("head-404", "404 on HEAD alone", False, method="HEAD", status=404)
    yield _case("get-404", "404 on GET alone", False, method="GET", status=404)
    yield _case("get-403", "403 on GET alone", False, method="GET", status=403)


def _kinds() -> Iterator[Case]:
    for kind in (Kind.CHART, Kind.SIGNATURE, Kind.ARTIFACT, Kind.SCHEMA_1):
        yield _case(f"kind-{kind}", f"no image but: {kind}", False, spec=ImageSpec(kind=kind))
    yield _case("large", "a manifest of 3 MiB", True, spec=ImageSpec(padding=3 * 1024 * 1024))
    yield _case("too-large", "a manifest of 5 MiB", False, spec=ImageSpec(padding=5 * 1024 * 1024))
    yield _case("empty-index", "an index of nothing", False, spec=ImageSpec(platforms=(), index=True))


def _blobs() -> Iterator[Case]:
    unseen = "layers, and what an index lists, are looked at by `check --deep` only"
    for lost in (Lost.CONFIG, Lost.LAYER, Lost.MANIFEST):
        spec = ImageSpec(platforms=INDEX, lost=lost)
        yield _case(
            f"lost-{lost}", f"the {lost} is gone, though an index lists it", False, spec=spec, unknowable=unseen
        )
        if lost is not Lost.MANIFEST:
            yield _case(
                f"lost-single-{lost}",
                f"the {lost} is gone",
                False,
                spec=ImageSpec(lost=lost),
                unknowable="" if lost is Lost.CONFIG else unseen,
            )
    answers: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("403", "blobs are refused", {"status": 403}),
        ("500", "blobs fail", {"status": 500}),
        ("429", "blobs are limited", {"status": 429}),
        ("truncated", "blobs end half-way", {"fault": Fault.TRUNCATE}),
        (
            "nowhere",
            "blobs are behind a name that does not exist",
            {"status": 307, "headers": {"Location": "https://nowhere.test$path"}},
        ),
    )
    for key, says, rule in answers:
        yield _case(f"blobs-{key}", says, False, part="blobs", unknowable=unseen, **rule)
    elsewhere: dict[str, Any] = {"status": 307, "headers": {"Location": "https://eastus.data.mcr.microsoft.com$path"}}
    yield _case(
        "blobs-lost-at-cdn",
        "blobs are behind a host that lacks them",
        False,
        part="blobs",
        unknowable=unseen,
        **elsewhere,
    )


def _case(
    key: str,
    says: str,
    runs: bool,
    *,
    spec: ImageSpec = PLAIN,
    part: str = "manifests",
    unknowable: str = "",
    **rule: Any,
) -> Case:
    host = f"{key}.manifests.test"
    image = f"{host}/team/app:1"
    return Case(
        id=f"manifest-{key}",
        says=says,
        image=image,
        runs=runs,
        sites=(Site(hosts=(host,)),),
        holds=(holding(image, spec),),
        rules=(Rule(host=host, path=f"/{part}/", **rule),) if rule else (),
        unknowable=unknowable,
    )
