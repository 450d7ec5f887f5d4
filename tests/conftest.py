"""Cases as data: `tests/vectors/*.json`, what upstream code was seen to do.

A test takes one vector at a time by its marker, or whole files by the `vectors` fixture:

    @pytest.mark.vectors("keyring", "url_match")
    def test_url_match(case): ...

    def test_meta(vectors): vectors("keyring")["meta"]
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).parent / "vectors"


@cache
def _load(name: str) -> Any:
    return json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "vectors(file, *keys): one test per case of tests/vectors/FILE.json, as `case`")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("vectors")
    if marker is None or "case" not in metafunc.fixturenames:
        return
    cases = _load(marker.args[0])
    for key in marker.args[1:]:
        cases = cases[key]
    metafunc.parametrize("case", cases, ids=[_name(number, case) for number, case in enumerate(cases)])


def _name(number: int, case: Any) -> str:
    for key in ("id", "name", "case", "input", "key", "glob", "auth"):
        if isinstance(case, dict) and isinstance(case.get(key), str):
            return f"{number}-{case[key][:40]}"
    return str(number)


@pytest.fixture(scope="session")
def vectors() -> Callable[[str], Any]:
    """Load one file of vectors by its name without `.json`."""
    return _load
