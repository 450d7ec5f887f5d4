"""How large the image is, from the archive that `make e2e` builds of the Dockerfile (I/O)."""

import gzip
import json
import tarfile
from pathlib import Path

ARCHIVE = Path(__file__).resolve().parents[2] / "build/e2e/pullproof.tar"


def layers(archive: Path = ARCHIVE) -> list[dict[str, int]]:
    """Return bytes to pull and bytes unpacked of each layer, the base first; none where there is no archive."""
    if not archive.exists():
        return []
    with tarfile.open(archive) as image:

        def blob(digest: str) -> bytes:
            stored = image.extractfile(f"blobs/{digest.replace(':', '/')}")
            return stored.read() if stored is not None else b""

        index = image.extractfile("index.json")
        manifests = json.loads(index.read())["manifests"] if index is not None else []
        found = json.loads(blob(manifests[0]["digest"]))["layers"]
        return [{"pulled": layer["size"], "unpacked": _unpacked(blob(layer["digest"]))} for layer in found]


def _unpacked(layer: bytes) -> int:
    return len(gzip.decompress(layer)) if layer[:2] == b"\x1f\x8b" else len(layer)
