from dataclasses import replace

import pytest

from webhook.image.artifact import artifact, image_layers, miscounted
from webhook.image.manifest import OCI_MANIFEST, Descriptor, Manifest
from webhook.image.reference import Digest

DIGEST = Digest("sha256:" + "a" * 64)
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
HELM = "application/vnd.cncf.helm.config.v1+json"


def descriptor(media_type):
    return Descriptor(media_type=media_type, digest=DIGEST, size=1)


def manifest(config, *layers, artifact_type=""):
    return Manifest(
        media_type=OCI_MANIFEST,
        config=descriptor(config),
        layers=tuple(map(descriptor, layers)),
        artifact_type=artifact_type,
    )


@pytest.mark.parametrize(
    "given",
    [
        manifest(OCI_CONFIG, OCI_LAYER),
        manifest(OCI_CONFIG),
        manifest(OCI_CONFIG, "application/vnd.oci.image.layer.v1.tar+zstd", "text/plain"),
        manifest("application/vnd.docker.container.image.v1+json", "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        manifest("application/octet-stream", "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        manifest(OCI_CONFIG, OCI_LAYER + "+encrypted"),
    ],
)
def test_images(given):
    assert artifact(given) is None


@pytest.mark.parametrize(
    ("given", "name", "known", "mounts"),
    [
        (manifest(HELM, "application/vnd.cncf.helm.chart.content.v1.tar+gzip"), "a Helm chart", True, True),
        (manifest(OCI_CONFIG, "application/vnd.dev.cosign.simplesigning.v1+json"), "a signature", True, False),
        (manifest(OCI_CONFIG, "application/vnd.in-toto+json"), "an attestation", True, False),
        (manifest("application/vnd.docker.plugin.v1+json", OCI_LAYER), "a Docker plugin", True, False),
        (
            manifest(
                "application/vnd.oci.empty.v1+json", "text/x", artifact_type="application/vnd.cncf.notary.signature"
            ),
            "a signature",
            True,
            True,
        ),
        (
            manifest("application/vnd.oci.empty.v1+json", "text/plain", artifact_type="application/vnd.acme"),
            "content of type 'application/vnd.acme'",
            False,
            True,
        ),
        (
            manifest("application/vnd.wasm.config.v0+json", "application/wasm"),
            "content of type 'application/vnd.wasm.config.v0+json'",
            False,
            True,
        ),
        (manifest(OCI_CONFIG, "text/plain"), "content of type 'text/plain'", False, False),
        (manifest("", "text/plain"), "content of no declared type", False, True),
    ],
)
def test_artifacts(given, name, known, mounts):
    told = artifact(given)
    assert told is not None
    assert (told.name, told.known, told.mounts) == (name, known, mounts)


@pytest.mark.parametrize(
    ("config", "layer", "counted", "expected"),
    [
        pytest.param(OCI_CONFIG, OCI_LAYER, 1, False, id="as many"),
        pytest.param(OCI_CONFIG, OCI_LAYER, 2, True, id="more"),
        pytest.param(OCI_CONFIG, OCI_LAYER, 0, True, id="none"),
        pytest.param(OCI_CONFIG, OCI_LAYER, None, False, id="config not read"),
        pytest.param(HELM, OCI_LAYER, 0, False, id="no image"),
        pytest.param(OCI_CONFIG, "text/plain", 1, False, id="nothing to unpack"),
    ],
)
def test_layers_that_the_config_does_not_count(config, layer, counted, expected):
    image = replace(manifest(config, layer, "text/plain"), counted=counted)
    assert len(image_layers(image)) <= 1
    assert miscounted(image) is expected
