"""The ways in: GitHub Action, pre-commit, GitLab CI, krew, kubectl's completion."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PARTS = Path(os.environ.get("PARTS") or Path.home() / ".cache/pullproof-parts") / "bin"


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def venv(folder: Path) -> Path:
    """Make what stands for the action's venv: the program of this Python."""
    program = folder / "bin" / "pullproof"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m webhook "$@"\n')
    program.chmod(0o755)
    return folder


def test_the_action_checks_and_tells(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    bad = tmp_path / "bad.yaml"
    bad.write_text("apiVersion: v1\nkind: Pod\nspec: {containers: [{image: A:1}]}\n")
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")},
        "PULLPROOF_VENV": str(venv(tmp_path / "a b")),
        "PULLPROOF_PATHS": "bad.yaml",
        "PULLPROOF_PLATFORM": "linux/amd64 linux/arm64",
        "PULLPROOF_SARIF": "out.sarif",
        "PULLPROOF_ARGS": "--offline",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }
    script = ["bash", str(ROOT / "ci/github.sh")]
    done = subprocess.run(script, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error file=bad.yaml,line=3,")
    assert (tmp_path / "output").read_text() == "exit-code=1\n"
    assert "1 of 1 image would not be pulled" in (tmp_path / "summary.md").read_text()
    assert json.loads((tmp_path / "out.sarif").read_text())["version"] == "2.1.0"


def test_no_input_of_the_action_is_text_of_a_script() -> None:
    action = load("action.yml")
    steps = action["runs"]["steps"]
    assert all("${{" not in step["run"] for step in steps)
    used = {value for step in steps for value in step["env"].values() if "inputs." in value}
    assert {f"${{{{ inputs.{name} }}}}" for name in action["inputs"]} == used
    assert all((ROOT / step["run"].partition("$PULLPROOF_SOURCE/")[2].rstrip('"')).is_file() for step in steps)


@pytest.mark.parametrize("script", ["ci/install.sh", "ci/github.sh", "plugins/kubectl_complete-pullproof"])
def test_scripts_parse(script: str) -> None:
    shell = "sh" if script.startswith("plugins") else "bash"
    subprocess.run([shell, "-n", ROOT / script], check=True)
    assert os.access(ROOT / script, os.X_OK)


def test_the_hooks_run_what_there_is(tmp_path: Path) -> None:
    for hook in load(".pre-commit-hooks.yaml"):
        program, *arguments = hook["entry"].split()
        assert program == "pullproof"
        file = tmp_path / "a.yaml"
        file.write_text("apiVersion: v1\nkind: ConfigMap\n")
        argv = [sys.executable, "-m", "webhook", *arguments, str(file)]
        assert subprocess.run(argv, cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_the_gitlab_component_uses_its_inputs() -> None:
    text = (ROOT / "templates/pullproof.yml").read_text()
    header, job = yaml.safe_load_all(text)
    assert {name for name in header["spec"]["inputs"] if f"$[[ inputs.{name} ]]" in text} == set(
        header["spec"]["inputs"]
    )
    assert set(job["pullproof"]["artifacts"]["reports"]) == {"codequality", "junit"}


def test_the_krew_manifest_points_nowhere_yet() -> None:
    manifest = load("plugins/pullproof.yaml")
    (platform,) = manifest["spec"]["platforms"]
    assert (manifest["kind"], platform["bin"]) == ("Plugin", "kubectl-pullproof")
    assert ".invalid/" in platform["uri"]


@pytest.fixture
def kubectl() -> str:
    if not (PARTS / "kubectl").exists():
        reason = f"kubectl not in {PARTS}: run `make parts`"
        if os.environ.get("PULLPROOF_REQUIRE_PARTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return str(PARTS / "kubectl")


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["sc"], ["scan"]), (["check", "--credentials", ""], ["docker", "anonymous", "cluster"])],
    ids=["a command", "a choice"],
)
def test_kubectl_completes(kubectl: str, tmp_path: Path, words: list[str], expected: list[str]) -> None:
    programs = venv(tmp_path) / "bin"
    (programs / "kubectl-pullproof").symlink_to(programs / "pullproof")
    (programs / "kubectl_complete-pullproof").symlink_to(ROOT / "plugins/kubectl_complete-pullproof")
    environ = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "KUBECONFIG": "/dev/null"}
    argv = [kubectl, "__complete", "pullproof", *words]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [*expected, ":4"]


@pytest.mark.parametrize("program", ["pullproof", "kubectl-pullproof"])
def test_help_shows_what_was_typed(program: str) -> None:
    code = f"import sys; sys.argv[0] = '/x/{program}'; from webhook.__main__ import main; main()"
    argv = [sys.executable, "-c", code, "explain", "--help"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    typed = program.replace("kubectl-", "kubectl ")
    assert done.stdout.startswith(f"Usage: {typed} explain ")
    assert f"    {typed} explain pod/api-5d9f7c-x2x8k -n shop" in done.stdout
