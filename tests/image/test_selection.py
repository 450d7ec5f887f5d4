import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.image.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, Index, decode
from webhook.image.platform import Platform
from webhook.image.reference import Digest
from webhook.image.selection import Puller, platforms, pullable, select

AMD64 = Platform(os="linux", architecture="amd64")
ARM64 = Platform(os="linux", architecture="arm64")
I386 = Platform(os="linux", architecture="386")
UNKNOWN = Platform(os="unknown", architecture="unknown")


def digest(number):
    return Digest("sha256:" + hashlib.sha256(str(number).encode()).hexdigest())


def entry(number, platform, media_type=OCI_MANIFEST):
    return Descriptor(media_type=media_type, digest=digest(number), size=1, platform=platform)


def index(*given, nested=()):
    entries = tuple(
        given_entry if isinstance(given_entry, Descriptor) else entry(place, given_entry)
        for place, given_entry in enumerate(given)
    )
    return Index(media_type=OCI_INDEX, manifests=entries, nested=tuple(nested))


def from_vector(specs):
    entries = [
        {"mediaType": OCI_MANIFEST, "digest": digest(place), "size": 1, **({"platform": spec} if spec else {})}
        for place, spec in enumerate(specs)
    ]
    return decode(json.dumps({"manifests": entries}).encode(), OCI_INDEX)


def node_of(spec):
    return Platform(
        os=spec["os"],
        architecture=spec["architecture"],
        variant=spec.get("variant", ""),
        os_version=spec.get("os.version", ""),
    )


def places(selection, of):
    return [of.manifests.index(entry) for entry in selection.fetched]


@pytest.mark.vectors("platforms", "index_selection")
def test_client_pull(case):
    given_index = from_vector(case["manifests"])
    selection = select(given_index, node_of(case["node"]), Puller.CLIENT)
    if "error" in case["client_pull"]:
        assert (selection.fetched, selection.pulls) == ((), False)
    else:
        assert places(selection, given_index) == [case["client_pull"]["selected"]]


@pytest.mark.vectors("platforms", "index_selection")
def test_transfer_service(case):
    given_index = from_vector(case["manifests"])
    selection = select(given_index, node_of(case["node"]), Puller.TRANSFER)
    assert places(selection, given_index) == case["transfer_service"]["fetched"]
    assert selection.pulls is case["transfer_service"]["pull_ok"]


@pytest.mark.parametrize(
    ("node", "entries", "expected"),
    [
        (AMD64, [AMD64, ARM64, UNKNOWN], True),
        (AMD64, [ARM64, UNKNOWN], False),
        (AMD64, [UNKNOWN], False),
        (AMD64, [], False),
        (AMD64, [I386], None),  # client.Pull takes it, the transfer service does not
        (AMD64, [None], None),  # the config decides
        (AMD64, [I386, None], None),  # the transfer service would run the 386 that it did not fetch
    ],
)
def test_pullable(node, entries, expected):
    assert pullable(index(*entries), node) is expected


def test_what_would_run_must_have_been_fetched():
    selection = select(index(I386, None), AMD64, Puller.TRANSFER)
    assert selection.chosen is not None
    assert selection.chosen.platform == I386
    assert selection.pulls is False


def test_nested_index_is_followed():
    inner = index(ARM64)
    link = entry("inner", None, OCI_INDEX)
    assert pullable(index(link), ARM64) is None
    assert pullable(index(link, nested=[(link.digest, inner)]), ARM64) is True
    assert pullable(index(link, nested=[(link.digest, inner)]), AMD64) is False
    assert pullable(index(AMD64, link), AMD64) is True


def test_entry_of_another_kind_cannot_run():
    assert pullable(index(entry(1, AMD64, "application/vnd.example.sbom")), AMD64) is False


def test_index_that_holds_itself_ends():
    link = entry("self", None, OCI_INDEX)
    loop = index(link)
    for _ in range(12):
        loop = index(link, nested=[(link.digest, loop)])
    assert pullable(loop, AMD64) is None
    assert platforms(loop) == ()


def test_platforms_are_named_once_without_attestations():
    inner = index(I386)
    link = entry("inner", None, OCI_INDEX)
    armv8 = Platform(os="linux", architecture="aarch64", variant="v8")
    assert platforms(index(AMD64, ARM64, armv8, UNKNOWN, None, link, nested=[(link.digest, inner)])) == (
        AMD64,
        ARM64,
        I386,
    )


nodes = st.sampled_from([AMD64, ARM64, I386, Platform(os="windows", architecture="amd64", os_version="10.0.20348")])
entries = st.lists(
    st.one_of(st.none(), nodes, st.sampled_from([UNKNOWN, Platform(os="", architecture="x86_64")])), max_size=5
)


@given(entries, nodes, st.sampled_from(Puller))
def test_a_listed_platform_always_pulls(given_entries, node, puller):
    selection = select(index(*given_entries, node), node, puller)
    assert selection.pulls is True
    assert selection.chosen in selection.fetched
