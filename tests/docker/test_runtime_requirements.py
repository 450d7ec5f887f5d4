"""What of constraints.txt goes into the image."""

import runpy
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = runpy.run_path(str(ROOT / "docker/runtime_requirements.py"))

TEXT = """\
app-lib==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
    # via pullproof (pyproject.toml)
deep.lib==2.0 ; sys_platform != 'win32' \\
    --hash=sha256:bb
    # via
    #   App_Lib
    #   tool
extra==3.0 \\
    --hash=sha256:cc
    # via pullproof (pyproject.toml:shared-cache)
tool==4.0 \\
    --hash=sha256:dd
    # via pullproof (pyproject.toml:dev)
tool-lib==5.0 \\
    --hash=sha256:ee
    # via tool
"""


def names(*extras: str, text: str = TEXT) -> list[str]:
    return [each.partition("==")[0] for each in PROGRAM["runtime"](text, extras)]


def test_only_what_runs_with_its_hashes() -> None:
    assert names() == ["app-lib", "deep.lib"]
    first, second = PROGRAM["runtime"](TEXT)
    assert first == "app-lib==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:ab"
    assert second == "deep.lib==2.0 ; sys_platform != 'win32' \\\n    --hash=sha256:bb"


def test_extras_are_asked_for() -> None:
    assert names("shared-cache") == ["app-lib", "deep.lib", "extra"]


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_projects_own_dependencies_are_all_there(project) -> None:
    found = set(names(text=(ROOT / "constraints.txt").read_text()))
    for requirement in project["project"]["dependencies"]:
        assert requirement.partition(">")[0].lower() in found
    assert not found & {"mypy", "pytest", "ruff", "hypothesis", "pip", "setuptools"}
