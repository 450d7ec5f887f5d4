"""Certificates in a folder (I/O): for one server by itself, and for tests.

Each file is replaced in one step. A reader between two of them may see a certificate without its key; it keeps what it
has and looks again.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from certs.rotate import State
from certs.store import decode, encode

BUNDLE = "ca-bundle.crt"

_FILES = (
    "rotation.json",
    "ca.crt",
    "ca.key",
    "next-ca.crt",
    "next-ca.key",
    "previous-ca.crt",
    "tls.key",
    "tls.crt",
)


class FileStore:
    """A Store and a Publisher in one folder, which is made for its owner alone where it does not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def load(self) -> State:
        """Return what the folder holds."""
        return decode({name: content for name in _FILES if (content := self._read(name))})

    async def save(self, state: State) -> None:
        """Write what changed, remove what is gone."""
        files = encode(state)
        self._write({name: files[name] for name in _FILES if name in files and files[name] != self._read(name)})
        for name in _FILES:
            if name not in files:
                (self._folder / name).unlink(missing_ok=True)

    async def published(self) -> bytes:
        """Return the bundle file."""
        return self._read(BUNDLE)

    async def publish(self, bundle: bytes) -> None:
        """Write the bundle file."""
        self._write({BUNDLE: bundle})

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return b""

    def _write(self, files: Mapping[str, bytes]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in files.items():
            # mkstemp makes the file for its owner alone, so a key is never open to others, not even for a moment.
            descriptor, temporary = tempfile.mkstemp(dir=self._folder, prefix=f".{name}.")
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if name.endswith(".crt"):
                Path(temporary).chmod(0o644)
            Path(temporary).replace(self._folder / name)
