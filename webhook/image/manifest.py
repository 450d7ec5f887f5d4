"""OCI and Docker manifests, as far as a pull's fate depends on them (pure).

    decode         bytes of an index or manifest -> Index | Manifest
    decode_config  bytes of an image config      -> what it was built for, and how many layers it counts

Decoding is bounded by the caller (containerd refuses manifests over 4 MiB). Source: OCI image-spec manifest.md,
image-index.md; containerd core/images/mediatypes.go and image.go (`validateMediaType`). What containerd looks at is
what is malformed here: a digest that nobody can check, a document of another kind than was announced.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from webhook.image.platform import Platform
from webhook.image.reference import Digest, InvalidReference, parse_digest

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"

MAX_MANIFEST_BYTES: Final = 4 * 1048 * 1048
"""What containerd reads of a manifest (core/remotes/docker: the odd number is theirs)."""
MAX_DESCRIPTORS: Final = 10_000
"""How many descriptors containerd follows before it gives up ("too many descriptors")."""
_LONGEST, _MOST_FEATURES = 256, 64
"""Characters of a text, and features of a platform, that are kept; nobody knows longer ones."""


class Kind(StrEnum):
    """What containerd takes a document for, by its media type alone."""

    INDEX = "index"
    MANIFEST = "manifest"
    SCHEMA1 = "schema 1 manifest"
    """refused since containerd 2.0, converted before"""
    OTHER = "other"
    """resolved by HEAD, then refused: `unexpected media type … not found`"""


_KINDS: Final = {
    OCI_INDEX: Kind.INDEX,
    DOCKER_INDEX: Kind.INDEX,
    OCI_MANIFEST: Kind.MANIFEST,
    DOCKER_MANIFEST: Kind.MANIFEST,
    SCHEMA1: Kind.SCHEMA1,
}


class MalformedManifest(ValueError):
    """The document is not what it was announced as; the text says where, in JSON path notation."""


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

    `nested` holds the nested indexes that were fetched, by digest; `images` the manifests that were. `gone`: entries
    that the registry was seen not to have.
    """

    media_type: str
    manifests: tuple[Descriptor, ...]
    nested: tuple[tuple[Digest, "Index"], ...] = ()
    images: tuple[tuple[Digest, "Manifest"], ...] = ()
    gone: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One image. `platform` and `counted` (the number of layers): what its config says, None when it was not read.

    `gone`: its config, or layers of it, that the registry was seen not to have.
    """

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str = ""
    platform: Platform | None = None
    counted: int | None = None
    gone: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """What an image config says of itself. `platform` is None where it names no architecture."""

    platform: Platform | None
    layers: int


def parse_media_type(content_type: str) -> str:
    """Return a Content-Type without its parameters; plain text stands for schema 1, as containerd takes it."""
    media_type = content_type.partition(";")[0][:_LONGEST]
    return SCHEMA1 if media_type == "text/plain" else media_type


def is_json(body: bytes) -> bool:
    """Tell whether `body` is a whole JSON document, which every manifest is."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def kind_of(media_type: str) -> Kind:
    """Tell what containerd takes a media type for."""
    return _KINDS.get(media_type, Kind.OTHER)


def decode(body: bytes, media_type: str) -> Index | Manifest:
    """Decode what a registry served as `media_type`; raise `MalformedManifest`."""
    kind = kind_of(media_type)
    if kind not in (Kind.INDEX, Kind.MANIFEST):
        raise MalformedManifest(f"media type {media_type!r} is no manifest or index")
    marks = _read(body, _Marks, kind)
    if marks.fsLayers:
        raise MalformedManifest(f"malformed {kind}: schema 1 is not supported - at `$.fsLayers`")
    if kind is Kind.INDEX:
        if marks.config or marks.layers or kind_of(marks.mediaType or "") is Kind.MANIFEST:
            raise MalformedManifest("malformed index: it is a manifest - at `$`")
        return _index(_read(body, _WireIndex, kind), media_type)
    if marks.manifests or kind_of(marks.mediaType or "") is Kind.INDEX:
        raise MalformedManifest("malformed manifest: it is an index - at `$`")
    return _manifest(_read(body, _WireManifest, kind), media_type)


