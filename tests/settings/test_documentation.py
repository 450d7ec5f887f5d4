"""docs/configuration.md tells of every key, and its example is one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from webhook.policy.finding import Code
from webhook.settings.decoding import decode
from webhook.settings.publishing import schema, values
from webhook.settings.schema import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
SCHEMA: Any = schema()
CODES = {code.value for code in Code}


def keys(definition: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every key that holds a value."""
    if "$ref" in definition:
        definition = SCHEMA["$defs"][definition["$ref"].rpartition("/")[2]]
    branches = [*definition.get("anyOf", ()), definition.get("items", {})]
    nested = [each for each in branches if "$ref" in each and "properties" in resolved(each)]
    for each in nested:
        yield from keys(each, f"{path}[]" if each is definition.get("items") else path)
    for name, each in definition.get("properties", {}).items():
        yield from keys(each, f"{path}.{name}".lstrip("."))
    if not nested and "properties" not in definition:
        yield path


def resolved(definition: Any) -> Any:
    return SCHEMA["$defs"][definition["$ref"].rpartition("/")[2]]


def test_every_key_is_told_of() -> None:
    wanted = {re.sub(r"^checks\.[a-z-]+\.level$", "checks.<code>.level", key) for key in keys(SCHEMA)}
    told = set(re.findall(r"`([A-Za-z0-9.<>\[\]-]+)`", PAGE))
    assert len(wanted) > 60
    assert wanted - told == set()


def test_no_key_is_told_of_that_is_none() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", PAGE, re.MULTILINE)
    told = {key for row in rows for key in re.findall(r"`([^`]+)`", row)}
    known = {re.sub(r"^checks\.[a-z-]+\.level$", "checks.<code>.level", key) for key in keys(SCHEMA)}
    assert told - known - {"nodes.logins"} == set()


def test_the_example_decodes() -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    assert decode(example[1]).registries[0].match == "docker.io"


def test_the_defaults_are_true() -> None:
    rows = re.findall(r"^\| `([A-Za-z.-]+)` \| `([^`]+)` \|", PAGE, re.MULTILINE)
    assert len(rows) > 30
    defaults = values(Settings())
    wrong = [(key, told) for key, told in rows if not agrees(value_at(defaults, key), told)]
    assert wrong == []


def value_at(value: Any, key: str) -> Any:
    for step in key.split("."):
        value = value[step]
    return value


def agrees(value: Any, told: str) -> bool:
    if isinstance(value, list):
        return told == f"[{', '.join(value)}]"
    if isinstance(value, bool):
        return told == str(value).lower()
    return told == str(value) or (told == "60s" and value == "1m")
