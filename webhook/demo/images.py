"""What an image is, described in a few words (pure).

`ImageSpec` is data: a script may hold it as YAML. `build.py` makes manifests and blobs of it.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum

import msgspec


class InvalidSpec(ValueError):
    """The description of an image cannot be built."""


class Kind(StrEnum):
    """What a manifest is."""

    IMAGE = "image"
    CHART = "chart"
    SIGNATURE = "signature"
    ARTIFACT = "artifact"
    SCHEMA_1 = "schema1"


class Lost(StrEnum):
    """What a broken image has lost: described in the manifest, not held by the registry."""

    NOTHING = ""
    CONFIG = "config"
    LAYER = "layer"
    MANIFEST = "manifest"
    """every manifest that the index lists"""


class ImageSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One image, or an index of several.

    `platforms`: `os/architecture[/variant]`, the os as `os(version+feature)` where it has these; `""` is an index entry
    without a platform.
    `index`: None makes an index of two platforms or more. `nested`: the index lists one index that lists the images.
    `docker`: Docker's media types instead of OCI's. `attested`: an `unknown/unknown` attestation per image, as BuildKit
    adds it. `runs` False: the program is garbage. `padding`: bytes added to the top manifest. `built_for`: the platform
    that the config states where it is not the described one.
    """

    kind: Kind = Kind.IMAGE
    platforms: tuple[str, ...] = ("linux/amd64",)
    index: bool | None = None
    nested: bool = False
    docker: bool = False
    attested: bool = False
    runs: bool = True
    lost: Lost = Lost.NOTHING
    padding: int = 0
    built_for: str = ""


class Content(msgspec.Struct, frozen=True):
    """Bytes with a media type; `digest` is what they are called."""

    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        return "sha256:" + hashlib.sha256(self.data).hexdigest()


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """A top manifest (or index), every manifest below it, and the blobs, by digest."""

    top: Content
    manifests: Mapping[str, Content]
    blobs: Mapping[str, Content]
