"""What a manifest is when it is no image, and what becomes of it (pure).

Registries hold more than images: charts, signatures, models. containerd pulls most of that without a word; it is the
container, or the mount, that fails afterwards. Seen on a node (kubelet 1.37.2, containerd 2.4.2), manifests alone:

| config | layers | a container of it | an image volume of it |
|---|---|---|---|
| image config | image layers | runs | mounts |
| image config | other (cosign, in-toto) | `no command specified`, `parent snapshot … does not exist` | `mismatched image rootfs and manifest layers` |
| other, an object (chart, model) | other | `no command specified`, or no such file where the pod has a command | mounts, empty |
| other, an object (Docker plugin) | image layers | `no command specified`, `parent snapshot … does not exist` | `failed to unpack image volume` |
| other, no object or with an image config's fields of other types | any | pull fails: `get image diffIDs: …` | the same |
| image config with more or fewer diff_ids | image layers | pull fails: `number of layers and diffIDs don't match` | the same |

In an index none of them has a platform that fits: `no match for platform in manifest`. Other runtimes may run what runc
cannot: runwasi's shims take configs of their own, so an unknown config proves nothing. Source besides: containerd
core/unpack/unpacker.go, internal/cri/store/image/image.go.
"""  # noqa: E501 a table

from dataclasses import dataclass
from typing import Final

from webhook.image.manifest import Descriptor, Manifest

_IMAGE_CONFIGS: Final = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
        "application/octet-stream",  # what Docker 1.9 pushed; containerd takes it for one
    }
)
_OCI_LAYER: Final = "application/vnd.oci.image.layer."
_LAYERS: Final = frozenset(
    {
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.erofs.layer.v1",
    }
)
_NAMES: Final = {
    "application/vnd.cncf.helm.config.v1+json": "a Helm chart",
    "application/vnd.dev.cosign.simplesigning.v1+json": "a signature",
    "application/vnd.dev.cosign.artifact.sig.v1+json": "a signature",
    "application/vnd.dev.sigstore.bundle.v0.3+json": "a signature",
    "application/vnd.cncf.notary.signature": "a signature",
    "application/vnd.in-toto+json": "an attestation",
    "application/vnd.dsse.envelope.v1+json": "an attestation",
    "application/spdx+json": "a bill of materials",
    "application/vnd.cyclonedx+json": "a bill of materials",
    "application/vnd.cncf.flux.config.v1+json": "a Flux artifact",
    "application/vnd.cncf.openpolicyagent.config.v1+json": "an OPA bundle",
    "application/vnd.docker.plugin.v1+json": "a Docker plugin",
    "application/vnd.docker.compose.project": "a Compose project",
    "application/vnd.docker.ai.model.config.v0.1+json": "an AI model",
    "application/vnd.cncf.model.config.v1+json": "an AI model",
    "application/vnd.devcontainers": "a dev container feature",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Something else than an image. `name` is for messages.

    `known`: of a kind that no runtime makes a container of. `mounts`: an image volume of it comes up, empty.
    """

    name: str
    known: bool
    mounts: bool


def artifact(manifest: Manifest) -> Artifact | None:
    """Tell what a manifest is, None for an image."""
    config = manifest.config.media_type
    layers = image_layers(manifest)
    if config in _IMAGE_CONFIGS and (layers or not manifest.layers):
        return None
    types = (manifest.artifact_type, config, *(layer.media_type for layer in manifest.layers[:1]))
    name = next((_NAMES[media_type] for media_type in types if media_type in _NAMES), "")
    said = manifest.artifact_type or (types[-1] if config in _IMAGE_CONFIGS else config)
    return Artifact(
        name=name or (f"content of type {said!r}" if said else "content of no declared type"),
        known=bool(name),
        mounts=config not in _IMAGE_CONFIGS and not layers,
    )


def image_layers(manifest: Manifest) -> tuple[Descriptor, ...]:
    """Return the layers that containerd unpacks."""
    return tuple(layer for layer in manifest.layers if _is_layer(layer.media_type))


def miscounted(manifest: Manifest) -> bool:
    """Tell whether the config is known to count other layers than the manifest has, which ends the pull."""
    layers = image_layers(manifest)
    judged = bool(layers) and manifest.config.media_type in _IMAGE_CONFIGS
    return judged and manifest.counted is not None and len(layers) != manifest.counted


def _is_layer(media_type: str) -> bool:
    return media_type.startswith(_OCI_LAYER) or media_type.partition("+")[0] in _LAYERS
