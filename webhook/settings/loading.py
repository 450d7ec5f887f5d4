"""A path -> Settings (I/O)."""

from pathlib import Path

from webhook.settings.decoding import InvalidSettings, decode
from webhook.settings.schema import Settings


def load(path: Path) -> Settings:
    """Read one configuration file; raise `InvalidSettings` where it cannot be read or used."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidSettings(
            str(path), None, f"cannot be read: {(error.strerror or '').lower()}; check --config"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidSettings(str(path), None, "is no UTF-8 text; check --config") from error
    return decode(text, str(path))
