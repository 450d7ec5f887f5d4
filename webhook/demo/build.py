"""From the description of an image to its manifests and blobs, in memory (pure).

An image's name is part of its layer, so images of different names share no content and a node must really fetch each.
"""

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping

from webhook.demo import programs
from webhook.demo.images import Content, Image, ImageSpec, InvalidSpec, Kind, Lost
from webhook.demo.mediatypes import (
    COSIGN_LAYER,
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    EMPTY_CONFIG,
    HELM_CONFIG,
    HELM_LAYER,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    SCHEMA_1,
)

_PLATFORM = re.compile(
    r"(?P<os>[^(/]*)(\((?P<version>[^+)]*)(?P<features>[^)]*)\))?/(?P<arch>[^/]+)(/(?P<variant>.+))?"
)


def build(name: str, spec: ImageSpec) -> Image:
    """Make the image `spec` describes; raises `InvalidSpec`."""
    return _Builder(name, spec).image()


def archive(image: Image, name: str) -> bytes:
    """Write an OCI archive that `ctr images import` knows under `name`."""
    contents = [*image.manifests.values(), *image.blobs.values()]
    entries = {f"blobs/sha256/{content.digest.removeprefix('sha256:')}": content.data for content in contents}
    top = _descriptor(image.top) | {"annotations": {"io.containerd.image.name": name}}
    entries["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    entries["index.json"] = _json({"schemaVersion": 2, "manifests": [top]})
    return _tar(entries)


class _Builder:
    """Collects manifests and blobs while an image is made."""

    def __init__(self, name: str, spec: ImageSpec) -> None:
        self._name = name
        self._spec = spec
        self._manifests: dict[str, Content] = {}
        self._blobs: dict[str, Content] = {}

    def image(self) -> Image:
        top = self._top()
        return Image(top=top, manifests={**self._manifests, top.digest: top}, blobs=self._blobs)

    def _top(self) -> Content:
        spec = self._spec
        if spec.kind is Kind.SCHEMA_1:
            return self._padded(SCHEMA_1, {"schemaVersion": 1, "name": self._name, "tag": "1", "fsLayers": []})
        indexed = len(spec.platforms) > 1 if spec.index is None else spec.index
        if not indexed:
            if len(spec.platforms) != 1:
                raise InvalidSpec(f"{self._name!r}: one platform without an index; give one, or index: true")
            return self._padded(*self._manifest(spec.platforms[0]))
        entries = [entry for text in spec.platforms for entry in self._entries(text)]
        if spec.nested:
            inner = self._keep(Content(self._index_type, _json(self._index(entries))))
            entries = [_descriptor(inner)]
        return self._padded(self._index_type, self._index(entries))

    def _entries(self, text: str) -> list[dict[str, object]]:
        """Return the index entries of one platform: the image, and its attestation."""
        media_type, body = self._manifest(text or "linux/amd64")
        manifest = self._keep(Content(media_type, _json(body)))
        entry = _descriptor(manifest) | ({"platform": _platform(text)} if text else {})
        if not self._spec.attested:
            return [entry]
        media_type, body = self._manifest("unknown/unknown")
        statement = self._keep(Content(media_type, _json(body)))
        about = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": manifest.digest}
        unknown = {"os": "unknown", "architecture": "unknown"}
        return [entry, _descriptor(statement) | {"annotations": about, "platform": unknown}]

    def _manifest(self, text: str) -> tuple[str, dict[str, object]]:
        config, layers = self._content(text)
        media_type = DOCKER_MANIFEST if self._spec.docker else OCI_MANIFEST
        body: dict[str, object] = {"schemaVersion": 2, "mediaType": media_type, "config": _descriptor(config)}
        return media_type, body | {"layers": [_descriptor(layer) for layer in layers]}

    def _content(self, text: str) -> tuple[Content, list[Content]]:
        match self._spec.kind:
            case Kind.CHART:
                config = Content(HELM_CONFIG, _json({"name": self._name, "version": "1.0.0", "apiVersion": "v2"}))
                layer = Content(HELM_LAYER, gzip.compress(_tar({"chart/Chart.yaml": self._name.encode()}), mtime=0))
            case Kind.SIGNATURE:
                config = Content(OCI_CONFIG, _json({"architecture": "", "os": "", "rootfs": {"type": "layers"}}))
                layer = Content(COSIGN_LAYER, _json({"critical": {"identity": {"docker-reference": self._name}}}))
            case Kind.ARTIFACT:
                config = Content(EMPTY_CONFIG, b"{}")
                layer = Content("application/octet-stream", self._name.encode())
            case _:
                return self._runnable(text)
        return self._blob(config, Lost.CONFIG), [self._blob(layer, Lost.LAYER)]

    def _runnable(self, text: str) -> tuple[Content, list[Content]]:
        platform = _platform(self._spec.built_for or text)
        architecture = str(platform["architecture"]) if self._spec.runs else ""
        files = {"app": programs.pause(architecture), "exit": programs.leave(architecture)}
        tar = _tar(files | {"name": f"{self._name} {text}\n".encode()})
        config = platform | {
            "config": {"Entrypoint": ["/app"]},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest()]},
        }
        docker = self._spec.docker
        layer = Content(DOCKER_LAYER if docker else OCI_LAYER, gzip.compress(tar, mtime=0))
        return (
            self._blob(Content(DOCKER_CONFIG if docker else OCI_CONFIG, _json(config)), Lost.CONFIG),
            [self._blob(layer, Lost.LAYER)],
        )

    def _blob(self, content: Content, loss: Lost) -> Content:
        if self._spec.lost is not loss:
            self._blobs[content.digest] = content
        return content

    def _keep(self, manifest: Content) -> Content:
        if self._spec.lost is not Lost.MANIFEST:
            self._manifests[manifest.digest] = manifest
        return manifest

    @property
    def _index_type(self) -> str:
        return DOCKER_LIST if self._spec.docker else OCI_INDEX

    def _index(self, entries: list[dict[str, object]]) -> dict[str, object]:
        return {"schemaVersion": 2, "mediaType": self._index_type, "manifests": entries}

    def _padded(self, media_type: str, body: dict[str, object]) -> Content:
        padding = {"annotations": {"padding": "x" * self._spec.padding}} if self._spec.padding else {}
        return Content(media_type, _json(body | padding))


def _platform(text: str) -> dict[str, object]:
    parts = _PLATFORM.fullmatch(text)
    if parts is None:
        raise InvalidSpec(f"platform {text!r}: write os/architecture[/variant] or os(version+feature)/architecture")
    platform: dict[str, object] = {"os": parts["os"], "architecture": parts["arch"]}
    if parts["variant"]:
        platform["variant"] = parts["variant"]
    if parts["version"]:
        platform["os.version"] = parts["version"]
    if parts["features"]:
        platform["os.features"] = parts["features"].strip("+").split("+")
    return platform


def _descriptor(content: Content) -> dict[str, object]:
    return {"mediaType": content.media_type, "digest": content.digest, "size": len(content.data)}


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