def decode_config(body: bytes) -> ImageConfig:
    """Decode an image config; raise `MalformedManifest`."""
    wire = _read(body, _WireConfig, "image config")
    platform = _platform(wire) if wire.architecture else None
    diff_ids = wire.rootfs.diff_ids if wire.rootfs else None
    return ImageConfig(platform=platform, layers=len(diff_ids or ()))


class _Marks(msgspec.Struct):
    """What gives away another kind of document, whatever it holds."""

    mediaType: str | None = None  # noqa: N815 the wire's names
    config: msgspec.Raw = msgspec.Raw()
    layers: msgspec.Raw = msgspec.Raw()
    manifests: msgspec.Raw = msgspec.Raw()
    fsLayers: msgspec.Raw = msgspec.Raw()  # noqa: N815


class _WirePlatform(msgspec.Struct):
    os: str | None = None
    architecture: str | None = None
    variant: str | None = None
    os_version: str | None = msgspec.field(default=None, name="os.version")
    os_features: list[str] | None = msgspec.field(default=None, name="os.features")


class _WireDescriptor(msgspec.Struct, rename="camel"):
    digest: str
    media_type: str | None = None
    size: int | None = None
    platform: _WirePlatform | None = None
    artifact_type: str | None = None


class _WireIndex(msgspec.Struct):
    manifests: list[_WireDescriptor] | None = None


class _WireManifest(msgspec.Struct, rename="camel"):
    config: _WireDescriptor
    layers: list[_WireDescriptor] | None = None
    artifact_type: str | None = None


class _WireRootFS(msgspec.Struct):
    diff_ids: list[str] | None = None


class _WireConfig(_WirePlatform):
    rootfs: _WireRootFS | None = None


_Wire = TypeVar("_Wire")


def _read(body: bytes, wire: type[_Wire], what: str) -> _Wire:
    try:
        return msgspec.json.decode(body, type=wire)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedManifest(f"malformed {what}: {error}") from error


def _index(wire: _WireIndex, media_type: str) -> Index:
    entries = wire.manifests or []
    if len(entries) > MAX_DESCRIPTORS:
        raise MalformedManifest(f"malformed index: {len(entries)} entries, containerd follows {MAX_DESCRIPTORS}")
    return Index(
        media_type=media_type,
        manifests=tuple(_descriptor(entry, f"$.manifests[{place}]") for place, entry in enumerate(entries)),
    )


def _manifest(wire: _WireManifest, media_type: str) -> Manifest:
    layers = wire.layers or []
    if len(layers) > MAX_DESCRIPTORS:
        raise MalformedManifest(f"malformed manifest: {len(layers)} layers, containerd follows {MAX_DESCRIPTORS}")
    return Manifest(
        media_type=media_type,
        config=_descriptor(wire.config, "$.config"),
        layers=tuple(_descriptor(layer, f"$.layers[{place}]") for place, layer in enumerate(layers)),
        artifact_type=_text(wire.artifact_type),
    )


def _descriptor(wire: _WireDescriptor, path: str) -> Descriptor:
    try:
        digest = parse_digest(wire.digest)
    except InvalidReference as error:
        raise MalformedManifest(f"{error} - at `{path}.digest`") from error
    return Descriptor(
        media_type=_text(wire.media_type),
        digest=digest,
        size=wire.size or 0,
        artifact_type=_text(wire.artifact_type),
        platform=None if wire.platform is None else _platform(wire.platform),
    )


def _platform(wire: _WirePlatform) -> Platform:
    return Platform(
        os=_text(wire.os),
        architecture=_text(wire.architecture),
        variant=_text(wire.variant),
        os_version=_text(wire.os_version),
        os_features=tuple(_text(feature) for feature in (wire.os_features or ())[:_MOST_FEATURES]),
    )


def _text(text: str | None) -> str:
    return (text or "")[:_LONGEST]
