"""References, valid and not, as the kubelet and containerd read them.

Every vector that can be stored in a pod. A valid one is held where containerd looks for it, so it runs unless it names
a digest that nothing has; the judge of the expectation is upstream's own parser, which made the vectors.
"""

import re
from collections.abc import Iterator
from typing import Any

from case import Case, Held, holding

from casebook.keyrings import PRIVATE
from casebook.sites import HUB, host_of, other_site
from casebook.vectors import load
from webhook.demo.images import ImageSpec
from webhook.demo.site import Repository

_HOST = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_.-]+(:\d+)?")
"""Hosts that a name server can know: no addresses."""

MOVED = ("input", "cri_ref")


def _vectors() -> Iterator[Any]:
    """Yield the vectors under names of their own, where the keyring's speak of the same registry."""
    for vector in load("references")["cases"]:
        moved = {key: str(vector.get(key, "")).replace("registry.example", "reference.example") for key in MOVED}
        yield vector | moved


def cases() -> Iterator[Case]:
    seen: set[str] = set()
    for number, vector in enumerate(_vectors()):
        text = vector["input"]
        if not text or text != text.strip():
            continue  # the API server stores no such pod
        if not vector["valid"]:
            yield Case(id=f"reference-{number}", says=f"invalid: {vector['error']}", image=text, runs=False)
            continue
        registry, _, rest = vector["cri_ref"].partition("/")
        known = _HOST.fullmatch(registry) and "localhost" not in registry.lower()
        name = re.split("[:@]", rest)[0]
        if known and vector["cri_ref"] not in seen and (host_of(registry), name) not in PRIVATE:
            seen.add(vector["cri_ref"])
            yield _valid(number, vector, registry, rest)
    yield from _by_hand()


def _valid(number: int, vector: Any, registry: str, rest: str) -> Case:
    if "@" in rest:
        why = "a digest that nobody has"
        return Case(id=f"reference-{number}", says=why, image=vector["input"], runs=False, sites=other_site(registry))
    name = rest.rpartition(":")[0]
    held = Held(host=host_of(registry), repository=REPOSITORIES[host_of(registry), name])
    return Case(
        id=f"reference-{number}",
        says="valid",
        image=vector["input"],
        runs=int(registry.partition(":")[2] or 0) < 65536,
        sites=other_site(registry),
        holds=(held,),
    )


def _repositories() -> dict[tuple[str, str], Repository]:
    """Return each repository with all the tags that the vectors ask of it."""
    tags: dict[tuple[str, str], dict[str, ImageSpec]] = {}
    for vector in _vectors():
        if vector["valid"] and "@" not in vector["cri_ref"]:
            registry, _, rest = vector["cri_ref"].partition("/")
            name, _, tag = rest.rpartition(":")
            tags.setdefault((host_of(registry), name), {})[tag] = ImageSpec()
    return {key: Repository(name=key[1], tags=value) for key, value in tags.items()}


REPOSITORIES = _repositories()


def _by_hand() -> Iterator[Case]:
    for key, says, image in (
        ("tag-and-digest", "tag and digest: the tag is dropped", "open.test/refs/tag-and-digest:1@{digest}"),
        (
            "wrong-tag-digest",
            "a tag that is not there beside a right digest",
            "open.test/refs/wrong-tag-digest:2@{digest}",
        ),
        ("latest-digest", "latest beside a digest", "open.test/refs/latest-digest:latest@{digest}"),
        ("hub-digest", "a Docker Hub name with a digest", "refs/hub-digest@{digest}"),
    ):
        name = f"{'docker.io' if key == 'hub-digest' else 'open.test'}/refs/{key}:1"
        host = HUB if key == "hub-digest" else ""
        yield Case(id=f"reference-{key}", says=says, image=image, runs=True, holds=(holding(name, host=host),))
    yield Case(
        id="reference-white-space", says="the API server refuses white space around it", image=" nginx:1 ", runs=False
    )
    nobody = "sha256:" + "0" * 64
    for key in ("open.test", "docker.io", "quay.io", "ghcr.io"):
        name = key.replace(".", "-")
        image = f"{key}/refs/no-digest-{name}"
        held = holding(f"{image}:1", host=HUB if key == "docker.io" else "")
        says = f"{key}: a digest that nobody has, in a repository that is there"
        yield Case(id=f"reference-no-digest-{name}", says=says, image=f"{image}@{nobody}", runs=False, holds=(held,))
