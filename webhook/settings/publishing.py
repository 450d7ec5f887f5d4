"""The configuration told to others: its JSON Schema, and the values in force as YAML (pure)."""

from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec
import yaml

from webhook.settings.checktable import SECTION, CheckTable
from webhook.settings.duration import PATTERN, Duration
from webhook.settings.schema import Settings

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE: Final = "#/$defs/{name}"


def schema() -> dict[str, Json]:
    """Return the JSON Schema (2020-12) of the configuration, defaults included."""
    (root, _), components = msgspec.json.schema_components(
        (Settings, SECTION), schema_hook=_custom, ref_template=_REFERENCE
    )
    plain = _plain(components)
    _add_defaults(root, values(Settings()), plain)
    return {"$schema": _DIALECT, "title": "Pullproof configuration", **root, "$defs": plain}


def show(settings: Settings) -> str:
    """Return all values in force as a configuration that decodes to the same settings."""
    return str(yaml.safe_dump(values(settings), sort_keys=False, allow_unicode=True, width=120))


def values(settings: Settings) -> dict[str, Json]:
    """Return all values in force as plain JSON values; there are no secrets among them."""
    return _stated(_plain(settings))


def _add_defaults(schema: Json, defaults: Json, components: Mapping[str, Json]) -> None:
    """Say the defaults that are made by a function, which the generator leaves out."""
    if not isinstance(schema, dict) or not isinstance(defaults, dict):
        return
    if isinstance(reference := schema.get("$ref"), str):
        _add_defaults(components[reference.rpartition("/")[2]], defaults, components)
    properties = schema.get("properties")
    for name, each in properties.items() if isinstance(properties, dict) else ():
        if isinstance(each, dict) and name in defaults:
            _add_defaults(each, defaults[name], components)
            each.setdefault("default", defaults[name])


def _plain(value: object) -> dict[str, Json]:
    """Return the JSON object that a value is encoded as."""
    decoded: dict[str, Json] = msgspec.json.decode(msgspec.json.encode(value, enc_hook=_encode))
    return decoded


def _stated(value: dict[str, Json]) -> dict[str, Json]:
    """Leave out what has no value, as the reader does."""
    return {key: _stated(each) if isinstance(each, dict) else each for key, each in value.items() if each is not None}


def _encode(value: object) -> object:
    if isinstance(value, Duration):
        return str(value)
    if isinstance(value, CheckTable):
        return value.encode()
    raise NotImplementedError(type(value).__name__)


def _custom(kind: type) -> dict[str, Json]:
    if kind is Duration:
        return {"type": "string", "pattern": PATTERN, "examples": ["500ms", "60s", "5m"]}
    if kind is CheckTable:
        return {"$ref": _REFERENCE.format(name="Checks")}
    raise NotImplementedError(kind.__name__)
