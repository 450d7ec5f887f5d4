"""OCI and Docker manifests, as far as a pull's fate depends on them (pure).

Decoding is bounded by the caller (containerd refuses manifests over 4 MiB). Source: OCI image-spec manifest.md,
image-index.md; containerd core/images/mediatypes.go.
"""

from dataclasses import dataclass

from webhook.image.platform import Platform
from webhook.image.reference import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """A pointer to content. `platform` is None when the index entry has none; `annotations` are not kept."""

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    artifact_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A list of manifests, in file order. Nested indexes are descriptors with an index media type.

    `nested` holds the nested indexes that were fetched, by digest.
    """

    media_type: str
    manifests: tuple[Descriptor, ...]
    nested: tuple[tuple[Digest, "Index"], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One image. `platform` is what its config says, None when the config was not read."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str = ""
    platform: Platform | None = None
