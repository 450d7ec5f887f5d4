"""docs/licenses.md speaks of what is shipped, and of nothing that may not be; pins are pins."""

import importlib.metadata
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/licenses.md").read_text()
ALLOWED = re.compile(r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Mozilla Public License 2\.0|MPL-2\.0)\b")
ELSEWHERE = re.compile(r"sys_platform == 'win32'|python_full_version <")
"""Pinned for other machines than those of the image."""

PROGRAM = runpy.run_path(str(ROOT / "docker/runtime_requirements.py"))


def rows() -> dict[str, tuple[str, str]]:
    found = re.findall(r"^\| (\S+) +\| (\S+) +\| (.+?) +\|$", PAGE, re.MULTILINE)
    return {PROGRAM["normal"](name): (version, licence) for name, version, licence in found if name != "Name"}


def shipped() -> dict[str, str]:
    pinned = PROGRAM["runtime"]((ROOT / "constraints.txt").read_text(), ("shared-cache",))
    heads = [lines.splitlines()[0] for lines in pinned]
    return {
        PROGRAM["normal"](head.partition("==")[0]): re.split(r"[ ;\\]", head.partition("==")[2])[0]
        for head in heads
        if not ELSEWHERE.search(head)
    }


def test_it_lists_what_is_shipped() -> None:
    assert {name: version for name, (version, _) in rows().items()} == shipped(), "renew it: make sbom"


def test_every_licence_is_allowed() -> None:
    assert len(rows()) > 40
    assert [name for name, (_, licence) in rows().items() if not ALLOWED.search(licence)] == []


@pytest.mark.parametrize("name", sorted(shipped()))
def test_it_agrees_with_what_is_installed(name: str) -> None:
    """The same words as the package's own, so that a row that somebody wrote by hand would be seen."""
    data = importlib.metadata.metadata(name)
    own = [
        data.get("License-Expression") or "",
        *(text.rsplit(" :: ", 1)[-1] for text in data.get_all("Classifier") or () if text.startswith("License ::")),
    ]
    told = {text.strip() for text in re.split(r";", rows()[name][1])}
    assert told & set(own) or told == {(data.get("License") or "").strip()}


@pytest.mark.parametrize("name", ["constraints.txt", "docker/sbom_tools.txt"])
def test_pins_have_hashes_and_name_no_index(name: str) -> None:
    text = (ROOT / name).read_text()
    pins = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(pins) > 20
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []
    assert "index-url" not in text
    assert "://" not in text
