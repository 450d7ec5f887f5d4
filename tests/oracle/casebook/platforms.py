"""Indexes and single manifests for this node and for others.

The node takes exactly its own platform out of an index; a single manifest is taken on trust.
"""

import platform
from collections.abc import Iterator
from typing import Any

from case import Case, holding

from casebook.vectors import load
from webhook.demo.images import ImageSpec

HOST = "open.test"
OURS, OTHER = ("linux/arm64", "linux/amd64") if platform.machine() == "aarch64" else ("linux/amd64", "linux/arm64")


def cases() -> Iterator[Case]:
    for number, vector in enumerate(load("platforms")["index_selection"]):
        node = vector["node"]
        pulled = vector["transfer_service"]["pull_ok"]
        if f"{node['os']}/{node['architecture']}" == OURS and pulled is not None:
            texts = tuple(_text(each) for each in vector["manifests"])
            spec = ImageSpec(platforms=texts, index=True, built_for=OURS)
            yield _case(f"vector-{number}", vector["name"], pulled, spec)
    yield from _by_hand()


def _text(entry: dict[str, Any] | None) -> str:
    """Return an index entry's platform as `ImageSpec` takes it."""
    if entry is None:
        return ""
    version, features = entry.get("os.version", ""), "".join(f"+{each}" for each in entry.get("os.features", ()))
    details = f"({version}{features})" if version or features else ""
    return "/".join(filter(None, (f"{entry['os']}{details}/{entry['architecture']}", entry.get("variant", ""))))


def _by_hand() -> Iterator[Case]:
    yield _case("single", "a single manifest for this node", True, ImageSpec(platforms=(OURS,)))
    yield _case("single-other", "a single manifest for another architecture", False, ImageSpec(platforms=(OTHER,)))
    yield _case(
        "single-docker-other", "the same in Docker's media types", False, ImageSpec(platforms=(OTHER,), docker=True)
    )
    yield _case("single-docker", "Docker's media types", True, ImageSpec(platforms=(OURS,), docker=True))
    yield _case("list", "Docker's manifest list", True, ImageSpec(platforms=(OTHER, OURS), docker=True))
    yield _case(
        "list-other",
        "Docker's manifest list without us",
        False,
        ImageSpec(platforms=(OTHER, "linux/s390x"), docker=True),
    )
    yield _case("attested", "attestations beside each image", True, ImageSpec(platforms=(OURS, OTHER), attested=True))
    yield _case(
        "attested-other",
        "attestations beside others' images",
        False,
        ImageSpec(platforms=(OTHER,), index=True, attested=True),
    )
    yield _case("nested", "an index in an index", True, ImageSpec(platforms=(OTHER, OURS), nested=True))
    yield _case(
        "nested-other",
        "an index in an index, without us",
        False,
        ImageSpec(platforms=(OTHER, "linux/s390x"), nested=True),
    )
    yield _case("one-index", "an index of one", True, ImageSpec(platforms=(OURS,), index=True))
    yield _case("one-index-other", "an index of one that is not ours", False, ImageSpec(platforms=(OTHER,), index=True))
    yield _case("upper", "upper case names", True, ImageSpec(platforms=(OURS.upper(),), index=True, built_for=OURS))
    yield _case(
        "alias",
        "names as uname says them",
        True,
        ImageSpec(platforms=("linux/x86_64", "linux/aarch64"), built_for=OURS),
    )
    yield _case(
        "386",
        "only the 32-bit image that this node could run",
        False,
        ImageSpec(platforms=("linux/386", "linux/arm/v7"), built_for=OURS),
    )
    yield _case("digest", "by the index's digest", True, ImageSpec(platforms=(OTHER, OURS)), digest=True)
    yield _case(
        "digest-other",
        "by the digest of an index without us",
        False,
        ImageSpec(platforms=(OTHER, "linux/s390x")),
        digest=True,
    )
    yield _case(
        "lies",
        "the config of an index's image is another's",
        False,
        ImageSpec(platforms=(OURS,), index=True, built_for=OTHER),
        unknowable="an index is believed: the configs of its images are read by `check --deep` only",
    )
    yield _case(
        "garbage",
        "the program is none",
        False,
        ImageSpec(platforms=(OURS,), runs=False),
        unknowable="nothing but running it tells",
    )


def _case(key: str, says: str, runs: bool, spec: ImageSpec, *, digest: bool = False, **case: Any) -> Case:
    image = f"{HOST}/platforms/{key}"
    return Case(
        id=f"platform-{key}",
        says=says,
        image=image + ("@{digest}" if digest else ":1"),
        runs=runs,
        holds=(holding(f"{image}:1", spec),),
        **case,
    )
