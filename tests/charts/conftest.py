"""Rendering by the real helm."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

PARTS = Path(os.environ.get("PARTS") or Path.home() / ".cache/pullproof-parts") / "bin"
CHART = Path(__file__).parents[2] / "charts/pullproof"

Objects = list[dict[str, Any]]


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run helm; its answer is for the test to judge."""
    program = PARTS / "helm"
    if not program.exists():
        reason = f"helm not in {PARTS}: run `make parts`"
        if os.environ.get("PULLPROOF_REQUIRE_PARTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    home = tmp_path_factory.mktemp("helm")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(home)}
        return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def template(helm: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., str]:
    """Render with `--set` values."""

    def render(*values: str, release: str = "pullproof", namespace: str = "pullproof-system") -> str:
        sets = [f"--set={each}" for each in values]
        done = helm("template", release, str(CHART), "-n", namespace, *sets)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return render


@pytest.fixture(scope="session")
def render(template: Callable[..., str]) -> Callable[..., Objects]:
    """Render to objects."""
    return lambda *values, **more: [each for each in yaml.safe_load_all(template(*values, **more)) if each]


@pytest.fixture(scope="session")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        if os.environ.get("PULLPROOF_REQUIRE_PARTS") == "1":
            pytest.fail("no promtool: run `make parts`")
        pytest.skip("no promtool: run `make parts`")
    return found
