import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webhook.image.manifest import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    MAX_DESCRIPTORS,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1,
    Index,
    Kind,
    MalformedManifest,
    Manifest,
    decode,
    decode_config,
    kind_of,
    parse_media_type,
)
from webhook.image.platform import Platform

DIGEST = "sha256:" + "a" * 64
ENTRY = {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 7}
CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": 7}


def encode(document):
    return json.dumps(document).encode()


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_INDEX])
def test_index(media_type):
    platform = {"os": "windows", "architecture": "amd64", "os.version": "10.0.1", "os.features": ["win32k"]}
    document = {"manifests": [{**ENTRY, "platform": platform}, {**ENTRY, "platform": None}, ENTRY]}
    index = decode(encode(document), media_type)
    assert isinstance(index, Index)
    assert index.media_type == media_type
    assert [entry.platform for entry in index.manifests] == [
        Platform(os="windows", architecture="amd64", os_version="10.0.1", os_features=("win32k",)),
        None,
        None,
    ]


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_manifest(media_type):
    document = {"config": CONFIG, "layers": [ENTRY, ENTRY], "artifactType": "application/x", "annotations": {"a": "b"}}
    manifest = decode(encode(document), media_type)
    assert isinstance(manifest, Manifest)
    assert (manifest.config.media_type, len(manifest.layers)) == (CONFIG["mediaType"], 2)
    assert (manifest.artifact_type, manifest.platform) == ("application/x", None)


@pytest.mark.parametrize(
    ("document", "media_type"),
    [({}, OCI_INDEX), ({"manifests": None}, OCI_INDEX), ({"config": CONFIG, "layers": None}, OCI_MANIFEST)],
)
def test_absent_lists_are_empty(document, media_type):
    content = decode(encode(document), media_type)
    assert (content.manifests if isinstance(content, Index) else content.layers) == ()


@pytest.mark.parametrize(
    ("document", "media_type", "where"),
    [
        ({"manifests": [ENTRY, {**ENTRY, "digest": 5}]}, OCI_INDEX, r"\$\.manifests\[1\]\.digest|\$.manifests\[...\]"),
        ({"manifests": [ENTRY, {**ENTRY, "digest": "../../v2"}]}, OCI_INDEX, r"\$\.manifests\[1\]\.digest"),
        ({"manifests": [{**ENTRY, "digest": "md5:" + "a" * 32}]}, OCI_INDEX, "unsupported digest algorithm"),
        ({"layers": []}, OCI_MANIFEST, "config"),
        ({"config": {}}, OCI_MANIFEST, r"\$\.config"),
        ({"config": CONFIG, "layers": [{"digest": ""}]}, OCI_MANIFEST, r"\$\.layers\[0\]\.digest"),
        ({"config": CONFIG, "manifests": []}, OCI_MANIFEST, "it is an index"),
        ({"config": CONFIG, "mediaType": DOCKER_INDEX}, OCI_MANIFEST, "it is an index"),
        ({"manifests": [], "config": CONFIG}, OCI_INDEX, "it is a manifest"),
        ({"manifests": [], "mediaType": OCI_MANIFEST}, DOCKER_INDEX, "it is a manifest"),
        ({"fsLayers": [], "config": CONFIG}, OCI_MANIFEST, "schema 1 is not supported"),
        ({}, SCHEMA1, "is no manifest or index"),
        ({}, "text/html", "is no manifest or index"),
        ([], OCI_INDEX, "malformed index"),
        (None, OCI_MANIFEST, "malformed manifest"),
    ],
)
def test_malformed(document, media_type, where):
    with pytest.raises(MalformedManifest, match=where):
        decode(encode(document), media_type)


def test_more_descriptors_than_containerd_follows():
    with pytest.raises(MalformedManifest, match="containerd follows 10000"):
        decode(encode({"manifests": [ENTRY] * (MAX_DESCRIPTORS + 1)}), OCI_INDEX)
    with pytest.raises(MalformedManifest, match="containerd follows 10000"):
        decode(encode({"config": CONFIG, "layers": [ENTRY] * (MAX_DESCRIPTORS + 1)}), OCI_MANIFEST)


@pytest.mark.parametrize(
    ("header", "media_type", "kind"),
    [
        (OCI_INDEX, OCI_INDEX, Kind.INDEX),
        (DOCKER_MANIFEST + "; charset=utf-8", DOCKER_MANIFEST, Kind.MANIFEST),
        ("text/plain; charset=utf-8", SCHEMA1, Kind.SCHEMA1),
        ("text/html", "text/html", Kind.OTHER),
        ("application/json", "application/json", Kind.OTHER),
        ("", "", Kind.OTHER),
    ],
)
def test_media_type_of_a_header(header, media_type, kind):
    assert parse_media_type(header) == media_type
    assert kind_of(media_type) is kind


def test_config():
    config = decode_config(
        encode({"os": "linux", "architecture": "arm", "variant": "v6", "rootfs": {"diff_ids": ["a"]}})
    )
    assert config.platform == Platform(os="linux", architecture="arm", variant="v6")
    assert config.layers == 1


@pytest.mark.parametrize("document", [{}, {"rootfs": None}, {"os": "linux"}, {"name": "chart", "version": "1"}])
def test_config_that_names_no_architecture(document):
    config = decode_config(encode(document))
    assert (config.platform, config.layers) == (None, 0)


TYPES = [OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST, SCHEMA1, ""]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(DIGEST),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["manifests", "config", "layers", "digest", "platform", "os", "os.features", "rootfs", "size"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.one_of(json_values.map(encode), st.binary(max_size=40)), st.sampled_from(TYPES))
@example(b"[" * 200_000, OCI_INDEX)
@example(b'{"manifests":' * 50_000, OCI_INDEX)
@example(b'{"x":' + b"[" * 200_000, OCI_MANIFEST)
@example(b"\xff", OCI_MANIFEST)
def test_only_its_own_error(body, media_type):
    for read in (lambda: decode(body, media_type), lambda: decode_config(body)):
        with suppress(MalformedManifest):
            read()


def test_the_largest_manifest_is_read_soon():
    body = encode({"manifests": [{**ENTRY, "platform": {"os": "linux", "architecture": "amd64"}}] * 9_999})
    assert len(decode(body, OCI_INDEX).manifests) == 9_999


def test_texts_that_a_registry_chooses_are_cut():
    """What is kept is counted in descriptors, and one with four megabytes of text would count as one."""
    long = "x" * 1_000_000
    platform = {"os": long, "architecture": long, "variant": long, "os.version": long, "os.features": [long] * 1000}
    entry = {"digest": "sha256:" + "a" * 64, "mediaType": long, "artifactType": long, "platform": platform}
    (descriptor,) = decode(encode({"manifests": [entry]}), OCI_INDEX).manifests
    config = decode_config(encode(platform))
    texts = [descriptor.media_type, descriptor.artifact_type]
    for found in (descriptor.platform, config.platform):
        texts += [found.os, found.architecture, found.variant, found.os_version, *found.os_features]
        assert len(found.os_features) == 64
    assert {len(text) for text in texts} == {256}
    assert len(parse_media_type(long)) == 256
