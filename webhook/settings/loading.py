"""A path -> Settings (I/O)."""

from pathlib import Path
from typing import Final

from webhook.settings.decoding import InvalidSettings, decode
from webhook.settings.schema import Settings

FILE_NAME: Final = ".pullproof.yaml"
"""What the command line looks for, from the working directory upwards."""


def load(path: Path) -> Settings:
    """Read one configuration file; raise `InvalidSettings` where it cannot be read or used."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidSettings(str(path), None, f"cannot be read: {error.strerror}; check --config") from error
    except UnicodeDecodeError as error:
        raise InvalidSettings(str(path), None, "is no UTF-8 text; check --config") from error
    return decode(text, str(path))


def find(folder: Path) -> Path | None:
    """Return the nearest configuration file, from `folder` upwards."""
    candidates = (parent / FILE_NAME for parent in (folder, *folder.parents))
    return next((candidate for candidate in candidates if candidate.is_file()), None)
